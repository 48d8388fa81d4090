"""Programs by a teacher model, where people have written too few: docs/teacher.md. No rule of these without a teacher.

In: config.yaml (teacher), results/problems.jsonl.gz, verified programs. Out: results/teacher/existing/{language} (what is
right without the teacher), results/teacher/{language}.jsonl.gz (candidates, which rule build_programs judges) and
results/teacher/{language}.csv (what was asked, what came). Answers are kept under work/teacher/.
"""


use rule build_programs as existing_programs with:
    input:
        problems="results/problems.jsonl.gz",
        data=im.program_files(config),
        language=own("languages/{language}.yaml"),
        code=wf.source_code(config, "scripts/build_programs.py"),
    output:
        programs="results/teacher/existing/{language}.jsonl.gz",
        stages="results/teacher/existing/{language}.csv",
    log:
        "logs/existing_programs/{language}.log",
    benchmark:
        "results/benchmarks/existing_programs/{language}.tsv"
    params:
        source=config["problems"]["source"],
        settings=im.program_settings(config),
        choice=wf.as_json(config["programs"]),
        answers="",


rule translate_programs:
    input:
        problems="results/problems.jsonl.gz",
        programs=lambda wildcards: ti.teacher_programs(config, wildcards.language),
        teacher=ti.teacher_files(config),
        languages=lambda wildcards: ti.teacher_languages(config, wildcards.language),
        code=wf.code("scripts/translate_programs.py"),
    output:
        programs="results/teacher/{language}.jsonl.gz",
        table="results/teacher/{language}.csv",
    log:
        "logs/translate_programs/{language}.log",
    benchmark:
        "results/benchmarks/translate_programs/{language}.tsv"
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "teacher", "threads")
    resources:
        gpu=demand(config, "teacher", "gpu"),
        mem_mb=growing(config, "teacher", "mem_mb"),
        runtime=growing(config, "teacher", "runtime"),
        teacher=1,
        calls=ti.calls(config),
    params:
        settings=wf.as_json(decisive(config["teacher"] or {})),
    shell:
        "python -W ignore -m scripts.translate_programs --problems {input.problems} --programs {input.programs}"
        " --language {wildcards.language} --settings {params.settings:q} --calls {resources.calls:q}"
        " --output {output.programs} --table {output.table} 2>&1 | tee {log}"

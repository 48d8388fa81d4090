"""Problems, verified programs and mixtures.

In: config.yaml (problems, programs, mixtures, languages), languages/*.yaml, files of a published data set; programs by
a teacher (teacher.smk).
Out: results/imported/ where a data set is imported; results/problems.jsonl.gz, results/problems_left_out.csv (with
reasons), results/programs/{language}.jsonl.gz,
results/programs.csv (what was left after each stage), results/parallel_matrix.csv,
results/sft_data/{mixture}.jsonl.gz, results/sft_data/matching.csv. One job per mixture, so that a new mixture leaves
the others alone.
"""


rule import_problems:
    input:
        data=im.imported_files(config),
        code=wf.importer_code(config),
    output:
        problems="results/imported/problems.jsonl.gz",
        programs=directory("results/imported/programs"),
        table="results/imported/import.csv",
    log:
        "logs/import_problems.log",
    benchmark:
        "results/benchmarks/import_problems.tsv"
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        options=wf.import_options(config),
    shell:
        "python -m scripts.import_problems {params.options} --output results/imported 2>&1 | tee {log}"


rule test_strength:
    input:
        problems="results/imported/problems.jsonl.gz",
        programs="results/imported/programs",
        languages=own(
            expand("languages/{language}.yaml", language=ex.all_languages(config))
        ),
        code=wf.code("scripts/test_strength.py"),
    output:
        strength=im.STRENGTH,
    log:
        "logs/test_strength.log",
    benchmark:
        "results/benchmarks/test_strength.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        languages=ex.all_languages(config),
        options=im.strength_options(config),
    shell:
        "python -m scripts.test_strength --problems {input.problems} --programs {input.programs}"
        " --languages {params.languages} {params.options} --jobs {resources.boxes} --output {output.strength}"
        " 2>&1 | tee {log}"


rule build_problems:
    input:
        data=im.problem_files(config),
        code=wf.source_code(config, "scripts/build_problems.py"),
    output:
        problems="results/problems.jsonl.gz",
        left_out="results/problems_left_out.csv",
    log:
        "logs/build_problems.log",
    benchmark:
        "results/benchmarks/build_problems.tsv"
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        source=config["problems"]["source"],
        settings=wf.source_settings(config),
    shell:
        "python -m scripts.build_problems --source {params.source} --settings {params.settings:q}"
        " --output {output.problems} --left-out {output.left_out} 2>&1 | tee {log}"


rule build_programs:
    input:
        problems="results/problems.jsonl.gz",
        data=im.program_files(config),
        answers=lambda wildcards: ti.teacher_answers(config, wildcards.language),
        language=own("languages/{language}.yaml"),
        code=wf.source_code(config, "scripts/build_programs.py"),
    output:
        programs="results/programs/{language}.jsonl.gz",
        stages="results/programs/{language}.csv",
    log:
        "logs/build_programs/{language}.log",
    benchmark:
        "results/benchmarks/build_programs/{language}.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        source=config["problems"]["source"],
        settings=im.program_settings(config),
        choice=wf.as_json(config["programs"]),
        answers=lambda wildcards: ti.answers_option(config, wildcards.language),
    shell:
        "python -m scripts.build_programs --source {params.source} --settings {params.settings:q}"
        " --choice {params.choice:q} --problems {input.problems} --language {wildcards.language}"
        " {params.answers} --jobs {resources.boxes} --output {output.programs} --stages {output.stages} 2>&1 | tee {log}"


rule programs_table:
    input:
        tables=expand(
            "results/programs/{language}.csv", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/concatenate.py"),
    output:
        table="results/programs.csv",
    log:
        "logs/programs_table.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.concatenate {input.tables} --output {output.table} 2>&1 | tee {log}"


rule parallel_matrix:
    input:
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/parallel_matrix.py"),
    output:
        matrix="results/parallel_matrix.csv",
    log:
        "logs/parallel_matrix.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        languages=ex.all_languages(config),
    shell:
        "python -m scripts.parallel_matrix --problems {input.problems} --programs {input.programs}"
        " --languages {params.languages} --output {output.matrix} 2>&1 | tee {log}"


rule build_mixture:
    input:
        problems="results/problems.jsonl.gz",
        excluded="results/audit/excluded.csv",
        programs=lambda wildcards: task.mixture_data(config, wildcards.mixture),
        lost=lambda wildcards: expand(
            "results/audit/lost/{language}.csv",
            language=ex.recipe_languages(config, wildcards.mixture),
        ),
        tokenizer="results/base/tokenizer.json",
        code=wf.code("scripts/build_mixture.py"),
    output:
        mixture="results/sft_data/{mixture}.jsonl.gz",
    log:
        "logs/build_mixture/{mixture}.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        protocol=lambda wildcards: wf.mixture_protocol(config, wildcards.mixture),
        recipe=lambda wildcards: wf.as_json(ex.recipe(config, wildcards.mixture)),
        parallel=wf.as_json(ex.recipe(config, "parallel")),
        declared=lambda wildcards: ex.declared(config, wildcards.mixture),
        steps=config["sft"]["steps"],
        batch=config["sft"]["batch"],
    shell:
        "python -m scripts.build_mixture --problems {input.problems} --excluded {input.excluded}"
        " --programs {input.programs} --lost {input.lost} --protocol {params.protocol:q}"
        " --tokenizer {input.tokenizer} --mixture {wildcards.mixture} --recipe {params.recipe:q}"
        " --parallel {params.parallel:q} --declared {params.declared} --steps {params.steps} --batch {params.batch}"
        " --output {output.mixture} 2>&1 | tee {log}"


rule matching:
    input:
        mixtures=expand(
            "results/sft_data/{mixture}.jsonl.gz", mixture=ex.report_mixtures(config)
        ),
        tokenizer="results/base/tokenizer.json",
        code=wf.code("scripts/matching.py"),
    output:
        matching=report(
            "results/sft_data/matching.csv",
            caption="../report/matching.rst",
            category="Data",
        ),
    log:
        "logs/matching.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        declared=wf.as_json(
            {name: ex.declared(config, name) for name in ex.report_mixtures(config)}
        ),
        steps=config["sft"]["steps"],
        batch=config["sft"]["batch"],
    shell:
        "python -m scripts.matching --mixtures {input.mixtures} --tokenizer {input.tokenizer}"
        " --declared {params.declared:q} --steps {params.steps} --batch {params.batch} --output {output.matching}"
        " 2>&1 | tee {log}"

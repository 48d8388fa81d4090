"""Results in the formats of other tools; nothing of the experiment depends on them. docs/exports.md describes them.

In: problems, programs, mixtures; of a checkpoint its answers and verdicts, or its adapter and pass@1 table.
Out: folders results/exports/{multipl_e,evalplus,lm_eval}/{checkpoint}, results/exports/adapter/{checkpoint},
results/exports/verl/{language}, results/exports/dataset.
"""


rule export_answers:
    input:
        problems="results/problems.jsonl.gz",
        completions="results/completions/{checkpoint}.jsonl.gz",
        verdicts="results/verdicts/{checkpoint}.jsonl.gz",
        code=wf.code(
            "scripts/export.py",
            *[f"crosspl/exports/{name}.py" for name in wf.ANSWER_FORMATS],
        ),
    output:
        folder=directory("results/exports/{format}/{checkpoint}"),
    log:
        "logs/export/{format}/{checkpoint}.log",
    wildcard_constraints:
        format="|".join(wf.ANSWER_FORMATS),
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        options=lambda wildcards: wf.answers_options(
            config, wildcards.format, wildcards.checkpoint
        ),
    shell:
        "python -m scripts.export --format {wildcards.format} --problems {input.problems}"
        " --completions {input.completions} --verdicts {input.verdicts} {params.options} --output {output.folder}"
        " 2>&1 | tee {log}"


rule export_adapter:
    input:
        adapter=lambda wildcards: wf.adapter_files("results", wildcards.checkpoint),
        base="results/base/manifest.json",
        problems="results/problems.jsonl.gz",
        scores="results/pass_at_1/{checkpoint}.csv",
        code=wf.code("scripts/export.py", "crosspl/exports/adapter.py"),
    output:
        folder=directory("results/exports/adapter/{checkpoint}"),
    log:
        "logs/export/adapter/{checkpoint}.log",
    wildcard_constraints:
        checkpoint=MODEL.removeprefix("base|"),
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.export --format adapter --adapter results/{wildcards.checkpoint} --base results/base"
        " --problems {input.problems} --checkpoint {wildcards.checkpoint} --scores {input.scores}"
        " --output {output.folder} 2>&1 | tee {log}"


rule export_verl:
    input:
        problems="results/problems.jsonl.gz",
        programs="results/programs/{language}.jsonl.gz",
        description=own("languages/{language}.yaml"),
        code=wf.code("scripts/export.py", "crosspl/exports/verl.py"),
    output:
        folder=directory("results/exports/verl/{language}"),
    log:
        "logs/export/verl/{language}.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.export --format verl --problems {input.problems} --programs {input.programs}"
        " --language {wildcards.language} --output {output.folder} 2>&1 | tee {log}"


rule export_dataset:
    input:
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz", language=ex.all_languages(config)
        ),
        mixtures=expand(
            "results/sft_data/{mixture}.jsonl.gz", mixture=config["mixtures"]["names"]
        ),
        code=wf.code("scripts/export.py", "crosspl/exports/dataset.py"),
    output:
        folder=directory("results/exports/dataset"),
    log:
        "logs/export/dataset.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.export --format dataset --problems {input.problems} --programs {input.programs}"
        " --mixtures {input.mixtures} --output {output.folder} 2>&1 | tee {log}"

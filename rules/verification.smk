"""Code verification, `task: verification` (docs/verification.md): the items, and how right the answers are.

In: results/problems.jsonl.gz, results/programs/{language}.jsonl.gz; results/verdicts/ of every checkpoint.
Out: results/verification/{language}.jsonl.gz, results/verification.csv (what the items are),
results/verification_accuracy.csv.
"""


rule build_verification:
    input:
        problems="results/problems.jsonl.gz",
        programs="results/programs/{language}.jsonl.gz",
        language=own("languages/{language}.yaml"),
        code=wf.source_code(config, "scripts/build_verification.py"),
    output:
        verification="results/verification/{language}.jsonl.gz",
        table="results/verification/{language}.csv",
    log:
        "logs/build_verification/{language}.log",
    benchmark:
        "results/benchmarks/build_verification/{language}.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        source=config["problems"]["source"],
        pairs=wf.as_json(config["verification"]["pairs"]),
        mutants=config["verification"]["mutants"],
    shell:
        "python -m scripts.build_verification --source {params.source} --problems {input.problems}"
        " --programs {input.programs} --language {wildcards.language} --pairs {params.pairs} --mutants {params.mutants}"
        " --jobs {resources.boxes} --output {output.verification} --table {output.table} 2>&1 | tee {log}"


rule verification_table:
    input:
        tables=expand(
            "results/verification/{language}.csv", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/concatenate.py"),
    output:
        table="results/verification.csv",
    log:
        "logs/verification_table.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.concatenate {input.tables} --output {output.table} 2>&1 | tee {log}"


rule verification_accuracy:
    input:
        verdicts=expand(
            "results/verdicts/{checkpoint}.jsonl.gz", checkpoint=ex.checkpoints(config)
        ),
        code=wf.code("scripts/verification_accuracy.py"),
    output:
        table="results/verification_accuracy.csv",
    log:
        "logs/verification_accuracy.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        draws=config["statistics"]["draws"],
        seed=config["statistics"]["seed"],
        mark=ex.mark(config),
    shell:
        "python -m scripts.verification_accuracy --verdicts {input.verdicts} --draws {params.draws} --seed {params.seed}"
        " --mark={params.mark:q} --output {output.table} 2>&1 | tee {log}"

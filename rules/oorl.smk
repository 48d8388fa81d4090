"""The tables of code translation and of OORL.

In: results/verdicts/ and results/verdicts/translation/{PL}/ of every checkpoint, docs/reference/oorl_table4.csv.
Out: results/translation_table.csv; results/oorl/{steps,generation,translation_matrix,ablation,comparison}.csv
(docs/oorl_tables.md).
"""


rule translation_table:
    input:
        verdicts=lambda wildcards: an.translation_verdicts(
            config, ex.checkpoints(config)
        ),
        matching="results/sft_data/matching.csv",
        code=wf.code("scripts/transfer_table.py"),
    output:
        table=report(
            "results/translation_table.csv",
            caption="../report/translation_table.rst",
            category="Tables",
        ),
    log:
        "logs/translation_table.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=ex.table_plan(config),
        origins=config["translation"]["evaluate"],
        reading=config["statistics"]["reading"],
    shell:
        "python -m scripts.transfer_table --verdicts results/verdicts --from {params.origins} {params.plan}"
        " --reading {params.reading} --output {output.table} 2>&1 | tee {log}"


rule oorl_tables:
    input:
        verdicts=lambda wildcards: expand(
            "results/verdicts/{checkpoint}.jsonl.gz",
            checkpoint=an.oorl_checkpoints(config),
        ),
        translations=lambda wildcards: an.translation_verdicts(
            config, an.oorl_checkpoints(config)
        ),
        paper=own("docs/reference/oorl_table4.csv"),
        code=wf.code("scripts/oorl_tables.py"),
    output:
        steps=report(
            "results/oorl/steps.csv",
            caption="../report/oorl_steps.rst",
            category="Tables",
        ),
        generation=report(
            "results/oorl/generation.csv",
            caption="../report/oorl_forms.rst",
            category="Tables",
        ),
        matrix=report(
            "results/oorl/translation_matrix.csv",
            caption="../report/oorl_forms.rst",
            category="Tables",
        ),
        ablation=report(
            "results/oorl/ablation.csv",
            caption="../report/oorl_forms.rst",
            category="Tables",
        ),
        comparison=report(
            "results/oorl/comparison.csv",
            caption="../report/oorl_comparison.rst",
            category="Tables",
        ),
    log:
        "logs/oorl_tables.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=ex.table_plan(config),
        rows=[f"{name}={init}" for name, init in rp.oorl_rows(config).items()],
        origins=config["translation"]["evaluate"],
        reading=config["statistics"]["reading"],
    shell:
        "python -m scripts.oorl_tables --verdicts results/verdicts --from {params.origins} {params.plan}"
        " --rows {params.rows} --paper {input.paper} --reading {params.reading} --output results/oorl"
        " 2>&1 | tee {log}"

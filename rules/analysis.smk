"""The tables.

In: results/verdicts/ of every checkpoint. Out: results/transfer_table.csv (the primary reading),
results/transfer_table_{reading}.csv (the other one), results/contrasts.csv, results/mcnemar.csv.
"""


rule transfer_table:
    input:
        verdicts=expand(
            "results/verdicts/{checkpoint}.jsonl.gz", checkpoint=ex.checkpoints(config)
        ),
        scores=expand(
            "results/pass_at_1/{checkpoint}.csv", checkpoint=ex.checkpoints(config)
        ),
        matching="results/sft_data/matching.csv",
        audits=["results/audit/exclusion.csv", "results/audit/contamination.csv"],
        code=wf.code("scripts/transfer_table.py"),
    output:
        table="results/transfer_table.csv",
        contrasts="results/contrasts.csv",
        mcnemar="results/mcnemar.csv",
        other=f"results/transfer_table_{wf.other_reading(config)}.csv",
        other_contrasts=f"results/contrasts_{wf.other_reading(config)}.csv",
    log:
        "logs/transfer_table.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        plan=ex.table_plan(config),
        reading=config["statistics"]["reading"],
        other=wf.other_reading(config),
    shell:
        "(python -m scripts.transfer_table --verdicts results/verdicts {params.plan} --reading {params.reading}"
        " --output {output.table} --contrasts {output.contrasts} --mcnemar {output.mcnemar}"
        " && python -m scripts.transfer_table --verdicts results/verdicts {params.plan} --reading {params.other}"
        " --output {output.other} --contrasts {output.other_contrasts}) 2>&1 | tee {log}"

"""The tables.

In: results/verdicts/ of every checkpoint. Out: results/transfer_table.csv (the primary reading),
results/transfer_table_{reading}.csv (the other one), results/contrasts.csv, results/headline.csv, results/mcnemar.csv;
results/transfer_matrix.csv, results/sweeps/{sweep}.csv, results/alignment_transfer.csv, results/ablation.csv,
results/calibration.csv.
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
        audits=expand(
            "results/audit/{audit}.csv",
            audit=["exclusion", "contamination", "content", "round_trip"],
        ),
        verification=task.tables(config),
        code=wf.code("scripts/transfer_table.py"),
    output:
        table=report(
            "results/transfer_table.csv",
            caption="../report/transfer_table.rst",
            category="Tables",
        ),
        contrasts=report(
            "results/contrasts.csv",
            caption="../report/contrasts.rst",
            category="Tables",
        ),
        headline=report(
            "results/headline.csv", caption="../report/headline.rst", category="Tables"
        ),
        mcnemar=report(
            "results/mcnemar.csv", caption="../report/mcnemar.rst", category="Tables"
        ),
    log:
        "logs/transfer_table.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=ex.table_plan(config),
        reading=config["statistics"]["reading"],
    shell:
        "python -m scripts.transfer_table --verdicts results/verdicts {params.plan} --reading {params.reading}"
        " --output {output.table} --contrasts {output.contrasts} --headline {output.headline}"
        " --mcnemar {output.mcnemar} 2>&1 | tee {log}"


# Not an output of transfer_table: a name that depends on a setting hides the setting's change from Snakemake.
rule other_reading:
    input:
        verdicts=rules.transfer_table.input.verdicts,
        matching=rules.transfer_table.input.matching,
        audits=rules.transfer_table.input.audits,
        code=wf.code("scripts/transfer_table.py"),
    output:
        table="results/transfer_table_{reading}.csv",
        contrasts="results/contrasts_{reading}.csv",
    log:
        "logs/other_reading/{reading}.log",
    wildcard_constraints:
        reading="sampled|greedy",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=ex.table_plan(config),
    shell:
        "python -m scripts.transfer_table --verdicts results/verdicts {params.plan} --reading {wildcards.reading}"
        " --output {output.table} --contrasts {output.contrasts} 2>&1 | tee {log}"


rule transfer_matrix:
    input:
        verdicts=lambda wildcards: expand(
            "results/verdicts/{checkpoint}.jsonl.gz",
            checkpoint=an.matrix_checkpoints(config),
        ),
        code=wf.code("scripts/transfer_matrix.py"),
    output:
        matrix=report(
            "results/transfer_matrix.csv",
            caption="../report/transfer_matrix.rst",
            category="Tables",
        ),
    log:
        "logs/transfer_matrix.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=ex.matrix_plan(config),
        reading=config["statistics"]["reading"],
    shell:
        "python -m scripts.transfer_matrix --verdicts results/verdicts {params.plan} --reading {params.reading}"
        " --output {output.matrix} 2>&1 | tee {log}"


rule sweep:
    input:
        verdicts=lambda wildcards: expand(
            "results/verdicts/{checkpoint}.jsonl.gz",
            checkpoint=an.sweep_checkpoints(config, wildcards.sweep),
        ),
        code=wf.code("scripts/transfer_table.py"),
    output:
        table=report(
            "results/sweeps/{sweep}.csv",
            caption="../report/sweeps.rst",
            category="Tables",
        ),
    log:
        "logs/sweep/{sweep}.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=lambda wildcards: ex.sweep_plan(config, wildcards.sweep),
        reading=config["statistics"]["reading"],
    shell:
        "python -m scripts.transfer_table --verdicts results/verdicts {params.plan} --reading {params.reading}"
        " --output {output.table} 2>&1 | tee {log}"


rule alignment_transfer:
    input:
        verdicts=expand(
            "results/verdicts/{checkpoint}.jsonl.gz",
            checkpoint=ex.report_checkpoints(config),
        ),
        alignment=expand(
            "results/alignment/{checkpoint}.csv", checkpoint=ex.before_rl(config)
        ),
        code=wf.code("scripts/alignment_transfer.py"),
    output:
        table=report(
            "results/alignment_transfer.csv",
            caption="../report/alignment_transfer.rst",
            category="Tables",
        ),
        points="results/alignment_transfer_points.csv",
    log:
        "logs/alignment_transfer.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        plan=ex.table_plan(config, inits=ex.report_inits(config)),
        doses=ex.doses(config),
        reading=config["statistics"]["reading"],
    shell:
        "python -m scripts.alignment_transfer --verdicts results/verdicts {params.plan} --reading {params.reading}"
        " --alignment results/alignment --doses {params.doses} --output {output.table} --points {output.points}"
        " 2>&1 | tee {log}"


rule ablation_table:
    input:
        verdicts=lambda wildcards: expand(
            "results/verdicts/{checkpoint}.jsonl.gz",
            checkpoint=an.ablation_checkpoints(config),
        ),
        code=wf.code("scripts/ablation_table.py"),
    output:
        table=report(
            "results/ablation.csv", caption="../report/ablation.rst", category="Tables"
        ),
    log:
        "logs/ablation_table.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        inits=config["ablation"]["inits"],
        source=config["languages"]["source"][0],
        seeds=config["ablation"]["seeds"],
        layer=config["ablation"]["layer"],
        roles=[f"{language}={role}" for language, role in ex.roles(config).items()],
        reading=config["statistics"]["reading"],
        draws=config["statistics"]["draws"],
        seed=config["statistics"]["seed"],
        mark=ex.mark(config),
    shell:
        "python -m scripts.ablation_table --verdicts results/verdicts --inits {params.inits} --source {params.source}"
        " --seeds {params.seeds} --layer {params.layer} --roles {params.roles} --reading {params.reading}"
        " --draws {params.draws} --bootstrap-seed {params.seed} --mark={params.mark:q} --output {output.table}"
        " 2>&1 | tee {log}"


rule calibrate:
    input:
        code=wf.code("scripts/calibrate.py"),
    output:
        table=report(
            "results/calibration.csv",
            caption="../report/calibration.rst",
            category="Tables",
        ),
    log:
        "logs/calibrate.log",
    benchmark:
        "results/benchmarks/calibrate.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        seeds=an.calibrated_seeds(config),
        problems=an.evaluated_problems(config),
        samples=config["sampling"]["samples"],
        repetitions=config["calibration"]["repetitions"],
        seed=config["statistics"]["seed"],
        mark=ex.mark(config),
    shell:
        "python -m scripts.calibrate --seeds {params.seeds} --problems {params.problems} --samples {params.samples}"
        " --repetitions {params.repetitions} --seed {params.seed} --mark={params.mark:q} --output {output.table}"
        " 2>&1 | tee {log}"

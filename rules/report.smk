"""What people look at.

In: the tables. Out: results/figures/*.svg, results/report.html, results/cost.csv, results/manifest.json; captions of
`snakemake --report` are in report/. The last two are made of the records in results/provenance/, which every command
leaves and no rule declares: they say when and at what cost, and nothing depends on that.
"""


rule cost:
    input:
        tables=an.report_tables(config),
        code=wf.code("scripts/cost.py"),
    output:
        table=report(
            "results/cost.csv", caption="../report/cost.rst", category="Tables"
        ),
    log:
        "logs/cost.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.cost --results results --products {input.tables} --output {output.table} 2>&1 | tee {log}"


rule figures:
    input:
        tables=[*an.report_tables(config), "results/cost.csv"],
        models=an.report_model_files(config),
        code=wf.code("scripts/figures.py"),
    output:
        figures=report(
            directory("results/figures"), patterns=["{name}.svg"], category="Figures"
        ),
    log:
        "logs/figures.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        config=wf.as_json(decisive(config)),
    shell:
        "python -m scripts.figures --results results --config {params.config:q} --output {output.figures}"
        " 2>&1 | tee {log}"


rule report:
    input:
        tables=[*an.report_tables(config), "results/cost.csv"],
        models=an.report_model_files(config),
        template=own(an.report_files()),
        paper=own(an.paper_tables(config)),
        code=wf.code("scripts/report.py"),
    output:
        page=report(
            "results/report.html", caption="../report/report.rst", category="Report"
        ),
    log:
        "logs/report.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        config=wf.as_json(decisive(config)),
    shell:
        "python -m scripts.report --results results --config {params.config:q} --output {output.page} 2>&1 | tee {log}"


rule manifest:
    input:
        tables=["results/transfer_table.csv", "results/parallel_matrix.csv"],
        code=wf.code("scripts/manifest.py"),
    output:
        manifest="results/manifest.json",
    log:
        "logs/manifest.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        products=an.products(config),
        config=wf.as_json(decisive(config)),
    shell:
        "python -m scripts.manifest --results results --products {params.products} --config {params.config:q}"
        " --output {output.manifest} 2>&1 | tee {log}"

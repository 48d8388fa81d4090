"""A published model as the base model, in place of the embedded scale's.

In: base.from, the folder of a model of transformers or its name on the hub. Out: results/base/.
"""


rule take_base:
    input:
        model=bi.files(config, workflow.configfiles),
        code=wf.code("scripts/take_base.py"),
    output:
        weights="results/base/model.safetensors",
        config="results/base/config.json",
        tokenizer="results/base/tokenizer.json",
        tokenizer_config="results/base/tokenizer_config.json",
        manifest="results/base/manifest.json",
    log:
        "logs/take_base.log",
    benchmark:
        "results/benchmarks/take_base.tsv"
    priority: 100
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "sample", "mem_mb"),
        runtime=growing(config, "sample", "runtime"),
    params:
        folder=config["base"]["from"],
        revision=config["base"]["revision"] or "",
        pad_token=config["base"]["pad_token"] or "",
        found=bi.fingerprint(config, workflow.configfiles),
    shell:
        "python -m scripts.take_base --from {params.folder:q} --revision={params.revision:q}"
        " --pad-token={params.pad_token:q} --output results/base 2>&1 | tee {log}"

"""Latent-space analysis: hidden states of parallel programs, per checkpoint and over seeds, with their controls.

In: results/base/, the checkpoint's adapter, results/problems.jsonl.gz, results/programs/.
Out: results/alignment/{checkpoint}.csv, .problems.csv, .projection.csv; the controls `untrained` (random weights) and
`lexical` (tokens only); results/alignment_summary.csv.
"""


rule align:
    input:
        base=wf.base_files("results"),
        adapter=lambda wildcards: (
            []
            if wildcards.checkpoint == "untrained"
            else wf.adapter_files("results", wildcards.checkpoint)
        ),
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/align.py"),
    output:
        table="results/alignment/{checkpoint}.csv",
        values="results/alignment/{checkpoint}.problems.csv",
        projection="results/alignment/{checkpoint}.projection.csv",
    log:
        "logs/align/{checkpoint}.log",
    benchmark:
        "results/benchmarks/align/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=rf"untrained|{MODEL}",
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "align", "threads")
    resources:
        gpu=demand(config, "align", "gpu"),
        mem_mb=growing(config, "align", "mem_mb"),
        runtime=growing(config, "align", "runtime"),
    params:
        model=lambda wildcards: (
            "--untrained"
            if wildcards.checkpoint == "untrained"
            else wf.adapter_option("results", wildcards.checkpoint)
        ),
        languages=ex.all_languages(config),
        split=config["alignment"]["split"],
        settings=an.alignment_settings(config),
        precision=wf.as_json(config["precision"]),
        mark=ex.mark(config),
    shell:
        "python -W ignore -m scripts.align --base results/base {params.model} --problems {input.problems}"
        " --programs {input.programs} --languages {params.languages} --split {params.split}"
        " --precision {params.precision:q} --gpus {resources.gpu}"
        " --settings {params.settings:q} --checkpoint {wildcards.checkpoint} --mark={params.mark:q}"
        " --output {output.table} --values {output.values} --projection {output.projection} 2>&1 | tee {log}"


rule align_lexical:
    input:
        tokenizer="results/base/tokenizer.json",
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/align.py"),
    output:
        table="results/alignment/lexical.csv",
        values="results/alignment/lexical.problems.csv",
    log:
        "logs/align_lexical.log",
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        languages=ex.all_languages(config),
        split=config["alignment"]["split"],
        settings=an.alignment_settings(config),
        mark=ex.mark(config),
    shell:
        "python -m scripts.align --base results/base --lexical --problems {input.problems}"
        " --programs {input.programs} --languages {params.languages} --split {params.split}"
        " --settings {params.settings:q} --checkpoint lexical --mark={params.mark:q}"
        " --output {output.table} --values {output.values} 2>&1 | tee {log}"


rule alignment_summary:
    input:
        values=expand(
            "results/alignment/{checkpoint}.problems.csv",
            checkpoint=["untrained", "lexical", *ex.report_checkpoints(config)],
        ),
        tables=expand(
            "results/alignment/{checkpoint}.csv",
            checkpoint=["untrained", "lexical", *ex.report_checkpoints(config)],
        ),
        code=wf.code("scripts/alignment_summary.py"),
    output:
        table=report(
            "results/alignment_summary.csv",
            caption="../report/alignment.rst",
            category="Tables",
        ),
    log:
        "logs/alignment_summary.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        checkpoints=["untrained", "lexical", *ex.report_checkpoints(config)],
        treatment=config["statistics"]["treatment"],
        draws=config["statistics"]["draws"],
        seed=config["statistics"]["seed"],
        mark=ex.mark(config),
    shell:
        "python -m scripts.alignment_summary --alignment results/alignment --checkpoints {params.checkpoints}"
        " --treatment {params.treatment} --draws {params.draws} --seed {params.seed} --mark={params.mark:q} --output {output.table}"
        " 2>&1 | tee {log}"

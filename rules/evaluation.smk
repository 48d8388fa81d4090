"""Sampling, judging and scoring: three rules per checkpoint.

In: results/base/, the checkpoint's adapter, results/problems.jsonl.gz, languages/*.yaml.
Out: results/completions/, results/verdicts/ and results/pass_at_1/{checkpoint}.
"""


rule sample:
    input:
        base=wf.base_files("results"),
        adapter=lambda wildcards: wf.adapter_files("results", wildcards.checkpoint),
        problems="results/problems.jsonl.gz",
        code=wf.code("scripts/sample.py"),
    output:
        completions="results/completions/{checkpoint}.jsonl.gz",
    log:
        "logs/sample/{checkpoint}.log",
    benchmark:
        "results/benchmarks/sample/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=MODEL,
    priority: 10
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "sample", "threads")
    resources:
        gpu=demand(config, "sample", "gpu"),
        mem_mb=growing(config, "sample", "mem_mb"),
        runtime=growing(config, "sample", "runtime"),
    params:
        adapter=lambda wildcards: wf.adapter_option("results", wildcards.checkpoint),
        languages=ex.all_languages(config),
        settings=wf.as_json(config["sampling"]),
    shell:
        "python -W ignore -m scripts.sample --base results/base {params.adapter} --problems {input.problems}"
        " --languages {params.languages} --settings {params.settings:q}"
        " --title 'sampling {wildcards.checkpoint}' --output {output.completions} 2>&1 | tee {log}"


rule sample_ablated:
    input:
        base=wf.base_files("results"),
        adapter=lambda wildcards: wf.adapter_files("results", wildcards.checkpoint),
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/sample_ablated.py"),
    output:
        completions="results/completions/ablated/{direction}/{checkpoint}.jsonl.gz",
    log:
        "logs/sample_ablated/{direction}/{checkpoint}.log",
    benchmark:
        "results/benchmarks/sample_ablated/{direction}/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=MODEL,
        direction="language|random",
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "sample", "threads")
    resources:
        gpu=demand(config, "sample", "gpu"),
        mem_mb=growing(config, "sample", "mem_mb"),
        runtime=growing(config, "sample", "runtime"),
    params:
        adapter=lambda wildcards: wf.adapter_option("results", wildcards.checkpoint),
        languages=ex.all_languages(config),
        settings=wf.as_json(config["sampling"]),
        layer=config["ablation"]["layer"],
        split=config["ablation"]["split"],
    shell:
        "python -W ignore -m scripts.sample_ablated --base results/base {params.adapter} --problems {input.problems}"
        " --programs {input.programs} --languages {params.languages} --settings {params.settings:q}"
        " --layer {params.layer} --direction {wildcards.direction} --split {params.split}"
        " --title 'sampling {wildcards.checkpoint} without {wildcards.direction} direction'"
        " --output {output.completions} 2>&1 | tee {log}"


rule judge_completions:
    input:
        completions="results/completions/{checkpoint}.jsonl.gz",
        problems="results/problems.jsonl.gz",
        languages=own(
            expand("languages/{language}.yaml", language=ex.all_languages(config))
        ),
        code=wf.code("scripts/judge_completions.py"),
    output:
        verdicts="results/verdicts/{checkpoint}.jsonl.gz",
    log:
        "logs/judge_completions/{checkpoint}.log",
    benchmark:
        "results/benchmarks/judge_completions/{checkpoint}.tsv"
    priority: 20
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        languages=ex.all_languages(config),
    shell:
        "python -m scripts.judge_completions --completions {input.completions} --problems {input.problems}"
        " --languages {params.languages} --jobs {resources.boxes} --title 'judging {wildcards.checkpoint}'"
        " --output {output.verdicts} 2>&1 | tee {log}"


rule score:
    input:
        verdicts="results/verdicts/{checkpoint}.jsonl.gz",
        code=wf.code("scripts/score.py"),
    output:
        scores="results/pass_at_1/{checkpoint}.csv",
    log:
        "logs/score/{checkpoint}.log",
    conda:
        "../envs/analysis.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        draws=config["statistics"]["draws"],
        seed=config["statistics"]["seed"],
        mark=config["mark"],
    shell:
        "python -m scripts.score --verdicts {input.verdicts} --output {output.scores} --draws {params.draws}"
        " --seed {params.seed} --mark={params.mark:q} 2>&1 | tee {log}"

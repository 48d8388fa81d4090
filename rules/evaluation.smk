"""Sampling, judging and scoring: three rules per checkpoint.

In: results/base/, the checkpoint's adapter, results/problems.jsonl.gz, languages/*.yaml, programs to be translated
(results/translation/); for checkpoints of others (external/{name}: docs/evaluate.md) their folders in place of the
first two.
Out: results/completions/, results/verdicts/ and results/pass_at_1/{checkpoint}; results/external.csv.
"""


rule sample:
    input:
        base=lambda wildcards: xi.base_files(
            config, wildcards.checkpoint, workflow.configfiles
        ),
        adapter=lambda wildcards: xi.adapter_files_of(
            config, wildcards.checkpoint, workflow.configfiles
        ),
        problems="results/problems.jsonl.gz",
        verification=task.items(config, ex.all_languages(config)),
        code=wf.code("scripts/sample.py"),
    output:
        completions="results/completions/{checkpoint}.jsonl.gz",
    log:
        "logs/sample/{checkpoint}.log",
    benchmark:
        "results/benchmarks/sample/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=rf"{MODEL}|{EXTERNAL}",
    priority: 10
    conda:
        "../envs/sample.yaml"
    threads: demand(config, "sample", "threads")
    resources:
        gpu=demand(config, "sample", "gpu"),
        mem_mb=growing(config, "sample", "mem_mb"),
        runtime=growing(config, "sample", "runtime"),
    params:
        model=lambda wildcards: xi.model_option(config, wildcards.checkpoint),
        found=lambda wildcards: xi.fingerprint(
            config, wildcards.checkpoint, workflow.configfiles
        ),
        verification=task.items_option(config, ex.all_languages(config)),
        languages=ex.all_languages(config),
        settings=wf.as_json(config["sampling"]),
        precision=wf.as_json(config["precision"]),
        protocol=wf.protocol(config, ex.all_languages(config)),
    shell:
        "python -W ignore -m scripts.sample {params.model} --problems {input.problems} {params.verification}"
        " --languages {params.languages} --settings {params.settings:q}"
        " --precision {params.precision:q} --gpus {resources.gpu}"
        " --protocol {params.protocol:q} --title 'sampling {wildcards.checkpoint}'"
        " --output {output.completions} 2>&1 | tee {log}"


rule sample_ablated:
    input:
        base=wf.base_files("results"),
        adapter=lambda wildcards: wf.adapter_files("results", wildcards.checkpoint),
        problems="results/problems.jsonl.gz",
        verification=task.items(config, ex.all_languages(config)),
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
        verification=task.items_option(config, ex.all_languages(config)),
        languages=ex.all_languages(config),
        settings=wf.as_json(config["sampling"]),
        precision=wf.as_json(config["precision"]),
        protocol=wf.protocol(config, ex.all_languages(config)),
        layer=config["ablation"]["layer"],
        split=config["ablation"]["split"],
    shell:
        "python -W ignore -m scripts.sample_ablated --base results/base {params.adapter} --problems {input.problems}"
        " --programs {input.programs} {params.verification} --languages {params.languages}"
        " --settings {params.settings:q} --protocol {params.protocol:q} --layer {params.layer}"
        " --precision {params.precision:q} --gpus {resources.gpu}"
        " --direction {wildcards.direction} --split {params.split}"
        " --title 'sampling {wildcards.checkpoint} without {wildcards.direction} direction'"
        " --output {output.completions} 2>&1 | tee {log}"


rule sample_translations:
    input:
        base=wf.base_files("results"),
        adapter=lambda wildcards: wf.adapter_files("results", wildcards.checkpoint),
        problems="results/problems.jsonl.gz",
        pairs="results/translation/eval_{language}.jsonl.gz",
        code=wf.code("scripts/sample.py"),
    output:
        completions="results/completions/translation/{language}/{checkpoint}.jsonl.gz",
    log:
        "logs/sample_translations/{language}/{checkpoint}.log",
    benchmark:
        "results/benchmarks/sample_translations/{language}/{checkpoint}.tsv"
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
        languages=lambda wildcards: oi.translation_targets(config, wildcards.language),
        settings=wf.as_json(config["sampling"]),
        precision=wf.as_json(config["precision"]),
        protocol=lambda wildcards: wf.protocol(
            config, [*ex.all_languages(config), wildcards.language]
        ),
    shell:
        "python -W ignore -m scripts.sample --base results/base {params.adapter} --problems {input.problems}"
        " --pairs {input.pairs} --languages {params.languages} --settings {params.settings:q}"
        " --precision {params.precision:q} --gpus {resources.gpu} --protocol {params.protocol:q}"
        " --title 'translations from {wildcards.language} by {wildcards.checkpoint}'"
        " --output {output.completions} 2>&1 | tee {log}"


rule judge_completions:
    input:
        completions="results/completions/{checkpoint}.jsonl.gz",
        problems="results/problems.jsonl.gz",
        round_trips=lambda wildcards: (
            []
            if xi.is_external(wildcards.checkpoint)
            else expand(
                "results/audit/round_trip/{language}.csv",
                language=ex.all_languages(config),
            )
        ),
        verification=task.items(config, ex.all_languages(config)),
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
        verification=task.items_option(config, ex.all_languages(config)),
        languages=ex.all_languages(config),
        protocol=wf.protocol(config, ex.all_languages(config)),
    shell:
        "python -m scripts.judge_completions --completions {input.completions} --problems {input.problems}"
        " {params.verification} --languages {params.languages} --protocol {params.protocol:q}"
        " --jobs {resources.boxes} --title 'judging {wildcards.checkpoint}'"
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
        mark=ex.mark(config),
    shell:
        "python -m scripts.score --verdicts {input.verdicts} --output {output.scores} --draws {params.draws}"
        " --seed {params.seed} --mark={params.mark:q} 2>&1 | tee {log}"


rule external_table:
    input:
        tables=lambda wildcards: expand(
            "results/pass_at_1/{checkpoint}.csv", checkpoint=xi.checkpoints(config)
        ),
        code=wf.code("scripts/concatenate.py"),
    output:
        table="results/external.csv",
    log:
        "logs/external_table.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.concatenate {input.tables} --output {output.table} 2>&1 | tee {log}"

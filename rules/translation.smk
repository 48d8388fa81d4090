"""Translation of programs from one PL into another, in RL and in evaluation (docs/oorl.md).

In: results/problems.jsonl.gz, results/programs/{language}.jsonl.gz, results/audit/excluded.csv; models.
Out: results/translation/{rl,eval_{language}}.jsonl.gz with a table of what was left out and why;
results/completions/translation/{language}/{checkpoint}.jsonl.gz, which judge_completions and score take on.
"""


rule build_pairs:
    input:
        problems="results/problems.jsonl.gz",
        excluded="results/audit/excluded.csv",
        programs=lambda wildcards: expand(
            "results/programs/{language}.jsonl.gz",
            language=oi.pair_plan(config, wildcards.asked)[1],
        ),
        code=wf.code("scripts/build_pairs.py"),
    output:
        pairs="results/translation/{asked}.jsonl.gz",
        table="results/translation/{asked}.csv",
    log:
        "logs/build_pairs/{asked}.log",
    wildcard_constraints:
        asked="rl|eval_[a-z_]+",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        options=lambda wildcards: oi.pair_options(config, wildcards.asked),
    shell:
        "python -m scripts.build_pairs --problems {input.problems} --excluded {input.excluded}"
        " --programs {input.programs} {params.options} --output {output.pairs} --table {output.table} 2>&1 | tee {log}"


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

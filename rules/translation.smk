"""Programs to be translated from one PL into another, in RL and in evaluation (docs/oorl.md).

In: results/problems.jsonl.gz, results/programs/{language}.jsonl.gz, results/audit/excluded.csv.
Out: results/translation/{rl,eval_{language}}.jsonl.gz with a table of what was left out and why.
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

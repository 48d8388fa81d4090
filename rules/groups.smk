"""Groups of equivalent and inequivalent answers to one question, for the preference losses of RL (docs/oorl.md).

In: results/problems.jsonl.gz, results/audit/excluded.csv, results/programs/{language}.jsonl.gz of the PLs of config.yaml:
groups.
Out: results/groups/{form}.jsonl.gz, results/groups/{form}.csv (what was left after each stage, and why), form = ir or
programs.
"""


rule build_groups:
    input:
        problems="results/problems.jsonl.gz",
        excluded="results/audit/excluded.csv",
        programs=lambda wildcards: gi.programs(config, wildcards.form),
        languages=lambda wildcards: own(gi.language_files(config, wildcards.form)),
        code=wf.source_code(config, "scripts/build_groups.py"),
    output:
        groups="results/groups/{form}.jsonl.gz",
        table="results/groups/{form}.csv",
    log:
        "logs/build_groups/{form}.log",
    benchmark:
        "results/benchmarks/build_groups/{form}.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        source=config["problems"]["source"],
        split=config["groups"]["split"],
        settings=lambda wildcards: wf.as_json(gi.settings(config, wildcards.form)),
    shell:
        "python -m scripts.build_groups --form {wildcards.form} --settings {params.settings:q} --split {params.split}"
        " --source {params.source} --problems {input.problems} --excluded {input.excluded} --programs {input.programs}"
        " --jobs {resources.boxes} --output {output.groups} --table {output.table} 2>&1 | tee {log}"

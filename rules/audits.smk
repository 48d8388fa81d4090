"""Audits: what may not be in training data, in whatever words, names or PL (docs/contamination.md).

In: results/problems.jsonl.gz, results/programs/{language}.jsonl.gz, results/sft_data/{mixture}.jsonl.gz, the corpus.
Out: results/audit/same_problems.csv and excluded.csv (training problems that are eval problems), the tables
results/audit/{exclusion,contamination,content,round_trip}.csv; results/audit/lost/{language}.csv, gold programs that do
not survive the prompt protocol (docs/prompts.md). One job per training set, so that a new mixture leaves others alone.
"""


rule find_same_problems:
    input:
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz",
            language=ex.training_languages(config),
        ),
        languages=own(
            expand("languages/{language}.yaml", language=ex.training_languages(config))
        ),
        code=wf.code("scripts/find_same_problems.py"),
    output:
        same="results/audit/same_problems.csv",
        excluded="results/audit/excluded.csv",
    log:
        "logs/find_same_problems.log",
    benchmark:
        "results/benchmarks/find_same_problems.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        languages=ex.training_languages(config),
    shell:
        "python -m scripts.find_same_problems --problems {input.problems} --programs {input.programs}"
        " --languages {params.languages} --jobs {resources.boxes} --same {output.same} --excluded {output.excluded}"
        " 2>&1 | tee {log}"


rule round_trip:
    input:
        problems="results/problems.jsonl.gz",
        programs="results/programs/{language}.jsonl.gz",
        language=own("languages/{language}.yaml"),
        code=wf.code("scripts/round_trip.py"),
    output:
        table="results/audit/round_trip/{language}.csv",
        lost="results/audit/lost/{language}.csv",
    log:
        "logs/round_trip/{language}.log",
    benchmark:
        "results/benchmarks/round_trip/{language}.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        protocol=lambda wildcards: wf.protocol(config, [wildcards.language]),
        most_lost=task.most_lost(config),
    shell:
        "python -m scripts.round_trip --problems {input.problems} --programs {input.programs}"
        " --language {wildcards.language} --protocol {params.protocol:q} --most-lost {params.most_lost}"
        " --jobs {resources.boxes} --output {output.table} --lost {output.lost} 2>&1 | tee {log}"


rule audit:
    input:
        problems="results/problems.jsonl.gz",
        same="results/audit/same_problems.csv",
        excluded="results/audit/excluded.csv",
        programs=lambda wildcards: expand(
            "results/programs/{language}.jsonl.gz",
            language=wf.audited_languages(config, wildcards.training_set),
        )
        + task.items(config, wf.audited_languages(config, wildcards.training_set)),
        data=lambda wildcards: wf.audited_files(
            config, "results", wildcards.training_set
        ),
        code=wf.code("scripts/audit.py"),
    output:
        exclusion="results/audit/exclusion/{training_set}.csv",
        contamination="results/audit/contamination/{training_set}.csv",
    log:
        "logs/audit/{training_set}.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        options=lambda wildcards: wf.audit_options(
            config, "results", wildcards.training_set
        ),
    shell:
        "python -m scripts.audit --problems {input.problems} --programs {input.programs}"
        " --same {input.same} --excluded {input.excluded}"
        " --training-set {wildcards.training_set} {params.options}"
        " --exclusion {output.exclusion} --contamination {output.contamination} 2>&1 | tee {log}"


rule audit_content:
    input:
        problems="results/problems.jsonl.gz",
        excluded="results/audit/excluded.csv",
        data=lambda wildcards: wf.audited_files(
            config, "results", wildcards.training_set
        ),
        languages=lambda wildcards: own(
            expand(
                "languages/{language}.yaml",
                language=wf.audited_languages(config, wildcards.training_set),
            )
        ),
        code=wf.code("scripts/audit_content.py"),
    output:
        content="results/audit/content/{training_set}.csv",
    log:
        "logs/audit_content/{training_set}.log",
    wildcard_constraints:
        training_set="(sft|rl)/[a-z_0-9]+",
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        options=lambda wildcards: wf.audit_options(
            config, "results", wildcards.training_set
        ),
    shell:
        "python -m scripts.audit_content --problems {input.problems} --excluded {input.excluded}"
        " --training-set {wildcards.training_set} {params.options} --jobs {resources.boxes} --output {output.content}"
        " 2>&1 | tee {log}"


rule audit_table:
    input:
        tables=lambda wildcards: expand(
            "results/audit/{audit}/{training_set}.csv",
            audit=wildcards.audit,
            training_set=ex.audited_sets(config, wildcards.audit),
        ),
        code=wf.code("scripts/concatenate.py"),
    output:
        table="results/audit/{audit}.csv",
    log:
        "logs/audit/{audit}.log",
    wildcard_constraints:
        audit="exclusion|contamination|content|round_trip",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.concatenate {input.tables} --output {output.table} 2>&1 | tee {log}"

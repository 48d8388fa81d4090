"""Problems, verified programs, mixtures and audits.

In: config.yaml (problems, mixtures, languages), languages/*.yaml.
Out: results/problems.jsonl.gz, results/programs/{language}.jsonl.gz, results/parallel_matrix.csv,
results/sft_data/{mixture}.jsonl.gz, results/sft_data/matching.csv, results/audit/. One job per mixture and audit, so
that a new mixture leaves the others alone.
"""


rule build_problems:
    input:
        data=wf.source_files(config),
        code=wf.source_code(config, "scripts/build_problems.py"),
    output:
        problems="results/problems.jsonl.gz",
    log:
        "logs/build_problems.log",
    benchmark:
        "results/benchmarks/build_problems.tsv"
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        source=config["problems"]["source"],
        settings=wf.source_settings(config),
    shell:
        "python -m scripts.build_problems --source {params.source} --settings {params.settings:q}"
        " --output {output.problems} 2>&1 | tee {log}"


rule build_programs:
    input:
        problems="results/problems.jsonl.gz",
        data=wf.source_files(config),
        language=own("languages/{language}.yaml"),
        code=wf.source_code(config, "scripts/build_programs.py"),
    output:
        programs="results/programs/{language}.jsonl.gz",
    log:
        "logs/build_programs/{language}.log",
    benchmark:
        "results/benchmarks/build_programs/{language}.tsv"
    conda:
        "../envs/judge.yaml"
    threads: demand(config, "judge", "threads")
    resources:
        mem_mb=growing(config, "judge", "mem_mb"),
        runtime=growing(config, "judge", "runtime"),
        boxes=demand(config, "judge", "boxes"),
    params:
        source=config["problems"]["source"],
        settings=wf.source_settings(config),
    shell:
        "python -m scripts.build_programs --source {params.source} --settings {params.settings:q}"
        " --problems {input.problems} --language {wildcards.language} --jobs {resources.boxes}"
        " --output {output.programs} 2>&1 | tee {log}"


rule parallel_matrix:
    input:
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz", language=ex.all_languages(config)
        ),
        code=wf.code("scripts/parallel_matrix.py"),
    output:
        matrix="results/parallel_matrix.csv",
    log:
        "logs/parallel_matrix.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        languages=ex.all_languages(config),
    shell:
        "python -m scripts.parallel_matrix --problems {input.problems} --programs {input.programs}"
        " --languages {params.languages} --output {output.matrix} 2>&1 | tee {log}"


rule build_mixture:
    input:
        problems="results/problems.jsonl.gz",
        programs=lambda wildcards: expand(
            "results/programs/{language}.jsonl.gz",
            language=ex.recipe_languages(config, wildcards.mixture),
        ),
        tokenizer="results/base/tokenizer.json",
        code=wf.code("scripts/build_mixture.py"),
    output:
        mixture="results/sft_data/{mixture}.jsonl.gz",
    log:
        "logs/build_mixture/{mixture}.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        recipe=lambda wildcards: wf.as_json(ex.recipe(config, wildcards.mixture)),
        parallel=wf.as_json(ex.recipe(config, "parallel")),
        declared=lambda wildcards: ex.declared(config, wildcards.mixture),
        steps=config["sft"]["steps"],
        batch=config["sft"]["batch"],
    shell:
        "python -m scripts.build_mixture --problems {input.problems} --programs {input.programs}"
        " --tokenizer {input.tokenizer} --mixture {wildcards.mixture} --recipe {params.recipe:q}"
        " --parallel {params.parallel:q} --declared {params.declared} --steps {params.steps} --batch {params.batch}"
        " --output {output.mixture} 2>&1 | tee {log}"


rule matching:
    input:
        mixtures=expand(
            "results/sft_data/{mixture}.jsonl.gz", mixture=ex.report_mixtures(config)
        ),
        tokenizer="results/base/tokenizer.json",
        code=wf.code("scripts/matching.py"),
    output:
        matching=report(
            "results/sft_data/matching.csv",
            caption="../report/matching.rst",
            category="Data",
        ),
    log:
        "logs/matching.log",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        declared=wf.as_json(
            {name: ex.declared(config, name) for name in ex.report_mixtures(config)}
        ),
        steps=config["sft"]["steps"],
        batch=config["sft"]["batch"],
    shell:
        "python -m scripts.matching --mixtures {input.mixtures} --tokenizer {input.tokenizer}"
        " --declared {params.declared:q} --steps {params.steps} --batch {params.batch} --output {output.matching}"
        " 2>&1 | tee {log}"


rule audit:
    input:
        problems="results/problems.jsonl.gz",
        programs=lambda wildcards: expand(
            "results/programs/{language}.jsonl.gz",
            language=wf.audited_languages(config, wildcards.training_set),
        ),
        data=lambda wildcards: wf.audited_files("results", wildcards.training_set),
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
        " --training-set {wildcards.training_set} {params.options}"
        " --exclusion {output.exclusion} --contamination {output.contamination} 2>&1 | tee {log}"


rule audit_table:
    input:
        tables=expand(
            "results/audit/{{audit}}/{training_set}.csv",
            training_set=ex.training_sets(config),
        ),
        code=wf.code("scripts/concatenate.py"),
    output:
        table="results/audit/{audit}.csv",
    log:
        "logs/audit/{audit}.log",
    wildcard_constraints:
        audit="exclusion|contamination",
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    shell:
        "python -m scripts.concatenate {input.tables} --output {output.table} 2>&1 | tee {log}"

"""Problems, verified programs, mixtures and audits.

In: config.yaml (problems, mixtures, languages), languages/*.yaml.
Out: results/problems.jsonl.gz, results/programs/{language}.jsonl.gz, results/parallel_matrix.csv,
results/sft_data/{mixture}.jsonl.gz, results/sft_data/matching.csv, results/audit/*.csv.
"""


rule build_problems:
    input:
        code=wf.source_code(config, "scripts/build_problems.py"),
    output:
        problems="results/problems.jsonl.gz",
    log:
        "logs/build_problems.log",
    benchmark:
        "results/benchmarks/build_problems.tsv"
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        source=config["problems"]["source"],
        settings=wf.source_settings(config),
    shell:
        "python -m scripts.build_problems --source {params.source} --settings {params.settings:q}"
        " --output {output.problems} 2>&1 | tee {log}"


rule build_programs:
    input:
        problems="results/problems.jsonl.gz",
        language="languages/{language}.yaml",
        code=wf.source_code(config, "scripts/build_programs.py"),
    output:
        programs="results/programs/{language}.jsonl.gz",
    log:
        "logs/build_programs/{language}.log",
    benchmark:
        "results/benchmarks/build_programs/{language}.tsv"
    conda:
        "../envs/judge.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
        boxes=4,
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
            "results/programs/{language}.jsonl.gz", language=wf.all_languages(config)
        ),
        code=wf.code("scripts/parallel_matrix.py"),
    output:
        matrix="results/parallel_matrix.csv",
    log:
        "logs/parallel_matrix.log",
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        languages=wf.all_languages(config),
    shell:
        "python -m scripts.parallel_matrix --problems {input.problems} --programs {input.programs}"
        " --languages {params.languages} --output {output.matrix} 2>&1 | tee {log}"


rule build_mixtures:
    input:
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz",
            language=wf.training_languages(config),
        ),
        tokenizer="results/base/tokenizer.json",
        code=wf.code("scripts/build_mixtures.py"),
    output:
        mixtures=expand(
            "results/sft_data/{mixture}.jsonl.gz", mixture=config["mixtures"]["names"]
        ),
        matching="results/sft_data/matching.csv",
    log:
        "logs/build_mixtures.log",
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        mixtures=config["mixtures"]["names"],
        languages=config["languages"]["sft"],
        source=config["languages"]["source"][0],
        size=config["mixtures"]["problems"],
        steps=config["sft"]["steps"],
        batch=config["sft"]["batch"],
    shell:
        "python -m scripts.build_mixtures --problems {input.problems} --programs {input.programs}"
        " --tokenizer {input.tokenizer} --mixtures {params.mixtures} --languages {params.languages}"
        " --source {params.source} --count {params.size} --steps {params.steps} --batch {params.batch}"
        " --output results/sft_data 2>&1 | tee {log}"


rule audit:
    input:
        problems="results/problems.jsonl.gz",
        programs=expand(
            "results/programs/{language}.jsonl.gz",
            language=wf.training_languages(config),
        ),
        corpus="results/base/corpus.jsonl.gz",
        mixtures=expand(
            "results/sft_data/{mixture}.jsonl.gz", mixture=config["mixtures"]["names"]
        ),
        code=wf.code("scripts/audit.py"),
    output:
        exclusion="results/audit/exclusion.csv",
        contamination="results/audit/contamination.csv",
    log:
        "logs/audit.log",
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        languages=config["languages"]["sft"],
        sources=config["languages"]["source"],
    shell:
        "python -m scripts.audit --problems {input.problems} --programs {input.programs} --corpus {input.corpus}"
        " --mixtures {input.mixtures} --sft-languages {params.languages} --sources {params.sources}"
        " --exclusion {output.exclusion} --contamination {output.contamination} 2>&1 | tee {log}"

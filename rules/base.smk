"""The embedded scale's base model: corpus, tokenizer, pretraining.

In: results/problems.jsonl.gz (to leave their families out), config.yaml (base).
Out: results/base/ (corpus, tokenizer, weights, learning curve, manifest).
"""


rule build_ir_documents:
    input:
        problems="results/problems.jsonl.gz",
        languages=own(
            expand("languages/{language}.yaml", language=["c", "llvm_ir", "bash"])
        ),
        code=wf.source_code(config, "scripts/build_ir_documents.py"),
    output:
        documents="results/base/llvm_ir.jsonl.gz",
    log:
        "logs/build_ir_documents.log",
    benchmark:
        "results/benchmarks/build_ir_documents.tsv"
    priority: 110
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
        programs=config["translation"]["pretraining_ir"],
        levels=config["groups"]["ir"]["levels"],
        max_chars=config["groups"]["ir"]["max_chars"],
    shell:
        "python -m scripts.build_ir_documents --source {params.source} --settings {params.settings:q}"
        " --problems {input.problems} --programs {params.programs} --levels {params.levels}"
        " --max-chars {params.max_chars} --jobs {resources.boxes} --output {output.documents} 2>&1 | tee {log}"


rule build_corpus:
    input:
        problems="results/problems.jsonl.gz",
        more=oi.corpus_files(config),
        code=wf.source_code(config, "scripts/build_corpus.py"),
    output:
        corpus="results/base/corpus.jsonl.gz",
        tokenizer="results/base/tokenizer.json",
        tokenizer_config="results/base/tokenizer_config.json",
    log:
        "logs/build_corpus.log",
    benchmark:
        "results/benchmarks/build_corpus.tsv"
    priority: 100
    conda:
        "../envs/data.yaml"
    threads: demand(config, "tables", "threads")
    resources:
        mem_mb=growing(config, "tables", "mem_mb"),
        runtime=growing(config, "tables", "runtime"),
    params:
        source=config["problems"]["source"],
        settings=wf.source_settings(config),
        vocabulary=config["base"]["vocabulary"],
        documents=config["base"]["tokenizer_documents"],
        asked=task.asked_share(config),
        translated=oi.asked_share(config),
        more=oi.corpus_options(config),
    shell:
        "python -m scripts.build_corpus --source {params.source} --settings {params.settings:q}"
        " --problems {input.problems} --vocabulary {params.vocabulary} --documents-per-kind {params.documents}"
        " --asked {params.asked} --translated {params.translated} {params.more}"
        " --corpus {output.corpus} --tokenizer results/base 2>&1 | tee {log}"


rule train_base:
    input:
        corpus="results/base/corpus.jsonl.gz",
        tokenizer="results/base/tokenizer.json",
        tokenizer_config="results/base/tokenizer_config.json",
        code=wf.code("scripts/train_base.py"),
    output:
        weights="results/base/model.safetensors",
        config="results/base/config.json",
        history="results/base/history.csv",
        manifest="results/base/manifest.json",
    log:
        "logs/train_base.log",
    benchmark:
        "results/benchmarks/train_base.tsv"
    priority: 100
    conda:
        "../envs/train.yaml"
    threads: demand(config, "train_base", "threads")
    resources:
        gpu=demand(config, "train_base", "gpu"),
        mem_mb=growing(config, "train_base", "mem_mb"),
        runtime=growing(config, "train_base", "runtime"),
        save_every=config["base"]["training"]["save_steps"],
    params:
        model=wf.as_json(config["base"]["model"]),
        training=wf.as_json(decisive(config["base"]["training"])),
        seed=config["base"]["seed"],
        precision=wf.as_json(config["precision"]),
    shell:
        "python -W ignore -m scripts.train_base --corpus {input.corpus} --tokenizer results/base"
        " --model {params.model:q} --training {params.training:q} --seed {params.seed} --gpus {resources.gpu}"
        " --precision {params.precision:q}"
        " --save-every {resources.save_every} --output results/base 2>&1 | tee {log}"

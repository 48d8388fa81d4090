"""Supervised fine-tuning: one LoRA adapter per mixture and seed.

In: results/base/, results/sft_data/{mixture}.jsonl.gz, results/audit/. Out: results/sft/{mixture}/seed{seed}/.
"""


rule train_sft:
    input:
        base=wf.base_files("results"),
        data="results/sft_data/{mixture}.jsonl.gz",
        audits=expand(
            "results/audit/{audit}/{training_set}.csv",
            audit=["exclusion", "contamination"],
            training_set=[*ex.pretraining(config), "sft/{mixture}"],
        ),
        content="results/audit/content/sft/{mixture}.csv",
        round_trips=lambda wildcards: expand(
            "results/audit/round_trip/{language}.csv",
            language=ex.mixture_languages(config, wildcards.mixture),
        ),
        code=wf.code("scripts/train_sft.py"),
    output:
        weights="results/sft/{mixture}/seed{seed}/adapter_model.safetensors",
        config="results/sft/{mixture}/seed{seed}/adapter_config.json",
        history="results/sft/{mixture}/seed{seed}/history.csv",
        manifest="results/sft/{mixture}/seed{seed}/manifest.json",
    log:
        "logs/train_sft/{mixture}/seed{seed}.log",
    benchmark:
        "results/benchmarks/train_sft/{mixture}/seed{seed}.tsv"
    priority: 50
    conda:
        "../envs/train.yaml"
    threads: demand(config, "train_sft", "threads")
    resources:
        gpu=demand(config, "train_sft", "gpu"),
        mem_mb=growing(config, "train_sft", "mem_mb"),
        runtime=growing(config, "train_sft", "runtime"),
        save_every=config["sft"]["save_steps"],
    params:
        lora=wf.as_json(config["lora"]),
        precision=wf.as_json(config["precision"]),
        settings=wf.as_json(decisive(config["sft"])),
        output=lambda wildcards: f"results/sft/{wildcards.mixture}/seed{wildcards.seed}",
    shell:
        "python -W ignore -m scripts.train_sft --base results/base --data {input.data} --lora {params.lora:q}"
        " --precision {params.precision:q} --gpus {resources.gpu}"
        " --settings {params.settings:q} --seed {wildcards.seed} --save-every {resources.save_every}"
        " --output {params.output} --title 'sft {wildcards.mixture} seed {wildcards.seed}' 2>&1 | tee {log}"

"""Reinforcement learning in the source PL from every init, reward by execution.

In: results/base/, results/sft/{init}/seed{seed}/ (none for init base), results/problems.jsonl.gz, results/audit/.
Out: results/rl/{init}/{source}/seed{seed}/.
"""


rule train_rl:
    input:
        base=wf.base_files("results"),
        adapter=lambda wildcards: wf.init_files(
            "results", wildcards.init, wildcards.seed
        ),
        problems="results/problems.jsonl.gz",
        verification=lambda wildcards: task.items(config, [wildcards.source]),
        programs=lambda wildcards: rp.rl_programs(
            config, wildcards.init, wildcards.source
        ),
        oorl=lambda wildcards: oi.rl_files(config, wildcards.init),
        excluded="results/audit/excluded.csv",
        audits=lambda wildcards: expand(
            "results/audit/{audit}/{training_set}.csv",
            audit=["exclusion", "contamination"],
            training_set=ex.pretraining(config)
            + oi.audited(config, wildcards.init, wildcards.source),
        ),
        content="results/audit/content/rl/{source}.csv",
        round_trip="results/audit/round_trip/{source}.csv",
        languages=lambda wildcards: own(
            expand(
                "languages/{language}.yaml",
                language={
                    *oi.rl_languages(config, wildcards.init, wildcards.source),
                    *ex.training_languages(config),
                },
            )
        ),
        code=wf.code("scripts/train_rl.py"),
    output:
        weights="results/rl/{init}/{source}/seed{seed}/adapter_model.safetensors",
        config="results/rl/{init}/{source}/seed{seed}/adapter_config.json",
        history="results/rl/{init}/{source}/seed{seed}/history.csv",
        manifest="results/rl/{init}/{source}/seed{seed}/manifest.json",
    log:
        "logs/train_rl/{init}/{source}/seed{seed}.log",
    benchmark:
        "results/benchmarks/train_rl/{init}/{source}/seed{seed}.tsv"
    priority: 40
    conda:
        "../envs/train.yaml"
    threads: demand(config, "train_rl", "threads")
    resources:
        gpu=demand(config, "train_rl", "gpu"),
        mem_mb=growing(config, "train_rl", "mem_mb"),
        runtime=growing(config, "train_rl", "runtime"),
        boxes=demand(config, "train_rl", "boxes"),
        vllm_percent=demand(config, "train_rl", "vllm_percent"),
        save_every=config["rl"]["save_generations"],
    params:
        lora=wf.as_json(config["lora"]),
        precision=wf.as_json(config["precision"]),
        settings=lambda wildcards: wf.as_json(
            decisive(rp.rl_settings(config, wildcards.init))
        ),
        programs=lambda wildcards: " ".join(
            ["--programs", *programs]
            if (programs := rp.rl_programs(config, wildcards.init, wildcards.source))
            else []
        ),
        adapter=lambda wildcards: wf.init_option(
            "results", wildcards.init, wildcards.seed
        ),
        verification=lambda wildcards: task.items_option(config, [wildcards.source]),
        languages=ex.training_languages(config),
        oorl=lambda wildcards: oi.rl_options(config, wildcards.init),
        protocol=lambda wildcards: wf.protocol(
            config, oi.rl_languages(config, wildcards.init, wildcards.source)
        ),
        output=lambda wildcards: f"results/rl/{wildcards.init}/{wildcards.source}/seed{wildcards.seed}",
    shell:
        "python -W ignore -m scripts.train_rl --base results/base {params.adapter} --problems {input.problems}"
        " {params.verification} {params.programs} {params.oorl} --excluded {input.excluded} --language {wildcards.source}"
        " --languages {params.languages} --lora {params.lora:q} --settings {params.settings:q}"
        " --precision {params.precision:q} --gpus {resources.gpu} --vllm-percent {resources.vllm_percent}"
        " --protocol {params.protocol:q} --seed {wildcards.seed} --jobs {resources.boxes}"
        " --save-every {resources.save_every} --output {params.output}"
        " --title 'rl {wildcards.init} seed {wildcards.seed}' 2>&1 | tee {log}"

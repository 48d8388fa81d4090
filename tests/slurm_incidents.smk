"""One job per mishap, all of them real jobs on the test cluster. See tests/test_slurm_incidents.py."""

NAMES = ["memory", "time", "gpus", "cancelled", "requeued", "preempted", "node", "graced"]


rule all:
    input:
        NAMES,


rule memory:
    output:
        "memory",
    resources:
        mem_mb=lambda wildcards, attempt: 600 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    shell:
        "python3 -c 'bytearray(500 << 20)' && touch {output}"


rule time:
    output:
        "time",
    resources:
        mem_mb=500,
        runtime=lambda wildcards, attempt: attempt,
    shell:
        "if [ {resources.runtime} = 1 ]; then sleep 600; fi; touch {output}"


rule gpus:
    output:
        "gpus",
    threads: 2
    resources:
        mem_mb=500,
        runtime=5,
        gpu=2,
    shell:
        "echo $CUDA_VISIBLE_DEVICES >> runs.gpus; touch {output}"


# The others wait in their first run only, for what the test does to them.
rule waiting:
    output:
        "{name}",
    wildcard_constraints:
        name="cancelled|requeued|preempted|node",
    resources:
        mem_mb=500,
        runtime=5,
        gpu=lambda wildcards: 2 if wildcards.name in ("preempted", "node") else 0,
    shell:
        "echo $SLURM_JOB_ID >> runs.{wildcards.name};"
        " if [ $(wc -l < runs.{wildcards.name}) = 1 ]; then sleep 600; fi; touch {output}"


# Preempted with a grace time: works on until the test says so, as commands do that Slurm's signal does not reach.
rule graced:
    input:
        "preempted",  # else it would take its place
    output:
        "graced",
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=5,
        gpu=2,
    shell:
        "echo $SLURM_JOB_ID >> runs.graced; until [ -e told ]; do sleep 0.1; done; touch {output}"

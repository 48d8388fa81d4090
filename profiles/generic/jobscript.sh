#!/bin/sh
# properties = {properties}
# What a job of LSF, PBS or SGE runs. It records its own exit status for profiles/generic/status: queues forget finished
# jobs, and their accounting is off or out of reach on many sites.
PATH=${{SUBMIT_PATH:-$PATH}} # PBS and SGE start a login shell, which resets it
export PATH
record=.snakemake/cluster/${{LSB_JOBID:-${{PBS_JOBID:-$JOB_ID}}}}
finish() {{
    echo $? >"$record.new" && mv "$record.new" "$record"
}}
trap finish EXIT
trap : TERM INT USR1 USR2 XCPU # the job below gets the signal too, and time to save its state
{exec_job}

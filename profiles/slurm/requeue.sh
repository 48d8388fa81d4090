# Sourced by the shell of every Slurm job before its Snakemake starts (`precommand` in config.yaml).
#
# A job that is preempted with a grace time is told to stop (SIGTERM) and may end before it is killed. The Snakemake in it
# then ends with an error, whatever the command has done, and Slurm would report a failure, which costs one of the
# retries. Put back into the queue, it starts again by itself, as after a preemption without grace time.
requeue_if_preempted() {
    status=$?
    if [ $status != 0 ] && scontrol --oneliner show job "$SLURM_JOB_ID" | grep -q ' PreemptTime=[0-9]'; then
        scontrol requeue "$SLURM_JOB_ID"
    fi
    exit $status
}
trap requeue_if_preempted EXIT

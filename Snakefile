"""crosspl: does RL for code in one programming language transfer to others?

Table of contents. The product is results/transfer_table.csv; the experiment is config.yaml, every key of it is in
schemas/config.schema.json.
"""

import sys

from snakemake.utils import min_version

from crosspl import analysis_inputs as an
from crosspl import base_inputs as bi
from crosspl import experiment as ex
from crosspl import external_inputs as xi
from crosspl import groups_inputs as gi
from crosspl import import_inputs as im
from crosspl import manifest as mf
from crosspl import oorl_inputs as oi
from crosspl import rl_plan as rp
from crosspl import task
from crosspl import teacher_inputs as ti
from crosspl import workflow as wf
from crosspl.cluster import check_slurm, on_slurm, require_slurm
from crosspl.container import image_file, require_image
from crosspl.cost_estimate import cost_lines
from crosspl.errors import stop_on_user_error
from crosspl.leftovers import cancel_leftovers
from crosspl.lock import lock_tree, sign_tree
from crosspl.passing_on import pass_on_sigterm
from crosspl.preflight import check_run, report_full_disk
from crosspl.record import record_settings
from crosspl.remembered import remember
from crosspl.resources import decisive, demand, growing
from crosspl.storage import link_results, own

min_version("9.27")


configfile: "config.yaml"


with stop_on_user_error():
    wf.check_config(config, workflow.configfiles)
    link_results(workflow)
    IMAGE = image_file(config["container"])
    require_image(IMAGE, workflow.deployment_settings.deployment_method)


container: IMAGE


# Every command leaves a record of what it made, from what, and what it used (docs/provenance.md). SIGTERM must end neither
# the shell nor tee, which has a shell of its own in the pipe, before the command has saved.
shell.prefix(
    "set -euo pipefail; trap : TERM; tee() {{ trap '' TERM; exec tee \"$@\"; }}; "
    f"export {record_settings('results/provenance')} CROSSPL_TRACKING='{' '.join(config['tracking'])}' CROSSPL_LAUNCH={config['launch']}; "
)


pass_on_sigterm(workflow)


onstart:
    with stop_on_user_error():
        last_host = lock_tree()
        check_run(workflow)
        if on_slurm(workflow):
            require_slurm()
            # Before the checks: against a limit of jobs per user sbatch would count what a killed run left behind.
            cancel_leftovers(workflow.executor_settings.jobname_prefix, last_host)
            check_slurm(workflow, config)
        sign_tree()
    for line in cost_lines(config, workflow.resource_settings.cores):
        print(line, file=sys.stderr)


# After every run, whatever it was asked for and however it ended; results/manifest.json is a target as well.
onsuccess:
    mf.update("results", an.products(config), decisive(config))


onerror:
    if not report_full_disk():
        mf.update("results", an.products(config), decisive(config))


MODEL = r"base|sft/[a-z_0-9]+/seed\d+|rl/[a-z_0-9]+/[a-z_]+/seed\d+"
EXTERNAL = r"external/[A-Za-z0-9][A-Za-z0-9._-]*"


report: "report/workflow.rst"


wildcard_constraints:
    language="[a-z_]+",
    mixture="[a-z][a-z_0-9]*",
    training_set=r"pretraining|sft/[a-z_0-9]+|rl/[a-z_]+|groups/[a-z]+",
    form="ir|programs",
    sweep="[a-z][a-z_0-9]*",
    init="[a-z_0-9]+",
    source="[a-z_]+",
    seed=r"\d+",
    checkpoint=rf"((ablated/(language|random)|translation/[a-z_]+)/)?({MODEL})|{EXTERNAL}",


include: "rules/data.smk"
include: "rules/teacher.smk"
include: "rules/verification.smk"
include: "rules/groups.smk"
include: "rules/audits.smk"
include: bi.rules(config)
include: "rules/sft.smk"
include: "rules/rl.smk"
include: "rules/evaluation.smk"
include: "rules/translation.smk"
include: "rules/alignment.smk"
include: "rules/analysis.smk"
include: "rules/oorl.smk"
include: "rules/report.smk"
include: "rules/exports.smk"


remember(workflow.rules)


rule all:
    default_target: True
    input:
        "results/transfer_table.csv",
        f"results/transfer_table_{wf.other_reading(config)}.csv",
        "results/parallel_matrix.csv",
        *an.translation_tables(config),

"""What a run would do and why, asked of Snakemake itself.

In: the options of a `snakemake` command. Out: every job of the targets, whether it would run, and what has changed
since it ran last: settings by name, edited files, the command, inputs that came or went, outputs that are not there.
Only `explain` reads this: it imports Snakemake.
"""

import ast
import contextlib
import hashlib
import io
import json
import logging
import shlex
from pathlib import Path
from typing import NamedTuple

from snakemake.api import SnakemakeApi
from snakemake.cli import parse_args, parse_config
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    DeploymentMethod,
    DeploymentSettings,
    ExecutionSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
    WorkflowSettings,
)

from crosspl.errors import UserError
from crosspl.remembered import short
from crosspl.workflow import read_mapping

REFUSED = [  # options of a command that plans no run, or that plans it in another folder or in storage
    "archive", "cleanup_metadata", "cleanup_shadow", "conda_cleanup_envs", "conda_create_envs_only",
    "container_cleanup_images", "containerize", "d3dag", "dag", "default_storage_provider", "delete_all_output",
    "delete_temp_output", "deploy_sources", "detailed_summary", "directory", "draft_notebook", "edit_notebook",
    "filegraph", "generate_unit_tests", "lint", "list_changes", "list_conda_envs", "list_input_changes",
    "list_params_changes", "list_rules", "list_target_rules", "list_untracked", "print_compilation", "report",
    "rulegraph", "summary", "touch", "unlock",
]  # fmt: skip


class Change(NamedTuple):
    """What is not as it was. `name` is the setting, file, output or rule; the other fields are those of a setting.

    Kinds: setting, edited, newer (too large to look into), command, environment, inputs (some came or went), new, gone,
    interrupted, forced (by an option), unknown (nothing is remembered), other.
    """

    kind: str
    name: str
    before: object = None
    now: object = None
    beside: dict = {}  # noqa: RUF012  (the block of values that the rule gets it in)


class Job(NamedTuple):
    """One job; `after` are the first outputs of the planned jobs that it waits for."""

    rule: str
    output: str  # the first one
    log: str
    benchmark: str | None
    gpus: int
    runs: bool
    changes: tuple
    after: frozenset


def read_plan(options):
    """Return (jobs, merged config) of `snakemake {options}`; an error of the workflow ends the process as there."""
    args = parsed_options(options)
    quiet = {Quietness.RULES, Quietness.PROGRESS}  # with these a dry run ends when it knows the jobs
    output = OutputSettings(dryrun=True, quiet=quiet, log_level_override=logging.ERROR, enable_file_logging=False)
    with SnakemakeApi(output) as api:
        try:
            dag = api.workflow(**workflow_settings(args)).dag(dag_settings(args))
            execution = ExecutionSettings(
                lock=False, ignore_incomplete=args.ignore_incomplete, ignore_ambiguity=args.allow_ambiguity
            )
            dag.execute_workflow("dryrun", execution_settings=execution)
        except Exception as error:
            api.print_exception(error)
            raise SystemExit(1) from None
        workflow = dag.workflow_api._workflow
        jobs = [job for level in workflow.dag.toposorted() for job in level if not job.rule.norun]
        return [read_job(workflow.dag, job) for job in jobs], workflow.globals["config"]


def workflow_settings(args):
    """Return what options say about the workflow, as far as it decides what a run would do."""
    older = {"CONDA": args.use_conda, "APPTAINER": args.use_apptainer, "ENV_MODULES": args.use_envmodules}
    methods = args.software_deployment_method | {DeploymentMethod[name] for name, used in older.items() if used}
    return {
        "snakefile": args.snakefile,
        "resource_settings": ResourceSettings(
            cores=args.cores, nodes=args.jobs, max_threads=args.max_threads, resources=args.resources,
            overwrite_threads=args.set_threads, overwrite_scatter=args.set_scatter,
            overwrite_resources=args.set_resources, default_resources=args.default_resources,
        ),
        "config_settings": ConfigSettings(
            config=args.config, configfiles=args.configfile,
            replace_workflow_config=args.replace_workflow_config,
        ),
        "workflow_settings": WorkflowSettings(
            cache=args.cache, consider_ancient=args.consider_ancient, persistence_backend=args.persistence_backend,
            persistence_backend_db_url=args.persistence_backend_db_url,
        ),
        "deployment_settings": DeploymentSettings(
            deployment_method=methods, conda_prefix=args.conda_prefix,
            conda_frontend=args.conda_frontend, apptainer_args=args.apptainer_args,
            apptainer_prefix=args.apptainer_prefix,
        ),
    }  # fmt: skip


def dag_settings(args):
    """Return what options say about the jobs; what was interrupted always counts as not made."""
    return DAGSettings(
        targets=args.targets, target_jobs=args.target_jobs, batch=args.batch, forcetargets=args.force,
        forceall=args.forceall, forcerun=args.forcerun, until=args.until, omit_from=args.omit_from,
        force_incomplete=True, allowed_rules=args.allowed_rules, rerun_triggers=args.rerun_triggers,
        strict_evaluation=args.strict_dag_evaluation, max_checksum_file_size=args.max_checksum_file_size,
    )  # fmt: skip


def parsed_options(options):
    """Return the options as the command reads them, its profile included; wrong ones and REFUSED are a UserError."""
    said = io.StringIO()  # which profile it reads, or pages of usage
    try:
        with contextlib.redirect_stderr(said):
            args = parse_args(["--dry-run", *options])[1]
        args.config = parse_config(args.config)
    except ValueError as error:
        raise UserError(error) from None
    except SystemExit:
        raise UserError(said.getvalue().strip().splitlines()[-1]) from None
    for name in REFUSED:
        if getattr(args, name):
            raise UserError(
                f"explain does not take --{name.replace('_', '-')}: it explains runs in this folder, and only those"
            )
    for path in args.configfile or []:
        read_mapping(path)
    return args


def read_job(dag, job):
    """Return the Job of one of Snakemake's."""
    runs = dag.needrun(job)
    after = frozenset(other.output[0] for other in dag.dependencies[job] if dag.needrun(other))
    found = tuple(changes(dag, job)) if runs else ()
    if runs and not found and not after:
        found = (Change("other", str(dag.reason(job))),)
    gpus = int(job.resources.get("gpu") or 0)
    return Job(job.rule.name, job.output[0], next(iter(job.log), ""), job.benchmark, gpus, runs, found, after)


def changes(dag, job):
    """Yield the Changes of a planned job."""
    record = dag.workflow.persistence.metadata(job.output[0])
    lost = [path for path in job.output if not Path(path).exists()]
    if dag.reason(job).forced:
        interrupted = dag.workflow.async_run(dag.workflow.persistence.incomplete(job))
        yield Change("interrupted", job.output[0]) if interrupted else Change("forced", job.output[0])
    elif record is None or record.record_format_version < 6 or not any(map(is_remembered, values(record))):
        yield Change("new" if lost else "unknown", job.output[0])
    else:
        yield from (Change("gone", path) for path in lost)
        yield from changed_files(dag, job, record)
        yield from changed_settings(record, job)
        if record.code != job.rule.shellcmd:
            yield Change("command", job.rule.name)
        if dag.reason(job).software_stack_changed:
            yield Change("environment", job.rule.name)
        if set(record.input) != set(map(str, job.input)):
            yield Change("inputs", job.rule.name)


def changed_files(dag, job, record):
    """Yield a Change for each input that is not what it was and that no planned job makes."""
    limit = dag.workflow.dag_settings.max_checksum_file_size
    planned = {path for other, paths in dag.dependencies[job].items() if dag.needrun(other) for path in paths}
    for path in map(str, job.input):
        before = (record.input_checksums or {}).get(path)
        if path in planned or path not in record.input or not Path(path).exists():
            continue
        if before and Path(path).stat().st_size <= limit:
            if before != f"sha256:{hashlib.sha256(Path(path).read_bytes()).hexdigest()}":
                yield Change("edited", path)
        elif path in dag.reason(job).updated_input:
            yield Change("newer", path)


def values(record):
    """Return the values of the params of a job that has run; Snakemake keeps no names."""
    return [ast.literal_eval(text) for text in record.params or ()]


def is_remembered(value):
    """Return whether a param is the one of crosspl.remembered, which has the names."""
    return isinstance(value, str) and value.startswith("{") and '"files": "' in value


def changed_settings(record, job):
    """Yield a Change for each setting that reaches the job and has another value than when it ran."""
    old, now = values(record), dict(job.params.items())
    before, after = (json.loads(next(filter(is_remembered, some))) for some in (old, [now["remembered"]]))
    whole = {short(value): value for value in old if isinstance(short(value), str)}
    for name in dict.fromkeys([*before, *after]):
        if name != "files" and before.get(name) != after.get(name):
            was = before.get(name)
            yield from differences(
                name, parsed(whole.get(was, was) if isinstance(was, str) else was), parsed(now[name])
            )


def parsed(value):
    """Return a param as a dict where it holds names: JSON, or the options of a command; lists as tuples."""
    with contextlib.suppress(ValueError):  # a text that only begins so, such as a mark
        if isinstance(value, str) and value.startswith("{"):
            return json.loads(value)
        if isinstance(value, str) and value.startswith("--"):
            return {name: tuple(words) for name, *words in map(shlex.split, f" {value}".split(" --")[1:])}
    return value


def differences(name, before, now, beside=None):
    """Yield the Changes between two values; those of dicts key by key, named `outer.inner`."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from differences(f"{name}.{key}", before.get(key), now.get(key), now)
    elif before != now:
        before, now = (tuple(value) if isinstance(value, list) else value for value in (before, now))
        yield Change("setting", name, before, now, beside or {})

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
from snakemake.cli import parse_args
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    DeploymentSettings,
    ExecutionSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)

from crosspl.errors import UserError
from crosspl.io import read_text
from crosspl.remembered import short


class Change(NamedTuple):
    """What is not as it was. `name` is the setting, file, output or rule; the other fields are those of a setting.

    Kinds: setting, edited, newer (too large to look into), command, environment, inputs (some came or went), new, gone,
    interrupted, unknown (nothing is remembered), other.
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
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=args.cores, nodes=args.jobs),
                config_settings=ConfigSettings(configfiles=args.configfile),
                deployment_settings=DeploymentSettings(deployment_method=args.software_deployment_method),
            )
            settings = DAGSettings(
                targets=args.targets, force_incomplete=True, rerun_triggers=args.rerun_triggers,
                max_checksum_file_size=args.max_checksum_file_size,
            )  # fmt: skip
            workflow.dag(settings).execute_workflow("dryrun", execution_settings=ExecutionSettings(lock=False))
        except Exception as error:
            api.print_exception(error)
            raise SystemExit(1) from None
        dag = workflow._workflow.dag
        jobs = [job for level in dag.toposorted() for job in level if not job.rule.norun]
        return [read_job(dag, job) for job in jobs], workflow._workflow.globals["config"]


def parsed_options(options):
    """Return the options as the command reads them, its profile included; wrong ones are a UserError."""
    said = io.StringIO()  # which profile it reads, or pages of usage
    try:
        with contextlib.redirect_stderr(said):
            args = parse_args(["--dry-run", *options])[1]
    except SystemExit:
        raise UserError(said.getvalue().strip().splitlines()[-1]) from None
    for path in args.configfile or []:
        read_text(path)
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
        yield Change("interrupted", job.output[0])
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

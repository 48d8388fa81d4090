"""make explain: the causes it names are the edits that were made, and its jobs are those of Snakemake's own dry run."""

import base64
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from workflow_run import MATRIX, ROOT, SMOKE, TABLE, clone, command, copy_repository, planned

from crosspl.cost_estimate import total as sum_of
from crosspl.cost_estimate import transfer_table_costs
from crosspl.explain import difference, duration, keys_of, leaves_of
from crosspl.job_costs import Cost, job_costs, last_costs
from crosspl.planned import Change, Job, differences, parsed
from crosspl.workflow import read_config

REPORT = (TABLE, MATRIX, "results/report.html")


@pytest.fixture(scope="module")
def tree(smoke_tree, tmp_path_factory):
    """A copy of the finished run; tests that edit its files take a copy of their own."""
    return clone(smoke_tree, tmp_path_factory.mktemp("explain") / "tree")


@pytest.fixture
def own(tree, tmp_path):
    return clone(tree, tmp_path / "own")


def explained(folder, *targets, overlay=None):
    """Return the first line, {cause: what it runs and costs}, the last line, and the configs that were explained."""
    configs = [SMOKE]
    if overlay:
        (folder / "overlay.yaml").write_text(overlay)
        configs.append("overlay.yaml")
    done = command(folder, "explain", *targets, "--configfile", *configs)
    assert done.returncode == 0, done.stderr
    first, *lines, last = done.stdout.splitlines()
    found = re.split(r"\n(?=\S)", "\n".join(lines))
    return first, dict(cause.split("\n  runs: ") for cause in found if cause), last, configs


def jobs_in(text):
    """Return {rule: jobs} of a text like `8 train_rl; then 8 sample`."""
    return Counter({rule: int(number) for number, rule in re.findall(r"(\d+) ([a-z_]+)(?=[,;\n])", text)})


def append(path, text="# a comment\n"):
    with open(path, "a") as stream:
        stream.write(text)


def test_nothing_to_do(tree):
    done = command(tree, "explain", *REPORT, "--configfile", SMOKE)
    assert re.fullmatch(r"Nothing to be done: all \d+ jobs of `snakemake .*` are up to date\.\n", done.stdout)


def test_a_changed_setting_with_its_jobs(tree):
    first, causes, last, configs = explained(tree, TABLE, overlay="rl: {learning_rate: 3.0e-3}")
    assert list(causes) == ["You changed rl.learning_rate: was 0.002, is 0.003"]
    [runs] = causes.values()
    jobs = Counter(rule for rule, _ in planned(tree, TABLE, configs=configs))
    assert jobs["train_rl"] == 6 and jobs_in(runs) == jobs and runs.startswith("6 train_rl; then ")
    assert first.startswith(f"{sum(jobs.values())} of ") and re.search(r"about [\d.]+ CPU .*, as last time\.$", first)
    assert re.search(r"Kept: .*1 train_base.* 4 train_sft.*; they took about [\d.]+ CPU", last)


def test_several_changes_are_several_causes(own):
    append(own / "crosspl/headline.py")
    append(own / "languages/lua.yaml")
    (own / "results/transfer_matrix.csv").unlink()
    overlay = "{seeds: [0, 1, 7], statistics: {draws: 300}, sft: {warmup: 1, weight_decay: 0.1}}"
    first, causes, _, configs = explained(own, *REPORT, overlay=overlay)
    settings = {line for cause in causes if cause.startswith("You changed ") for line in cause[12:].split("\n  and ")}
    assert settings == {
        "seeds: + 7", "seeds of rule calibrate: was 2, is 3", "statistics.draws: was 200, is 300",
        "sft.warmup: was 2, is 1", "sft.weight_decay: was 0.0, is 0.1",
    }  # fmt: skip
    assert causes["You edited crosspl/headline.py"].startswith("1 other_reading, 1 transfer_table; then ")
    assert "--until other_reading transfer_table" in causes["You edited crosspl/headline.py"]
    assert "1 build_programs" in causes["You edited languages/lua.yaml"]
    assert "1 transfer_matrix" in causes["Deleted: results/transfer_matrix.csv"]
    [new] = [causes[cause].partition("; then")[0] + "," for cause in causes if cause.startswith("Not made yet")]
    assert jobs_in(new) == {name: 2 if name == "train_sft" else 3 if name == "train_rl" else 5 for name in jobs_in(new)}
    assert int(first.split()[0]) == len(planned(own, *REPORT, configs=configs))


@pytest.mark.parametrize(
    "options, cause",
    [
        ([TABLE, "--forcerun", "score", "--until", "score"], r"Forced by an option: \d+ files"),
        ([TABLE, "--forceall", "--omit-from", "train_rl"], r"Forced by an option: \d+ files"),
        ([TABLE, "--config", "mark=draft"], "You changed mark: was plumbing only, is draft"),
        (["parallel_matrix", "--force"], "Forced by an option: results/parallel_matrix.csv"),
    ],
    ids=["until", "omit-from", "config", "force"],
)
def test_options_decide_as_in_a_dry_run(tree, options, cause):
    first, causes, _, _ = explained(tree, *options)
    assert len(causes) == 1 and re.fullmatch(cause, next(iter(causes)))
    jobs = Counter(rule for rule, _ in planned(tree, *options))
    assert jobs_in(*causes.values()) == jobs and first.startswith(f"{jobs.total()} of ")


def test_an_interrupted_job_is_not_said_to_be_forced(own):
    """As after a SIGKILL: Snakemake's mark of a job that was started is there, and its output."""
    marks = own / ".snakemake/incomplete"
    marks.mkdir(exist_ok=True)
    (marks / base64.b64encode(MATRIX.encode()).decode()).touch()
    _, causes, _, _ = explained(own, MATRIX)
    assert list(causes) == [f"Interrupted while it was made: {MATRIX}"]


def test_changes_that_are_no_edit_of_the_config(own):
    append(own / "results/verdicts/base.jsonl.gz", "x")
    (own / "results/sft/parallel/seed0/history.csv").unlink()
    rules = own / "rules/data.smk"
    rules.write_text(
        rules.read_text().replace("python -m scripts.parallel_matrix", "python  -m scripts.parallel_matrix")
    )
    _, causes, _, _ = explained(own, *REPORT)
    assert set(causes) == {
        "You edited results/verdicts/base.jsonl.gz",
        "Deleted: results/sft/parallel/seed0/history.csv",
        "The command of a rule changed: parallel_matrix",
    }
    assert "--until" not in "".join(causes.values())


def test_without_metadata_nothing_is_guessed(own):
    shutil.rmtree(own / ".snakemake/metadata")
    append(own / "crosspl/io.py")
    _, causes, last, _ = explained(own, TABLE)
    assert all(cause.startswith("It is not known how it was made") for cause in causes) and last == "Nothing is kept."


def test_a_fresh_folder_costs_what_the_plan_of_the_experiment_says(tmp_path, monkeypatch):
    first, causes, last, _ = explained(copy_repository(tmp_path))
    total = int(first.split()[0])
    assert f"{total} of {total} jobs" in first and set(causes) == {f"Not made yet: {total} files"}
    monkeypatch.chdir(ROOT)
    seconds = sum_of(transfer_table_costs(read_config(["config.yaml", SMOKE])))
    assert f"about {duration(seconds, 'CPU ')}," in first and "last time" not in first and last == "Nothing is kept."


@pytest.mark.parametrize(
    "options, message",
    [
        (["--nonsense"], "error: .*unrecognized arguments: --nonsense"),
        (["--configfile", "nothing.yaml"], "error: nothing.yaml: no such file"),
        (["--config", "mark"], "error: .*name=value"),
        (["--directory", "elsewhere"], "error: explain does not take --directory"),
        (["--default-storage-provider", "s3"], "error: explain does not take --default-storage-provider"),
        (["--unlock"], "error: explain does not take --unlock"),
        (["results/nothing.csv"], "No rule to produce results/nothing.csv"),
    ],
)
def test_wrong_options_end_in_a_message(tree, options, message):
    done = command(tree, "explain", *options)
    assert done.returncode and re.search(message, done.stderr + done.stdout), done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_make_explain_takes_config_and_target():
    done = subprocess.run(
        ["make", "-n", "explain", "CONFIG=a.yaml b.yaml", "TARGET=c.csv"], cwd=ROOT, capture_output=True, text=True
    )
    assert "-m scripts.explain c.csv --configfile a.yaml b.yaml\n" in done.stdout


CONFIG = {
    "sft": {"batch": 8, "steps": 9}, "rl": {"batch": 8, "loss": "dapo"}, "seeds": [0, 1], "matrix": {"seeds": [0]},
    "languages": {"sft": ["python"], "unseen": ["lua", "php"]},
}  # fmt: skip


@pytest.mark.parametrize(
    "change, keys",
    [
        (Change("setting", "settings.batch", 4, 8, {"batch": 8, "loss": "dapo"}), ["rl.batch"]),
        (Change("setting", "batch", 4, 8), ["sft.batch", "rl.batch"]),
        (Change("setting", "plan.seeds", ("0",), ("0", "1")), ["seeds"]),
        (Change("setting", "languages", ("python", "lua"), ("python", "lua", "php")), ["languages.unseen"]),
        (Change("setting", "languages", ("python", "lua", "awk"), ("python", "lua")), ["languages"]),
        (Change("setting", "config.sft.steps", 8, 9), ["sft.steps"]),
        (Change("setting", "nothing", 1, 2), []),
        (Change("edited", "seeds"), []),
    ],
)
def test_keys_of_a_change(change, keys):
    assert keys_of(change, dict(leaves_of(CONFIG))) == keys


def test_differences_are_said_shortly():
    assert difference(0.002, 0.003) == "was 0.002, is 0.003"
    assert difference(("0", "1"), ("0", "1", "7")) == difference((0, 1), (0, 1, 7)) == "+ 7"
    assert difference(("lua", "php"), ("php", "perl")) == "+ perl, - lua"
    assert difference((0, 1), (1, 0)) == "in another order"
    assert difference((1, 0, 0), (1, 1, 1)) == "was 1 0 0, is 1 1 1"
    assert difference("plumbing", "") == 'was plumbing, is ""'


def test_params_with_names_in_them_are_compared_by_name():
    old, new = ("--inits base parallel --mark 'plumbing only'", "--inits base --mark 'a b' --draws 3")
    found = {change.name: (change.before, change.now) for change in differences("plan", parsed(old), parsed(new))}
    assert found == {
        "plan.inits": (("base", "parallel"), ("base",)),
        "plan.mark": (("plumbing only",), ("a b",)),
        "plan.draws": (None, ("3",)),
    }
    blocks = ('{"sizes": {"rl": 1, "sft": 2}}', '{"sizes": {"rl": 1, "sft": 3}}')
    [change] = differences("settings", *map(parsed, blocks))
    assert (change.name, change.before, change.now, change.beside) == ("settings.sizes.sft", 2, 3, {"rl": 1, "sft": 3})


def ran_job(folder):
    """Return a job whose log says 50 CPU seconds and whose benchmark file says 60 seconds."""
    (folder / "log").write_text("cost: 1.00 CPU s, 7 MiB\nagain\ncost: 50.00 CPU s, 7 MiB\n")
    (folder / "wall.tsv").write_text("s\tcpu_time\n60.0\t3\n")
    return Job("train_rl", "results/a", str(folder / "log"), str(folder / "wall.tsv"), 2, True, (), frozenset())


def test_costs_of_jobs(tmp_path, tree, monkeypatch):
    """A job costs what it cost, times what the settings make of it; a new one what its rule's other jobs cost."""
    config = smoke_config(tree)
    monkeypatch.chdir(tmp_path)
    ran = ran_job(tmp_path)
    new = ran._replace(output="b", log=str(tmp_path / "none"))
    other = ran._replace(rule="score", output="c", log=str(tmp_path / "none"))
    own = last_costs([ran, new, other])
    assert job_costs([ran, new, other], config, {}, own) == {"results/a": Cost(50, 60, 120), "b": Cost(50, 60, 120)}
    twice = job_costs([ran], config, {"rl.generations": config["rl"]["generations"] / 1000}, own)["results/a"]
    assert twice.cpu_s > 50 and twice.wall_s / twice.cpu_s == pytest.approx(60 / 50)
    assert job_costs([ran._replace(runs=False)], config, {"rl.generations": 1}, own)["results/a"].cpu_s == 50


@pytest.mark.parametrize(
    "attempts, cost",
    [
        ([("running", 900), ("exit 75", 50), ("done", 50)], 1000),  # preempted at 95 %
        ([("running", 900), ("done", 50), ("done", 3)], 950),  # then the file was deleted, and work/ had all
        ([("done", 50), ("done", 51)], 51),  # or had nothing
    ],
)
def test_costs_of_killed_attempts_count(tmp_path, monkeypatch, attempts, cost):
    monkeypatch.chdir(tmp_path)
    job = ran_job(tmp_path)
    ended = [
        {"status": status, "ended": number, "cpu_s": seconds, "wall_s": 2 * seconds, "gpu_s": 0}
        for number, (status, seconds) in enumerate(attempts)
    ]
    record = {"script": "", "argv": [], "revision": None, "outputs": {"results/a": "", "results/b": ""}}
    Path("results/provenance").mkdir(parents=True)
    Path("results/provenance/a.json").write_text(json.dumps(record | {"attempts": ended}))
    assert last_costs([job, job._replace(output="results/b")]) == {
        "results/a": Cost(cost, 2 * cost, 0),
        "results/b": Cost(cost, 2 * cost, 0),
    }


def smoke_config(tree):
    from crosspl.workflow import read_config

    return read_config([tree / "config.yaml", tree / SMOKE])

"""What import_problems is told: a limit, evaluation data that are not trained on; no program without its problem."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from test_bad_input import message
from test_building import SETTINGS, problem, program
from test_import_livecodebench import row, write
from workflow_run import ROOT, SMOKE, command, copy_repository, snakemake

from crosspl.importers import imported, jsonl
from crosspl.importers.rows import Drop
from crosspl.importers.writing import import_rows
from crosspl.io import read_csv, read_rows, write_rows
from crosspl.licenses import TERMS, is_for_evaluation


def own(folder, problems, programs):
    """Write a data set in our own format."""
    folder.mkdir()
    for name, rows in (("problems", problems), ("programs", programs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def read_back(folder, name):
    path = folder / name
    return [row["id"] for row in read_rows(path)] if path.exists() else []


class Stream:
    """An importer of rows that are given."""

    def __init__(self, *rows):
        self.rows, self.read_so_far = rows, 0

    def read(self, folder, revision):
        for one in self.rows:
            self.read_so_far += 1
            yield one


def test_limit_of_a_source_without_programs(tmp_path):
    write(tmp_path / "lcb", test=[row(n) for n in range(5)])
    done = command(ROOT, "import_problems", "--source", "livecodebench", "--from", tmp_path / "lcb", "--limit", 2,
                   "--output", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(read_back(tmp_path / "out", "problems.jsonl.gz")) == 2
    assert "problems: 2 read, 2 kept" in done.stderr and "stopped at the limit of 2" in done.stderr
    assert (tmp_path / "out/programs").is_dir()  # as a rule expects


def test_limit_where_programs_come_last(tmp_path):
    """All programs of the first problems, none of the others."""
    folder = own(tmp_path / "own", [problem(n) for n in range(5)],
                 [program(m, f"print({m})", problem=n) for m in range(3) for n in range(5)])  # fmt: skip
    lines = import_rows(jsonl, folder, "local", tmp_path / "out", limit=2)
    assert read_back(tmp_path / "out", "problems.jsonl.gz") == ["own/0", "own/1"]
    assert len(read_back(tmp_path / "out", "programs/python.jsonl.gz")) == 6
    assert lines == ["problems: 5 read, 2 kept, 3 dropped: over the limit",
                     "programs: 15 read, 6 kept, 9 dropped: its problem was left out"]  # fmt: skip


def test_limit_where_programs_follow_their_problem(tmp_path):
    rows = [row for n in range(4) for row in (problem(n), program(0, "1", problem=n), program(1, "2", problem=n))]
    stream = Stream(*rows)
    assert "stopped at the limit of 2" in import_rows(stream, "x", "local", tmp_path / "out", limit=2)[-1]
    assert stream.read_so_far == 7
    assert len(read_back(tmp_path / "out", "programs/python.jsonl.gz")) == 4


def test_limit_of_programs_alone(tmp_path):
    stream = Stream(*(program(n, "1") for n in range(9)))
    import_rows(stream, "x", "local", tmp_path / "out", limit=3)
    assert len(read_back(tmp_path / "out", "programs/python.jsonl.gz")) == 3 and stream.read_so_far == 4


def test_programs_of_problems_that_are_left_out(tmp_path):
    rows = [Drop("problem", "row 1", "no tests"), program(0, "1", problem=7), problem(0), program(0, "1", problem=0)]
    lines = import_rows(Stream(*rows), "x", "local", tmp_path / "out")
    assert read_back(tmp_path / "out", "programs/python.jsonl.gz") == ["own/0/python/0"]
    assert lines[1] == "programs: 2 read, 1 kept, 1 dropped: its problem was left out"
    counts = {(row["kind"], row["reason"]): row["rows"] for row in read_csv(tmp_path / "out/import.csv")}
    assert counts["program", "its problem was left out"] == "1"


@pytest.mark.parametrize("words, said", [
    (["--languages", "lua", "pythn"], ["--languages pythn", "known are"]),
    (["--limit", "0"], ["--limit 0", "1 or more"]),
    (["--limit", "-3"], ["--limit -3", "1 or more"]),
    (["--output", "own"], ["is the folder that is read", "--from"]),
    (["--output", "own/problems.jsonl"], ["own/problems.jsonl is a file"]),
    (["--output", "own/problems.jsonl/out"], ["own/problems.jsonl/out", "Not a directory"]),
    (["--from", "own/problems.jsonl"], ["own/problems.jsonl: a file: give its folder"]),
])  # fmt: skip
def test_options_that_cannot_be_meant(tmp_path, words, said):
    """One line, and the data that were read are as before."""
    folder = own(tmp_path / "own", [problem(0)], [program(0, "print(1)")])
    words = [str(tmp_path / word) if word.startswith("own") else word for word in words]
    options = ["--source", "jsonl", "--from", folder, "--output", tmp_path / "out", *words]
    message(command(ROOT, "import_problems", *options), *(part.replace("own/", f"{tmp_path}/own/") for part in said))
    assert sorted(path.name for path in folder.iterdir()) == ["problems.jsonl", "programs.jsonl"]
    assert not list(tmp_path.rglob("*.gz"))


def test_languages_by_their_names(tmp_path):
    folder = own(tmp_path / "own", [problem(0)], [program(0, "print(1)"), program(0, "print(1)", language="lua")])
    options = ["--source", "jsonl", "--from", folder, "--output", tmp_path / "out", "--languages", "Python 3", "C++"]
    done = command(ROOT, "import_problems", *options)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out/programs").iterdir()] == ["python.jsonl.gz"]


def test_what_a_killed_import_left_is_removed_by_the_next(tmp_path):
    """What a running one is writing stays."""
    folder = own(tmp_path / "own", [problem(n) for n in range(300)],
                 [program(n, f"print({n})", problem=n % 300) for n in range(30000)])  # fmt: skip
    options = ["--source", "jsonl", "--from", folder, "--output", tmp_path / "out"]
    begun = subprocess.Popen([sys.executable, "-m", "scripts.import_problems", *map(str, options)], cwd=ROOT)
    while not list(tmp_path.glob("out/programs/.python*.tmp")):
        assert begun.poll() is None
    begun.kill()
    begun.wait()
    assert not list(tmp_path.glob("out/**/[!.]*.gz"))
    alive = tmp_path / f"out/.problems.jsonl.gz.{os.getpid()}.tmp"
    alive.touch()
    done = command(ROOT, "import_problems", *options)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out").rglob(".*")) == [alive]


def test_which_sources_are_for_evaluation():
    found = {source for source in TERMS if is_for_evaluation(source)}
    assert found == {"ag_livecodebench_x", "humaneval_x", "livecodebench", "mceval", "multipl_e"}


@pytest.mark.parametrize("split", ["sft", "rl"])
def test_evaluation_data_are_not_trained_on(tmp_path, split):
    write(tmp_path / "lcb", test=[row(0)])
    options = ["--source", "livecodebench", "--from", tmp_path / "lcb", "--split", split, "--output", tmp_path / "out"]
    message(command(ROOT, "import_problems", *options), "evaluation only", split, "--train-on-evaluation-data")
    assert not list((tmp_path / "out").rglob("*.gz"))
    done = command(ROOT, "import_problems", *options, "--train-on-evaluation-data")
    assert done.returncode == 0, done.stderr
    assert [row["split"] for row in read_rows(tmp_path / "out/problems.jsonl.gz")] == [split]


def test_evaluation_data_stay_so_when_they_come_as_our_own(tmp_path, monkeypatch):
    """Under whatever licence; validation counts as trained on only where it is drawn into another split."""
    foreign = problem(0, id="multipl_e/0", family="multipl_e/0", source="multipl_e", split="sft")
    folder = own(tmp_path / "own", [foreign], [])
    with pytest.raises(Exception, match="multipl_e/0 is for evaluation only"):
        import_rows(jsonl, folder, "local", tmp_path / "out")
    monkeypatch.setattr(imported, "FOLDER", tmp_path)
    write_rows(tmp_path / "problems.jsonl.gz", [foreign | {"split": "validation"}])
    settings = SETTINGS | {"shares": {"sft": 1, "rl": 0, "validation": 0, "eval": 0}}
    assert [row["split"] for row in imported.build_problems(settings)] == ["eval"]
    allowed = imported.build_problems(settings | {"train_on_evaluation_data": True})
    assert [row["split"] for row in allowed] == ["sft"]


def test_a_folder_with_the_results_in_it(tmp_path):
    tree = copy_repository(tmp_path / "tree")
    block = {"format": "jsonl", "from": ".", "revision": None, **SETTINGS}
    (tree / "own.yaml").write_text(yaml.safe_dump({"problems": {"source": "imported", "imported": block}}))
    message(snakemake(tree, "results/problems.jsonl.gz", "-n", configs=(SMOKE, "own.yaml")), "imported.from: . holds")


def test_through_the_rules(tmp_path):
    """A data set without programs is imported as well; the refusal is the run's last word."""
    tree = copy_repository(tmp_path / "tree")
    block = {"format": "jsonl", "from": str(tmp_path / "own"), "revision": None, **SETTINGS}
    (tree / "own.yaml").write_text(yaml.safe_dump({"problems": {"source": "imported", "imported": block}}))
    rows = [problem(n, id=f"multipl_e/{n}", family=f"multipl_e/{n}", source="multipl_e", split="rl") for n in range(2)]
    own(tmp_path / "own", rows, [])
    assert snakemake(tree, "results/problems.jsonl.gz", configs=(SMOKE, "own.yaml")).returncode == 1
    assert "multipl_e/0 is for evaluation only" in (tree / "logs/import_problems.log").read_text()
    own_config = {"problems": {"source": "imported", "imported": block | {"train_on_evaluation_data": True}}}
    (tree / "own.yaml").write_text(yaml.safe_dump(own_config))
    done = snakemake(tree, "results/problems.jsonl.gz", "results/programs/lua.jsonl.gz", configs=(SMOKE, "own.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(read_rows(tree / "results/problems.jsonl.gz")) == 2

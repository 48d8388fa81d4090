"""Programs under a false label stop the run, told by the parsers of the PLs; true ones pass."""

import pytest
from tiny import WORLD, right_programs
from workflow_run import ROOT

from crosspl.content_language import fenced, not_in_language
from crosspl.errors import UserError
from crosspl.io import read_csv, write_rows
from crosspl.judge.client import Judge
from crosspl.microworld import world
from crosspl.microworld.printers import PRINTERS
from scripts import audit_content as command

LANGUAGES = ["python", "perl", "ruby", "lua", "php"]
SETTINGS = WORLD | {"pool": 12, "sizes": {"sft": 12, "rl": 4, "validation": 0, "eval": 2}}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def problems():
    return list(world.build_problems(SETTINGS))


def test_every_pl_under_every_label(problems, tmp_path):
    """Of the microworld's programs none is taken for another PL's, and no true one is refused."""
    codes = {key: [row["code"] for row in right_programs(problems, [key], SETTINGS)] for key in [*LANGUAGES, "c"]}
    assert set(codes) <= set(PRINTERS)
    with Judge(LANGUAGES, jobs=1, work=tmp_path) as judge:
        for label in LANGUAGES:
            for written, texts in codes.items():
                refused = not_in_language(judge, label, texts)
                assert len(refused) == (0 if label == written else len(set(texts))), (label, written)


def test_a_pl_without_a_parser_is_told_by_its_compiler(tmp_path):
    with Judge(["c"], jobs=1, work=tmp_path) as judge:
        texts = ["int main(void) { return 1; }", "print(4)"]
        assert not_in_language(judge, "c", texts) == ["print(4)"]


def audited(folder, problems, rows, training_set="sft/parallel", languages=("python", "ruby")):
    """Run scripts.audit_content; return the rows of its table."""
    write_rows(folder / "problems.jsonl.gz", problems)
    if rows is not None:
        write_rows(folder / "rows.jsonl.gz", rows)
    argv = ["--problems", folder / "problems.jsonl.gz", "--training-set", training_set, "--languages", *languages,
            "--jobs", "1", "--cache", "", "--output", folder / "content.csv"]  # fmt: skip
    command.main([str(part) for part in [*argv, *(["--data", folder / "rows.jsonl.gz"] if rows is not None else [])]])
    return read_csv(folder / "content.csv")


def mixture(problems):
    found = right_programs(problems, ["python", "ruby"], SETTINGS)
    return [{"problem": row["problem"], "language": row["language"], "completion": row["code"]} for row in found]


def test_a_clean_mixture_passes(tmp_path, problems):
    table = audited(tmp_path, problems, mixture(problems))
    assert [(row["language"], row["not_in_it"], row["ok"]) for row in table] == [
        ("python", "0", "yes"),
        ("ruby", "0", "yes"),
    ]


@pytest.mark.parametrize("unseen", ["lua", "php"])
def test_one_program_of_an_unseen_pl_stops_the_run(tmp_path, problems, unseen):
    rows = mixture(problems)
    rows[3]["completion"] = right_programs(problems[:1], [unseen], SETTINGS)[0]["code"]
    with pytest.raises(UserError, match=rf"sft/parallel: 1 programs labelled python do not parse in it.*is {unseen}"):
        audited(tmp_path, problems, rows)
    assert not (tmp_path / "content.csv").exists()


def test_blocks_in_statements_of_rl_problems(tmp_path, problems):
    assert audited(tmp_path, problems, None, "rl/python", ["python"])[0]["ok"] == "yes"
    rl = next(row for row in problems if row["split"] == "rl")
    shown = [row | ({"statement": "do as\n```Lua\nprint(1)\n```\n"} if row is rl else {}) for row in problems]
    with pytest.raises(UserError, match="rl/python: 1 blocks of code in statements are marked as another PL"):
        audited(tmp_path, shown, None, "rl/python", ["python"])
    assert fenced("```\n1 2\n```\n~~~ c++ x\n") == ["c++"] and fenced(None) == []

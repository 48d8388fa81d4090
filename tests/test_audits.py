"""The audits find what is planted, in any wrapping, and stop the run; clean data pass."""

import re

import pytest
from tiny import WORLD, right_programs

from crosspl.audits import contamination_rows, exclusion_rows
from crosspl.errors import UserError
from crosspl.io import read_csv, write_csv, write_rows
from crosspl.microworld import world
from crosspl.mixtures import Recipe, build_mixture
from crosspl.problems import of_split
from crosspl.prompts import format_prompt
from scripts import audit as command
from scripts import concatenate

LANGUAGES, UNSEEN = ["python", "perl", "ruby"], ["lua", "php"]


@pytest.fixture(scope="module")
def data():
    """Clean data: problems, programs of all PLs, two mixtures, the pretraining corpus."""
    problems = world.build_problems(WORLD)
    programs = right_programs(problems, LANGUAGES + UNSEEN, WORLD)
    corpus = [
        row | {"prompt": format_prompt(row["language"], row["statement"]), "completion": row.pop("code")}
        for row in world.pretraining_corpus(problems, WORLD)
    ]
    mixtures = {
        name: build_mixture(
            name, Recipe(name, LANGUAGES, "python", 12, len(LANGUAGES)), of_split(problems, "sft"), programs, len
        )
        for name in ("parallel", "monolingual")
    }
    return {"problems": problems, "programs": programs, "corpus": corpus} | mixtures


def held_out(data):
    """Return the first eval problem and its program in Lua."""
    problem = of_split(data["problems"], "eval")[0]
    return problem, next(r for r in data["programs"] if (r["problem"], r["language"]) == (problem["id"], "lua"))


def rewrapped(code):
    """Return `code` with other blanks, line breaks and indentation, in capitals where it can be."""
    return "\n\n\t" + re.sub(r"\s+", " \n    ", code).replace("(", " ( ").upper() + "  \n"


SETS = {  # training set: rows, PLs that it may hold
    "sft/parallel": ("parallel", LANGUAGES),
    "sft/monolingual": ("monolingual", LANGUAGES),
    "rl/python": (None, ["python"]),
    "pretraining": ("corpus", []),
}


def audit(folder, data):
    """Run scripts.audit on every training set as the workflow does; return what went wrong, one text per set."""
    for name in ("problems", "corpus", "parallel", "monolingual"):
        write_rows(folder / f"{name}.jsonl.gz", data[name])
    write_rows(folder / "programs.jsonl.gz", data["programs"])
    said = {}
    for name, (rows, languages) in SETS.items():
        argv = ["--problems", folder / "problems.jsonl.gz", "--programs", folder / "programs.jsonl.gz"]
        argv += ["--data", folder / f"{rows}.jsonl.gz"] if rows else []
        argv += ["--training-set", name, *(["--languages", *languages] if languages else [])]
        argv += ["--exclusion", folder / f"audit/exclusion/{name}.csv"]
        argv += ["--contamination", folder / f"audit/contamination/{name}.csv"]
        try:
            command.main([str(part) for part in argv])
        except UserError as error:
            said[name] = str(error)
            assert not (folder / f"audit/exclusion/{name}.csv").exists()
            assert not (folder / f"audit/contamination/{name}.csv").exists()
    return said


def whole_table(folder, kind):
    """Return the rows of all training sets, put together by scripts.concatenate."""
    tables = [str(folder / f"audit/{kind}/{name}.csv") for name in SETS]
    concatenate.main([*tables, "--output", str(folder / f"audit/{kind}.csv")])
    return read_csv(folder / f"audit/{kind}.csv")


def test_clean_data_pass(tmp_path, data):
    assert audit(tmp_path, data) == {}
    contamination = whole_table(tmp_path, "contamination")
    assert [row["training_set"] for row in contamination] == list(SETS)
    assert {row["ok"] for row in contamination} == {"yes"}
    exclusion = whole_table(tmp_path, "exclusion")
    assert {row["ok"] for row in exclusion} == {"yes"}
    counts = {(row["training_set"], row["language"]): (int(row["examples"]), row["role"]) for row in exclusion}
    assert counts["sft/parallel", "perl"] == (12, "trained") and counts["sft/parallel", "lua"] == (0, "excluded")
    assert counts["rl/python", "python"] == (8, "trained") and counts["rl/python", "perl"] == (0, "excluded")


def test_tables_with_other_columns_are_not_put_together(tmp_path):
    write_csv(tmp_path / "a.csv", ["x"], [{"x": 1}])
    write_csv(tmp_path / "b.csv", ["y"], [{"y": 1}])
    with pytest.raises(UserError, match=r"b\.csv: columns y; expected x"):
        concatenate.main([str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--output", str(tmp_path / "c.csv")])
    assert not (tmp_path / "c.csv").exists()


def plant_family(data):
    problem, _ = held_out(data)
    return {
        "corpus": [*data["corpus"], data["corpus"][0] | {"family": problem["family"]}]
    }, "pretraining shares 1 families"


def plant_family_in_mixture(data):
    problem, _ = held_out(data)
    row = data["parallel"][3] | {"family": problem["family"]}
    return {"parallel": data["parallel"][:3] + [row]}, "sft/parallel shares 1 families"


def plant_family_in_rl(data):
    problem, _ = held_out(data)
    problems = [r | {"family": problem["family"]} if r["id"] == "rl00003" else r for r in data["problems"]]
    return {"problems": problems}, "is in the splits eval and rl"


def plant_program(data):
    _, program = held_out(data)
    row = data["monolingual"][0] | {"completion": program["code"]}
    return {"monolingual": [*data["monolingual"], row]}, "sft/monolingual shares 0 families, 1 programs"


def plant_rewrapped_program(data):
    _, program = held_out(data)
    row = data["corpus"][5] | {"completion": rewrapped(program["code"])}
    return {"corpus": [row, *data["corpus"]]}, "pretraining shares 0 families, 1 programs"


def plant_statement(data):
    problem, _ = held_out(data)
    row = data["corpus"][5] | {"statement": f"  {problem['statement'].upper()}\n"}
    return {"corpus": [*data["corpus"], row]}, "pretraining shares 0 families, 0 programs and 1 statements"


def plant_tests(data):
    """The tests of an eval problem under another statement, in another family."""
    problem, _ = held_out(data)
    taken = data["parallel"][0]["problem"]
    problems = [row | {"tests": problem["tests"]} if row["id"] == taken else row for row in data["problems"]]
    return {"problems": problems}, f"and 1 problems in disguise, such as {taken}"


def plant_unseen_language(data):
    row = data["parallel"][0] | {"language": "php"}
    return {"parallel": [*data["parallel"], row]}, "sft/parallel: 1 examples in php"


def plant_unknown_language(data):
    row = data["parallel"][0] | {"language": "cobol"}
    return {"parallel": [*data["parallel"], row]}, "sft/parallel: 1 examples in cobol"


PLANTS = [
    plant_family, plant_family_in_mixture, plant_family_in_rl, plant_program, plant_rewrapped_program, plant_statement,
    plant_tests, plant_unseen_language, plant_unknown_language,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_planted_rows_stop_the_run(tmp_path, data, plant):
    changed, expected = plant(data)
    said = audit(tmp_path, data | changed)
    assert any(expected in text for text in said.values()), said


def test_only_the_set_that_holds_it_is_stopped(tmp_path, data):
    changed = {}
    for plant in (plant_family, plant_program, plant_unseen_language):
        changed |= plant(data)[0]
    said = audit(tmp_path, data | changed)
    assert said.keys() == {"pretraining", "sft/monolingual", "sft/parallel"}
    assert "shares 1 families" in said["pretraining"] and "1 programs" in said["sft/monolingual"]
    assert "examples in php" in said["sft/parallel"]


def test_a_language_of_another_training_set_is_still_excluded():
    sets = {"sft/a": [{"language": "perl"}], "rl/python": [{"language": "perl"}]}
    rows = exclusion_rows(sets, {"sft/a": ["perl"], "rl/python": ["python"]}, ["lua"])
    assert {(r["training_set"], r["language"]): r["ok"] for r in rows} == {
        ("sft/a", "lua"): "yes", ("sft/a", "perl"): "yes", ("rl/python", "lua"): "yes", ("rl/python", "perl"): "NO",
    }  # fmt: skip


def test_rows_without_program_or_statement_share_nothing():
    """RL problems have no program, raw code has no statement, and an empty program is no evidence."""
    problems = [{"id": "e", "family": "f", "statement": None}, {"id": "g", "family": "h", "statement": "sort it"}]
    training = {
        "rl": [{"family": "x", "statement": "add up"}],
        "raw": [{"family": "y", "statement": None, "completion": "1"}],
    }
    rows = contamination_rows(training, problems, [{"code": " \n"}, {"code": "2"}])
    assert [row["ok"] for row in rows] == ["yes", "yes"]

"""Mutants: what is changed and what is not; and that strong tests notice them, weak ones do not."""

import pytest
from test_building import PYTHON, problem, program
from workflow_run import ROOT, command

from crosspl.importers.rows import ACCEPTED, REJECTED
from crosspl.io import read_csv, write_rows
from crosspl.languages import load_language
from crosspl.mutants import mutants


@pytest.mark.parametrize(
    "language, code, wanted",
    [
        ("python", "# a < 1\nif a <= 10: print('x > 3')", {"a < 10", "a <= 11"}),
        ("c", '#include <stdio.h>\n/* 1 + 1 */ i++; a->b = "1<2"; x = a + b; // 7', {"a - b"}),
        ("lua", "for i = 1, n do end -- 1", {"= 2"}),
        ("perl", "$x = max($a, 5);", {"min($a", ", 6"}),
        ("python", "total += x1", set()),
    ],
)
def test_what_is_changed(language, code, wanted):
    found = mutants(code, load_language(language)["comment"], 99, 0)
    assert len(set(found)) == len(found) == len(wanted)
    assert all(sum(part in mutant for mutant in found) == 1 for part in wanted), found


def test_the_draw_depends_on_the_seed_alone():
    code, comment = PYTHON[0].replace("{k}", "3") * 3, load_language("python")["comment"]
    assert mutants(code, comment, 3, 1) == mutants(code, comment, 3, 1) != mutants(code, comment, 3, 2)


def test_strong_and_weak_tests(tmp_path):
    strong, weak = problem(0), problem(1, tests=0)
    weak["tests"] = [{"stdin": "0 0\n", "stdout": "0\n"}]
    unjudged = problem(2)
    rows = []
    for n in (0, 1):
        right = PYTHON[0].replace("{k}", str(n % 7 + 2))
        rows += [program(0, "print('?')", ACCEPTED, n), program(1, right, ACCEPTED, n)]
        wrong = [right.replace("+ b", "- b"), right.replace("* a", "* (a + a)")]
        rows += [program(2 + place, code, REJECTED, n) for place, code in enumerate(wrong)]
    write_rows(tmp_path / "problems.jsonl.gz", [strong, weak, unjudged])
    write_rows(tmp_path / "programs/python.jsonl.gz", rows[::-1])
    done = command(ROOT, "test_strength", "--problems", tmp_path / "problems.jsonl.gz", "--programs",
                   tmp_path / "programs", "--languages", "python", "lua", "--cache", "",
                   "--output", tmp_path / "strength.csv")  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second, third = read_csv(tmp_path / "strength.csv")
    assert (first["wrong_judged"], first["wrong_killed"], first["kill_rate"]) == ("2", "2", "1.0")
    assert int(first["mutants_made"]) >= int(first["mutants_judged"]) >= 3
    assert (second["wrong_judged"], second["wrong_killed"], second["wrong_kill_rate"]) == ("2", "0", "0.0")
    assert float(second["kill_rate"]) < 0.5
    assert (third["wrong_judged"], third["mutants_made"], third["kill_rate"]) == ("0", "0", "")
    assert "1 of 3 problems have tests that pass" in done.stderr and "1 could not be measured" in done.stderr

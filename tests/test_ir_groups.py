"""Groups of LLVM IR: what the judge says of every winner and loser, what is dropped and counted, the rule itself.

With real clang in real boxes; skipped where clang is not installed.
"""

import json
import shutil
from collections import Counter

import pytest
from tiny import WORLD, right_programs
from workflow_run import ROOT, command, copy_repository, snakemake

from crosspl.errors import UserError
from crosspl.groups import ir
from crosspl.groups.judged import shown_wrong
from crosspl.groups.rows import check_groups, read_groups
from crosspl.groups.stages import Stages
from crosspl.io import read_csv, read_rows, write_csv, write_rows
from crosspl.judge.client import Judge
from crosspl.llvm.translate import verified
from crosspl.microworld import world
from crosspl.problems import judge_row, of_split

SMALL = WORLD | {"sizes": {"sft": 2, "rl": 8, "validation": 0, "eval": 2}, "pool": 2}
SETTINGS = {"languages": ["c"], "per_problem": 1, "levels": ["Oz", "O1"], "mutants": 12, "losers": 2,
            "kinds": ["invalid", "differs"], "max_chars": 30000}  # fmt: skip
needs_clang = pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
ECHO = '#include <stdio.h>\nint main(void) { int x; scanf("%d", &x); printf("%d\\n", x * 3 - 1); return 0; }'
CPP = "#include <iostream>\nint main() { int x; std::cin >> x; std::cout << x * 3 - 1 << std::endl; }"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge(["llvm_ir", "bash"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


@pytest.fixture(scope="module")
def problems():
    return of_split(world.build_problems(SMALL), "rl")


@pytest.fixture(scope="module")
def made(judge, problems):
    """(group rows, stages) of the world's problems."""
    rows, stages = right_programs(problems, ["c"], SMALL), Stages(ir.STAGES)
    entries = [(problem, [row for row in rows if row["problem"] == problem["id"]]) for problem in problems]
    return ir.groups(judge, entries, SETTINGS, stages), stages


def own(code, language="c", stdout=("2\n", "-1\n"), **changes):
    """Return (problem, [its program]): tests with input 1 and 0."""
    tests = [{"stdin": stdin, "stdout": out} for stdin, out in zip(("1\n", "0\n"), stdout)]
    problem = {"id": "own", "family": "own", "tests": tests, "harness": None, "comparison": "tokens", **changes}
    return problem, [{"id": f"own/{language}", "language": language, "code": code, "verdict": "OK"}]


def grouped(judge, *entries, **changes):
    """Return (group rows, {(stage, reason): its numbers})."""
    stages = Stages(ir.STAGES)
    rows = ir.groups(judge, list(entries), SETTINGS | {"levels": ["O0", "O1"]} | changes, stages)
    return check_groups(rows, "groups"), {
        (row["stage"], row["reason"]): (row["groups"], row["winners"], row["losers"]) for row in stages.rows()
    }


@needs_clang
def test_every_answer_is_what_its_group_says(judge, problems, made):
    rows, by_id = check_groups(made[0], "groups"), {row["id"]: row for row in problems}
    assert len(rows) == len(problems)
    answers = [(by_id[row["problem"]], one) for row in rows for one in row["winners"] + row["losers"]]
    said = judge.judge([judge_row(problem, one["language"], one["code"], "") for problem, one in answers])
    found = Counter((one.get("kind", "winner"), verdict["verdict"]) for (_, one), verdict in zip(answers, said))
    assert found["winner", "OK"] == 2 * len(rows) and found["invalid", "CE"] == len(rows)
    differs = {verdict for kind, verdict in found if kind == "differs"}
    assert "WA" in differs and not differs & {"OK", "CE", "JE", "CTLE", "NC"}
    assert {kind for kind, _ in found} == {"winner", "invalid", "differs"}
    let = verified(judge, [one["code"] for _, one in answers])
    assert all((one.get("kind") != "invalid") == through for (_, one), through in zip(answers, let))


@needs_clang
def test_the_form_of_a_group(problems, made):
    programs = {row["id"]: row for row in right_programs(problems, ["c"], SMALL)}
    for row in made[0]:
        program = programs[row["id"]]
        assert row["source"] == {"language": "c", "code": program["code"]} and row["form"] == "ir"
        assert (row["problem"], row["family"]) == (program["problem"], program["family"])
        assert [one["how"] for one in row["winners"]] == ["Oz", "O1"]
        assert {one["how"].rpartition(" of ")[2] for one in row["losers"]} == {"Oz", "O1"}  # one of each winner
        assert Counter(one["kind"] for one in row["losers"]) == {"invalid": 1, "differs": 1}
        assert {one["language"] for one in row["winners"] + row["losers"]} == {"llvm_ir"}
        for one in row["losers"]:
            winner = next(w for w in row["winners"] if one["how"].endswith(f" of {w['how']}"))
            changed = set(one["code"].split("\n")) ^ set(winner["code"].split("\n"))
            assert changed and abs(len(one["code"]) - len(winner["code"])) < 300


@needs_clang
def test_the_same_again(judge, problems, made):
    entries = [(problem, right_programs([problem], ["c"], SMALL)) for problem in problems[:2]]
    again = ir.groups(judge, [(p, [r for r in rows if r["id"] in {g["id"] for g in made[0]}]) for p, rows in entries],
                      SETTINGS, Stages(ir.STAGES))  # fmt: skip
    assert {row["id"] for row in again} <= {row["id"] for row in made[0]} and again
    assert again == [row for row in made[0] if row["id"] in {one["id"] for one in again}]


@needs_clang
def test_the_counts_add_up(made):
    rows = {(row["stage"], row["reason"]): row for row in made[1].rows()}
    judged = rows["mutants", ""]["losers"]
    dropped = sum(row["losers"] or 0 for (stage, reason), row in rows.items() if stage == "losers" and reason)
    assert judged == dropped + rows["losers", ""]["losers"] and rows["losers", "agrees on all tests"]["losers"] > 0
    final = rows["groups", ""]
    assert (final["groups"], final["winners"], final["losers"]) == (8, 16, 16)
    assert rows["invalid losers", ""]["losers"] == rows["differing losers", ""]["losers"] == 8


@needs_clang
def test_cpp_and_one_kind_alone(judge):
    for kinds in (["invalid"], ["differs"]):
        [row], _ = grouped(judge, own(CPP, "cpp"), languages=["cpp"], kinds=kinds, losers=3, max_chars=10**6)
        assert [one["kind"] for one in row["losers"]] == kinds * 3 and row["source"]["language"] == "cpp"
    assert grouped(judge, own(CPP, "cpp"))[1]["programs", "no verified program"] == (1, None, None)


@needs_clang
@pytest.mark.parametrize(
    "entry, changes, drop, numbers",
    [
        (own("int main(void) { return 0; }", stdout=["", ""]), {"levels": ["O1", "Oz"]},
         ("equivalent", "fewer than 2 winners"), (1, 1, None)),
        (own(ECHO.replace("return 0;", "int f(int y) { return y; } return f(0);")), {},
         ("translations", "not compiled by clang"), (None, 2, None)),
        (own(ECHO.replace("int main", "#ifdef __OPTIMIZE__\n#define scanf(a, b) x = 7\n#endif\nint main")), {},
          ("winners", "verdict WA"),
         (None, 1, None)),
        (own(ECHO), {"levels": ["O2", "O3"]}, ("winners", "says the same as another"), (None, 1, None)),
        (own(ECHO), {"max_chars": 300}, ("winners", "longer than max_chars"), (None, 2, None)),
        (own(ECHO, tests=[]), {}, ("problems", "no tests"), (1, None, None)),
        (own(ECHO, harness={"c": "int main() {}"}), {}, ("problems", "tests that are a harness: it is not in LLVM IR"),
         (1, None, None)),
        ((own(ECHO)[0], []), {}, ("programs", "no verified program"), (1, None, None)),
        ((own(ECHO)[0], [own(ECHO)[1][0] | {"verdict": "WA"}]), {}, ("programs", "no verified program"),
         (1, None, None)),
        # whatever is changed in it, it is valid IR
        (own("#ifdef __OPTIMIZE_SIZE__\n#define ONE 2\n#else\n#define ONE 1\n#endif\nint g;\n"
             "int main(void) { g = ONE; return 0; }", stdout=["", ""]), {"levels": ["O1", "Oz"], "kinds": ["invalid"]},
         ("groups", "no loser"), (1, 2, None)),
    ],
    ids=["one winner", "not clang's", "a wrong winner", "equal texts", "too long", "no tests", "harness", "no program",
         "a wrong program", "no loser"],
)  # fmt: skip
def test_no_group_without_two_winners_and_a_loser(judge, entry, changes, drop, numbers):
    rows, counts = grouped(judge, entry, **changes)
    assert rows == [] and counts[drop] == numbers and counts["groups", ""] == (None, None, None)


@needs_clang
def test_a_mutant_that_agrees_is_no_loser(judge):
    [row], _ = grouped(judge, own(ECHO))
    problem, stages = own(ECHO)[0], Stages(ir.STAGES)
    right, wrong = row["winners"][0], row["losers"]
    slow = {
        "language": "llvm_ir",
        "code": "define i32 @main() {\n  br label %a\na:\n  br label %a\n}\n",
        "how": "endless",
    }
    answers = [right, right | {"code": right["code"].replace("entry", "start")}, *wrong, slow, slow | {"code": " "}]
    found = shown_wrong(judge, [(problem, one) for one in answers], stages)
    assert found[:2] == [None, None] and found[-1] is None
    assert [one["kind"] for one in found[2:-1]] == [one["kind"] for one in wrong] + ["differs"]
    assert stages.counts["losers"]["agrees on all tests"]["losers"] == 2


@needs_clang
def test_what_only_the_linker_refuses_is_not_invalid(judge):
    unlinked = "declare i32 @nobody()\ndefine i32 @main() {\n  %x = call i32 @nobody()\n  ret i32 %x\n}\n"
    broken = {"code": "define i32 @main() {\n", "kind": "invalid"}
    stages = Stages(ir.STAGES)
    found = ir.refused(
        judge, [broken, None, {"code": unlinked, "kind": "invalid"}, {"code": "", "kind": "differs"}], stages
    )
    assert found == [broken, None, None, {"code": "", "kind": "differs"}]
    assert stages.counts["losers"]["not refused by the verifier"]["losers"] == 1


def answer(kind, of, error):
    return {"kind": kind, "of": of, "error": error, "code": f"{kind} {of} {error}"}


def test_losers_are_spread_over_kinds_winners_and_errors():
    wrong = [answer("invalid", "Oz", "a"), answer("invalid", "Oz", "b"), answer("differs", "Oz", "c"),
             answer("differs", "O3", "a"), answer("differs", "O3", "d"), answer("differs", "Oz", "e")]  # fmt: skip
    kinds, codes = ["invalid", "differs"], lambda *asked: [one["code"] for one in ir.pick(*asked)]
    assert codes(wrong, 2, kinds) == ["invalid Oz a", "differs O3 d"]
    assert codes(wrong, 4, kinds) == ["invalid Oz a", "differs O3 d", "invalid Oz b", "differs O3 a"]
    assert codes(wrong, 9, ["invalid"]) == ["invalid Oz a", "invalid Oz b"]
    assert codes(wrong[2:], 2, kinds) == ["differs Oz c", "differs O3 a"] and codes([], 2, kinds) == []
    assert len(ir.pick(wrong, 9, kinds)) == 6 and len(wrong) == 6


# The command and the rule.


def build(folder, form, settings, *options):
    return command(
        ROOT, "build_groups", "--form", form, "--settings", json.dumps(settings), "--source", "microworld",
        "--problems", folder / "problems.jsonl.gz", "--excluded", folder / "excluded.csv", "--programs",
        *(folder / f"programs/{language}.jsonl.gz" for language in settings["languages"]), "--cache", "", "--jobs", 2,
        *options, "--output", folder / f"{form}.jsonl.gz", "--table", folder / f"{form}.csv",
    )  # fmt: skip


@needs_clang
def test_excluded_problems_and_other_splits_are_left_out(tmp_path, problems, made):
    every = [*problems[:3], problems[3] | {"split": "eval"}]
    write_rows(tmp_path / "problems.jsonl.gz", every)
    write_rows(tmp_path / "programs/c.jsonl.gz", right_programs(every, ["c"], SMALL | {"pool": 0})[::-1])
    write_csv(tmp_path / "excluded.csv", ["problem"], [{"problem": problems[1]["id"]}])
    done = build(tmp_path, "ir", SETTINGS)
    assert done.returncode == 0, done.stderr
    rows = read_groups(tmp_path / "ir.jsonl.gz")
    assert [row["problem"] for row in rows] == [problems[0]["id"], problems[2]["id"]]
    first = read_csv(tmp_path / "ir.csv")[0]
    assert (first["reason"], first["groups"]) == ("is an eval problem", "1")
    none = build(tmp_path, "ir", SETTINGS, "--split", "sft")
    assert none.returncode == 2 and "no problem of the split sft" in none.stderr and "Traceback" not in none.stderr


@needs_clang
def test_no_group_at_all_is_an_empty_file_that_is_not_trained_on(tmp_path, problems):
    write_rows(tmp_path / "problems.jsonl.gz", problems[:1])
    write_rows(tmp_path / "programs/c.jsonl.gz", [])
    write_csv(tmp_path / "excluded.csv", ["problem"], [])
    assert build(tmp_path, "ir", SETTINGS).returncode == 0 and read_rows(tmp_path / "ir.jsonl.gz") == []
    with pytest.raises(UserError, match=r"ir\.jsonl\.gz: no groups to train on"):
        read_groups(tmp_path / "ir.jsonl.gz")


def test_without_clang_one_line_says_what_to_install(tmp_path, problems):
    write_rows(tmp_path / "problems.jsonl.gz", problems[:1])
    write_rows(tmp_path / "programs/c.jsonl.gz", right_programs(problems[:1], ["c"], SMALL))
    tree = copy_repository(tmp_path / "tree")
    path = tree / "languages/llvm_ir.yaml"
    path.write_text(path.read_text().replace("clang", "clang-nowhere"))
    done = command(
        tree, "build_groups", "--form", "ir", "--settings", json.dumps(SETTINGS), "--source", "microworld",
        "--problems", tmp_path / "problems.jsonl.gz", "--programs", tmp_path / "programs/c.jsonl.gz", "--cache", "",
        "--output", tmp_path / "ir.jsonl.gz", "--table", tmp_path / "ir.csv",
    )  # fmt: skip
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert done.returncode == 2 and "language llvm_ir: clang-nowhere --version does not work" in line
    assert "apt-get install clang-nowhere or conda install" in line and not (tmp_path / "ir.jsonl.gz").exists()


@needs_clang
def test_the_rule(tmp_path):
    tree = copy_repository(tmp_path / "tree")
    overlay = tree / "configs/tiny.yaml"
    overlay.write_text("problems: {microworld: {sizes: {sft: 2, rl: 4, validation: 0, eval: 2}, pool: 2}}\n")
    targets = [f"results/groups/{form}.{end}" for form in ("ir", "programs") for end in ("jsonl.gz", "csv")]
    done = snakemake(tree, *targets, configs=("configs/smoke.yaml", "configs/tiny.yaml"))
    assert done.returncode == 0, done.stderr[-4000:]
    for form, winners in (("ir", 2), ("programs", 3)):
        rows = read_groups(tree / f"results/groups/{form}.jsonl.gz")
        assert len(rows) >= 3 and all(len(row["winners"]) == winners and row["form"] == form for row in rows)
        assert {row["problem"][:2] for row in rows} == {"rl"}
        final = next(row for row in read_csv(tree / f"results/groups/{form}.csv") if row["stage"] == "groups")
        assert int(final["groups"]) == len(rows)

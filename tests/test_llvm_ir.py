"""LLVM IR: real translations of C and C++ programs, what is stripped from them, and mutants of every kind.

With real clang in real boxes; skipped where clang is not installed.
"""

import gzip
import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from tiny import WORLD, right_programs

from crosspl.judge.client import Judge
from crosspl.llvm.clean import clean
from crosspl.llvm.functions import functions, instructions, pieces
from crosspl.llvm.mutants import KINDS, changes, mutants
from crosspl.llvm.translate import LEVELS, translations, verified
from crosspl.microworld import world
from crosspl.problems import judge_row

DATA = Path(os.environ.get("CROSSPL_DATA", "data")) / "humaneval_x/humaneval_cpp.jsonl.gz"
SMALL = WORLD | {"sizes": {"sft": 3, "rl": 0, "validation": 0, "eval": 0}, "pool": 3}
FLOAT = '#include <cstdio>\ntemplate <class T> T half(T x) { return x / 2; }\nint main() { printf("%.2f", half(5.0)); }'
MODULE = """\
@.str = private unnamed_addr constant [9 x i8] c"a; !b #0\\00", align 1

define i32 @f(i32 %0, i32 %n) {
entry:
  %1 = sext i32 %0 to i64
  %2 = sub nsw i64 %1, 7
  %3 = icmp slt i64 %2, %1
  br i1 %3, label %4, label %"odd name"

4:
  %5 = trunc i64 %2 to i32
  switch i32 %5, label %"odd name" [
    i32 1, label %6
  ]

6:
  store i32 %n, i32* @x, align 4
  ret i32 %5

"odd name":
  %7 = phi i32 [ 0, %entry ], [ %5, %4 ]
  ret i32 %7
}
"""


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    if not shutil.which("clang"):
        pytest.skip("clang is not installed")
    with Judge(["llvm_ir", "bash"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


@pytest.fixture(scope="module")
def problems():
    return world.build_problems(SMALL)


@pytest.fixture(scope="module")
def translated(judge, problems):
    """[(problem, level, IR)] of C programs in every style, at every level."""
    by_id, programs = {row["id"]: row for row in problems}, right_programs(problems, ["c"], SMALL)
    found = translations(judge, programs, LEVELS)
    assert all(set(texts) == set(LEVELS) for texts in found) and len(programs) == 9
    return [(by_id[one["problem"]], *item) for one, texts in zip(programs, found) for item in texts.items()]


def verdicts(judge, problems, codes):
    rows = [judge_row(problem, "llvm_ir", code, "") for problem, code in zip(problems, codes)]
    return Counter(row["verdict"] for row in judge.judge(rows, stop_on_first_failure=True))


def test_clean_ir_does_the_same_and_says_less(judge, translated):
    asked, _, texts = zip(*translated)
    cleaned = [clean(text) for text in texts]
    assert verdicts(judge, asked, texts) == verdicts(judge, asked, cleaned) == {"OK": len(texts)}
    assert all(verified(judge, cleaned))
    for text, short in zip(texts, cleaned):
        assert clean(short) == short and len(short) < 0.8 * len(text)
        bare = re.sub(r'"[^"]*"', "", short)
        assert not re.search(r"[;!#]|target |attributes|source_filename", bare), bare
        assert set(re.findall(r"^  (%[\w.]+) =", text, re.M)) == set(re.findall(r"^  (%[\w.]+) =", short, re.M))


def test_what_is_stripped_and_what_only_looks_like_it():
    text = """\
; ModuleID = 'main.c'
source_filename = "main.c"
target triple = "x86_64-pc-linux-gnu"

@s = constant [9 x i8] c"; !0 #1 \\00"


%"class.a;b" = type { i32 } ; a comment
define i32 @main() local_unnamed_addr #0 !dbg !5 {
  call void @llvm.dbg.value(metadata i32 0, metadata !3, metadata !DIExpression()), !dbg !9
  tail call void @llvm.experimental.noalias.scope.decl(metadata !7)
  %x = load i32, i32* @g, align 4, !tbaa !5, !range !{}
    #dbg_value(i32 %x, !3, !DIExpression(), !9)
  %y = call i32 @puts(i8* %s) #3, !srcloc !8
  br label %end, !llvm.loop !11

end:                                              ; preds = %0
  ret i32 %x
}

attributes #0 = { nounwind "frame-pointer"="none" }
!llvm.module.flags = !{!0, !1}
!0 = !{i32 1, !"wchar_size", i32 4}
!5 = distinct !{!5, !6}
"""
    assert (
        clean(text)
        == """\
@s = constant [9 x i8] c"; !0 #1 \\00"

%"class.a;b" = type { i32 }
define i32 @main() local_unnamed_addr {
  %x = load i32, i32* @g, align 4
  %y = call i32 @puts(i8* %s)
  br label %end

end:
  ret i32 %x
}
"""
    )


@pytest.mark.skipif(not DATA.exists(), reason="HumanEval-X is not here: CROSSPL_DATA")
def test_cpp_programs_of_people(judge):
    """Their asserts are part of them: right ones print nothing and end with status 0. A failed assert aborts."""
    with gzip.open(DATA, "rt") as stream:
        rows = [json.loads(line) for line in stream][:80:16]
    codes = [row["declaration"] + row["canonical_solution"] + "\n" + row["test"] for row in rows]
    found = translations(judge, [{"language": "cpp", "code": code} for code in codes], ["Oz", "O2"])
    cleaned = [clean(text) for texts in found for text in texts.values()]
    problem = {"tests": [{"stdin": "", "stdout": ""}], "harness": None, "comparison": "exact"}
    assert len(cleaned) >= 8 and verdicts(judge, [problem] * len(cleaned), cleaned) == {"OK": len(cleaned)}
    wrong = [one.code for text in cleaned[:4] for one in mutants(text, 6, "cpp")]
    said = verdicts(judge, [problem] * len(wrong), wrong)
    assert len(wrong) == 24 and said["CE"] and said["RE"] and not said["JE"]


def test_what_clang_does_not_compile_has_no_translation(judge):
    programs = [
        {"language": "c", "code": "int main(void) {"},
        {"language": "cpp", "code": FLOAT},
        {"language": "c", "code": "int main(void) { int f(int x) { return x; } return f(0); }"},  # gcc's alone
        {"language": "c", "code": '#include "/etc/shadow"\nint main(void) { return 0; }'},
        {"language": "c", "code": ""},
    ]
    found = translations(judge, programs, ["O1", "Oz"])
    assert [sorted(texts) for texts in found] == [[], ["O1", "Oz"], [], [], ["O1", "Oz"]]
    assert verdicts(judge, [{"tests": [{"stdin": "", "stdout": "2.50"}], "harness": None, "comparison": "exact"}],
                    [clean(found[1]["Oz"])]) == {"OK": 1}  # fmt: skip
    assert translations(judge, [], ["O1"]) == []


REFUSED = {
    "type": "define i32 @main() {\n  ret i64 0\n}\n",
    "undefined value": "define i32 @main() {\n  ret i32 %x\n}\n",
    "dominance": yaml.safe_load(Path("tests/languages/llvm_ir.yaml").read_text())["broken"],
    "no terminator": "define i32 @main() {\n  %x = add i32 1, 2\n}\n",
    "numbering": "define i32 @main() {\n  %2 = add i32 1, 2\n  ret i32 %2\n}\n",
    "no IR": "int main(void) { return 0; }\n",
}


def test_the_verifier_refuses(judge):
    assert not any(verified(judge, list(REFUSED.values()))) and verified(judge, []) == []
    unlinked = "declare i32 @nobody()\ndefine i32 @main() {\n  %x = call i32 @nobody()\n  ret i32 %x\n}\n"
    assert verified(judge, [unlinked, "define i32 @main() {\n  ret i32 0\n}\n"]) == [True, True]
    problem = {"tests": [{"stdin": "", "stdout": ""}], "harness": None, "comparison": "tokens"}
    codes = [*REFUSED.values(), unlinked]
    assert verdicts(judge, [problem] * len(codes), codes) == {"CE": len(codes)}


def kinds(text):
    return [change.kind for change in changes(text)]


@pytest.mark.parametrize(
    "instruction, wanted",
    [
        ("  %x = sub nsw i32 %a, %b", {"sub nsw i32 %b, %a"}),
        ("  %x = sdiv <4 x i32> <i32 1, i32 1, i32 1, i32 1>, %b", {"sdiv <4 x i32> %b, <i32 1, i32 1, i32 1, i32 1>"}),
        ("  %x = select i1 %c, i32 3, i32 %b", {"select i1 %c, i32 %b, i32 3", "select i1 %c, i32 4, i32 %b"}),
        ("  %x = icmp slt i32 %a, 9", {"icmp slt i32 9, %a", "icmp sge i32 %a, 9", "icmp sle i32 %a, 9",
                                       "icmp slt i32 %a, 10", "icmp slt i32 %a, 8"}),
        ("  %x = icmp eq i8* %a, null", {"icmp ne i8* %a, null"}),
        ("  %x = add i32 %a, %b", set()),
        ("  %x = fcmp oeq double %a, %b", set()),
        ("  %x = fcmp olt double %a, %b", {"fcmp olt double %b, %a"}),
        ("  br i1 %c, label %a, label %b", {"br i1 %c, label %b, label %a"}),
        ("  br label %a", set()),
        ("  ret i32 -1", {"ret i32 0", "ret i32 -2"}),
        ("  %x = load i32, i32* %a, align 4", set()),
        ("  %x = phi i64 [ 0, %a ], [ %b, %c ]", {"phi i64 [ 1, %a ], [ %b, %c ]", "phi i64 [ -1, %a ], [ %b, %c ]"}),
        ("  call void @llvm.lifetime.start.p0i8(i64 4, i8* %a)", None),
    ],
)  # fmt: skip
def test_changes_of_one_instruction(instruction, wanted):
    found = {change.text.partition("= ")[2] or change.text.strip() for change in changes(instruction) if change.text}
    assert (found >= wanted and (wanted or not found)) if wanted is not None else not list(changes(instruction))
    ends = instruction.strip().split()[0] in ("br", "ret")
    assert ("delete instruction" in kinds(instruction)) == (wanted is not None and not ends)


def test_deleting_moves_numbers_up_and_dropping_a_cast_takes_its_operand():
    made = {one.code: one.kind for one in mutants(MODULE, 999, 0)}
    assert set(made.values()) == set(KINDS) and MODULE not in made
    [deleted] = [code for code, kind in made.items() if kind == "delete instruction" and "sub nsw" not in code]
    for line in ("%2 = icmp slt i64 %2, %1", "br i1 %2, label %3, ", "3:", "%4 = trunc i64 %2 to", "label %5\n", "5:",
                 "%6 = phi i32 [ 0, %entry ], [ %4, %3 ]", 'c"a; !b #0\\00"', "@f(i32 %0, i32 %n)"):  # fmt: skip
        assert line in deleted
    [dropped] = [code for code, kind in made.items() if kind == "drop cast" and "trunc" not in code]
    assert "switch i32 %2, label" in dropped and "ret i32 %2" in dropped and "[ %2, %4 ]" in dropped
    assert "\n5:\n" in dropped and "%6 = phi" in dropped


def test_mutants_of_real_programs(judge, translated):
    counts = Counter()
    for problem, level, text in translated[::11]:
        code = clean(text)
        found = mutants(code, 12, f"{problem['id']} {level}")
        assert found == mutants(code, 12, f"{problem['id']} {level}") != mutants(code, 12, "another")
        assert len({one.code for one in found}) == 12 and code not in {one.code for one in found}
        per_kind = Counter(one.kind for one in found)
        assert len(per_kind) >= 5 and max(per_kind.values()) <= 4, per_kind
        assert mutants(code, 3, "s") == mutants(code, 9, "s")[:3]
        for kind, good in zip((one.kind for one in found), verified(judge, [one.code for one in found])):
            counts[kind, good] += 1
        said = verdicts(judge, [problem] * 12, [one.code for one in found])
        assert not said["JE"] and said["CE"] == 12 - sum(verified(judge, [one.code for one in found]))
    assert {kind for kind, good in counts if not good} >= {"delete instruction", "drop cast"}
    assert {kind for kind, good in counts if good} >= {"flip predicate", "swap branch targets", "swap operands"}


def test_the_parts_are_the_text(translated):
    for _, _, text in translated[::7]:
        code = clean(text)
        lines = code.split("\n")
        assert sum(line.startswith("define ") for line in lines) == len(list(functions(code)))
        for start, end in functions(code):
            spans = instructions(lines, start, end)
            inside = {place for span in spans for place in range(*span)}
            rest = [lines[place] for place in range(start, end) if place not in inside]
            assert all(not line or line.endswith(":") for line in rest), rest
            for span in spans:
                assert ", ".join(pieces("\n".join(lines[slice(*span)]), ", ")) == "\n".join(lines[slice(*span)])


def test_nothing_to_change():
    assert mutants("", 5, 0) == [] and mutants("@x = global i32 0\n", 5, 0) == []
    assert mutants("define void @f() {\n  ret void\n}\n", 5, 0) == [] and mutants(MODULE, 0, 0) == []

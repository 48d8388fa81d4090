"""Mixtures with bridges: what rows hold, how they match `parallel`, that real boxes pass their answers, audits."""

import json
from collections import Counter

import pytest
from test_chat import SFT
from test_experiment import merged
from tiny import LORA, WORLD, base_folder, right_programs

from crosspl import experiment as ex
from crosspl import models
from crosspl import rl_plan as rp
from crosspl import workflow as wf
from crosspl.audits import contamination_rows, exclusion_rows
from crosspl.bridges import commented, with_bridge
from crosspl.chat import check_answers
from crosspl.errors import UserError
from crosspl.io import read_csv, write_rows
from crosspl.judge.client import Judge
from crosspl.languages import known_languages, load_languages
from crosspl.matching import broken_matches, describe, matching_rows
from crosspl.microworld import world
from crosspl.mixtures import Recipe, build_mixture
from crosspl.problems import judge_row, of_split
from crosspl.protocol import PLAIN, ask, code_of, gold_answer, program_of, programs_in, said
from crosspl.tokenizer import train_tokenizer
from scripts import audit_content, train_sft

P, PLS, HELD = 12, ["python", "perl", "ruby"], ["python", "perl", "ruby", "lua", "php", "javascript", "c"]
ENTRIES = load_languages(known_languages())
COMMENTS = {key: entry["comment"]["line"] for key, entry in ENTRIES.items()}
BARE = PLAIN | {"comments": COMMENTS}
CHAT = {"style": "chat", "languages": ENTRIES, "comments": COMMENTS}
STYLES = pytest.mark.parametrize("protocol", [BARE, CHAT], ids=["plain", "chat"])
NASTY = 'x = """ ?> */ ]] =end \\u000a \\users \u2028 `` \n```ruby\nputs 0\n```\n#! /bin/false\n"""\nprint(1)  # \\'
PROBLEM = {"id": "p/1", "family": "p/1", "split": "sft", "statement": "\nAdd two numbers.\n\nBoth are small.",
           "difficulty": None, "tests": [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "4 -5\n", "stdout": "-1\n"}],
           "harness": None, "comparison": "tokens", "limits": {"cpu_s": 2, "memory_mib": 256}}  # fmt: skip


@pytest.fixture(scope="module")
def problems():
    return of_split(world.build_problems(WORLD), "sft")


@pytest.fixture(scope="module")
def programs(problems):
    return right_programs(problems, HELD, WORLD)


@pytest.fixture(scope="module")
def tokens(programs):
    tokenizer = train_tokenizer([row["code"] for row in programs[:200]], 600)
    return lambda text: len(tokenizer.encode(text).ids) + 1


@pytest.fixture(scope="module")
def build(problems, programs, tokens):
    def build(rule="bridge", languages=PLS, protocol=BARE, goal=None, share=0.5, source="python", **changes):
        recipe = Recipe(rule, languages, source, P, len(languages), goal, share, **changes)
        return build_mixture("own", recipe, problems, programs, tokens, protocol)

    return build


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with Judge([*HELD, "cpp", "java"], jobs=2, work=tmp_path_factory.mktemp("judge")) as judge:
        yield judge


def verdicts(judge, rows, known, protocol):
    """Return the verdicts of the programs that the answers of the rows say."""
    found = [program_of(row["completion"], known[row["problem"]], row["language"], protocol) for row in rows]
    assert all(program.extracted for program in found)
    asked = zip(rows, found)
    rows = [judge_row(known[r["problem"]], r["language"], f.code, str(n)) for n, (r, f) in enumerate(asked)]
    return Counter(row["verdict"] for row in judge.judge(rows, stop_on_first_failure=True))


@STYLES
@pytest.mark.parametrize("place", ["answer", "prompt"])
def test_only_rows_in_other_pls_have_bridges_and_all_else_is_as_in_parallel(build, protocol, place):
    rows, parallel = build(protocol=protocol, bridge_in=place), build("parallel", protocol=protocol)
    same = ("problem", "family", "language", "style", "difficulty")
    assert [[row[key] for key in same] for row in rows] == [[row[key] for key in same] for row in parallel]
    assert [code_of(row) for row in rows] == [code_of(row) for row in parallel]
    python = {row["problem"]: code_of(row) for row in parallel if row["language"] == "python"}
    for row, other in zip(rows, parallel):
        if "bridge" not in row:
            assert row == other
            continue
        assert row["language"] != "python"
        assert row["bridge"] == {"language": "python", "code": python[row["problem"]]}  # no program that it has not
        changed, kept = ("completion", "prompt") if place == "answer" else ("prompt", "completion")
        assert row[kept] == other[kept] and row[changed] != other[changed]
    bridged = {row["problem"] for row in rows if "bridge" in row}
    assert sum("bridge" in row for row in rows) == len(bridged) * 2 == P  # half of the problems, two PLs each


def test_a_plain_answer_says_the_pl_then_the_commented_program_then_the_program(build):
    row = next(row for row in build() if "bridge" in row)
    lines, _, rest = row["completion"].partition("\n\n")
    statement = row["prompt"].splitlines()[1]
    assert lines.splitlines() == ["# python", f"# {statement}", *(f"# {x}" for x in row["bridge"]["code"].splitlines())]
    assert rest == row["code"]


@pytest.mark.parametrize("share, blocks", [(0, [1, 1, 1, 1]), (0.25, [1, 1, 1, 0]), (0.5, [1, 0, 1, 0]), (1, [0] * 4)])
def test_the_share_of_problems_without_bridges_is_exact_and_spread(build, share, blocks):
    rows = build(share=share)
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    held = {row["problem"] for row in rows if "bridge" in row}
    assert [problem in held for problem in problems] == [bool(block) for block in blocks for _ in range(3)]
    assert share < 1 or rows == build("parallel")


@STYLES
def test_bridged_answers_of_the_microworld_pass_the_judge(judge, build, problems, protocol):
    """php programs begin with <?php, which nothing may stand before."""
    known = {problem["id"]: problem for problem in problems}
    rows = build(languages=["python", "perl", "php"], share=0, protocol=protocol)
    rows += build(languages=["ruby", "lua", "c"], share=0, protocol=protocol)
    assert Counter("bridge" in row for row in rows) == {True: 5 * P, False: P}
    assert verdicts(judge, rows, known, protocol) == {"OK": 6 * P}


def row_of(language, code, protocol, problem=PROBLEM):
    answer = gold_answer(problem, language, code, protocol)
    return {"problem": problem["id"], "language": language, "prompt": ask(problem, language, protocol),
            "completion": answer, "code": code}  # fmt: skip


@STYLES
def test_no_line_of_a_bridge_gets_out_of_its_comment(judge, protocol):
    """Ends of comments, escapes, a fence and a backslash at the end of the source program, in every PL that is here."""
    bridge = {"language": "python", "code": NASTY}
    codes = {language: ENTRIES[language]["selftest"]["code"] for language in judge.entries}
    rows = [
        with_bridge(row_of(language, code, protocol), PROBLEM, bridge, "answer", protocol)
        for language, code in codes.items()
    ]
    assert verdicts(judge, rows, {"p/1": PROBLEM}, protocol) == {"OK": len(codes)}
    for row, (language, code) in zip(rows, codes.items()):
        found = program_of(row["completion"], PROBLEM, language, protocol).code
        assert (found == code.rstrip()) == (protocol is CHAT) and "Both are small" not in said(row["completion"])


def test_a_pl_without_line_comments_is_refused_in_plain_alone():
    bridge, code = {"language": "python", "code": "print(1)"}, ENTRIES["ocaml"]["selftest"]["code"]
    with pytest.raises(UserError, match=r"ocaml has no line comment \(languages/ocaml\.yaml\)\. Take prompts\.style"):
        with_bridge(row_of("ocaml", code, BARE), PROBLEM, bridge, "answer", BARE)
    row = with_bridge(row_of("ocaml", code, CHAT), PROBLEM, bridge, "answer", CHAT)
    assert said(row["completion"]).startswith("```python\n# Add two numbers.\nprint(1)\n```\n\n```ocaml\n")


BEGUN = PROBLEM | {"statement": None, "prompts": {"ruby": "def f(x)\n"}, "tests": [],
                   "harness": {"ruby": "exit 1 if f(1) != 2"}}  # fmt: skip


def test_programs_that_are_begun(judge):
    """The bridge goes on after what is begun; a stop text in it, or a border within a line, is refused."""
    bridge, code = {"language": "python", "code": "def f(x):\n    return x + 1"}, "def f(x)\n  x + 1\nend"
    row = with_bridge(row_of("ruby", code, BARE, BEGUN), BEGUN, bridge, "answer", BARE)
    assert row["completion"] == "# python\n# def f(x):\n#     return x + 1\n\n  x + 1\nend" and row["code"] == code
    assert verdicts(judge, [row], {"p/1": BEGUN}, BARE) == {"OK": 1}
    stopped = BEGUN | {"stop": {"ruby": ["\n#"]}}
    with pytest.raises(UserError, match="p/1: a stop text is in the bridge to ruby"):
        with_bridge(row_of("ruby", code, BARE, stopped), stopped, bridge, "answer", BARE)
    shown = with_bridge(row_of("ruby", code, BARE, stopped), stopped, bridge, "prompt", BARE)
    assert shown["prompt"].endswith("return x + 1\n\ndef f(x)\n") and shown["completion"] == "  x + 1\nend"
    within = BEGUN | {"prompts": {"ruby": "def f("}}
    with pytest.raises(UserError, match="ends within a line"):
        with_bridge(row_of("ruby", code, BARE, within), within, bridge, "answer", BARE)


def test_bridges_in_the_prompt_of_a_chat_are_asked_with_the_pls_name(build):
    row = next(row for row in build(protocol=CHAT, bridge_in="prompt") if "bridge" in row)
    [turn] = row["prompt"]
    assert "A program in Python 3 that solves it:\n\n```python\n# " in turn["content"]
    assert row["bridge"]["code"] in turn["content"]


def test_a_source_that_is_no_sft_pl_gives_the_bridges_all_the_same(build):
    rows = build(languages=["perl", "ruby", "lua"], share=0)
    assert {row["language"] for row in rows} == {"perl", "ruby", "lua"}
    assert all(row["bridge"]["language"] == "python" for row in rows)


def test_what_is_matched_and_what_is_not(build, tokens):
    parallel = build("parallel")
    rows = {"parallel": parallel, "bridge": build(), "shown": build(bridge_in="prompt"),
            "tokens": build(goal=sum(tokens(row["completion"]) for row in parallel), fit=True)}  # fmt: skip
    described = [describe(name, found, 10, 8, tokens) for name, found in rows.items()]
    variants = {"shown": {"rule": "bridge", "bridge_in": "prompt"}, "tokens": {"rule": "bridge", "languages": PLS}}
    config = merged("{}") | {"mixtures": {"problems": P, "variants": variants}}
    declared = {name: ex.declared(config, name) for name in rows}
    table = matching_rows(described, declared | {"tokens": []})  # a world too small for 1 %
    assert broken_matches(table) == []
    off = {(row["mixture"], row["quantity"]): row for row in table if row["other"] == "parallel"}
    assert off["bridge", "tokens"]["declared"] == "" and off["bridge", "tokens"]["off_by"] > 0.4
    assert off["shown", "tokens"]["declared"] == "matched" and off["shown", "tokens"]["off_by"] == 0
    assert [off["bridge", name]["off_by"] for name in ("problems", "programs", "distinct_programs")] == [0, 0, 0]
    assert off["bridge", "bridges"]["value"] == P and off["bridge", "bridges"]["declared"] == ""
    assert declared["tokens"] == ["tokens", "difficulty", "steps"] and off["tokens", "tokens"]["off_by"] < 0.1
    assert off["tokens", "problems"]["value"] < P


def test_audits_know_both_programs(build, problems, programs):
    rows = build(languages=["perl", "ruby", "lua"], share=0)
    found = {
        row["language"]: row for row in exclusion_rows({"sft/own": rows}, {"sft/own": ["perl", "ruby", "lua"]}, [])
    }
    assert (found["python"]["examples"], found["python"]["ok"]) == (3 * P, "NO")
    row = rows[0]
    assert [language for language, _ in programs_in(row)] == [row["language"], "python"]
    held_out = {"id": "e", "family": "e", "statement": None}
    same = {"problem": "e", "code": row["bridge"]["code"].upper()}
    [table] = contamination_rows({"sft/own": rows}, [held_out], [same])
    assert (table["shared_programs"], table["ok"]) == (1, "NO")


def test_content_audit_parses_the_bridge_and_the_whole_answer(tmp_path, build, problems):
    rows = build()[:9]
    number, broken = next((n, row) for n, row in enumerate(rows) if "bridge" in row)
    lost = {"the bridge": broken | {"bridge": broken["bridge"] | {"code": "while(<>){}"}},
            "a comment's end": broken | {"completion": broken["completion"].replace("\n# ", "\n", 2)}}  # fmt: skip
    write_rows(tmp_path / "problems.jsonl.gz", problems)
    for what, row in {"nothing": broken, **lost}.items():
        write_rows(tmp_path / "own.jsonl.gz", [*rows[:number], row, *rows[number + 1 :]])
        argv = ["--problems", tmp_path / "problems.jsonl.gz", "--training-set", "sft/own", "--languages", *PLS]
        argv += ["--data", tmp_path / "own.jsonl.gz", "--jobs", 2, "--cache", "", "--output", tmp_path / f"{what}.csv"]
        if what == "nothing":
            audit_content.main([str(part) for part in argv])
            counts = {row["language"]: int(row["programs"]) for row in read_csv(tmp_path / "nothing.csv")}
            bridges = sum("bridge" in row for row in rows)
            assert sum(counts.values()) == len(rows) + 2 * bridges and counts["python"] == 3 + bridges
        else:
            with pytest.raises(UserError, match=r"sft/own: 1 programs labelled \w+ do not parse in it"):
                audit_content.main([str(part) for part in argv])


def test_sft_refuses_to_cut_a_bridged_answer_and_counts_others(tmp_path, build):
    base = base_folder(tmp_path / "base")
    rows, tokenizer = build(), models.load_tokenizer(base)
    sizes = [len(tokenizer(row["prompt"] + row["completion"])["input_ids"]) + 1 for row in rows]
    longest = max(size for size, row in zip(sizes, rows) if "bridge" in row)
    train_sft.refuse_cut_bridges(tokenizer, rows, rows, longest, "own")
    with pytest.raises(UserError, match=rf"own: \d+ of {P} examples with a bridge .*max_length = {longest - 1}"):
        train_sft.refuse_cut_bridges(tokenizer, rows, rows, longest - 1, "own")
    assert check_answers(tokenizer, rows, longest - 1, "own") >= 1
    write_rows(tmp_path / "own.jsonl.gz", rows)
    settings = SFT | {"steps": 1, "max_length": longest - 1}
    argv = ["--base", base, "--data", tmp_path / "own.jsonl.gz", "--lora", json.dumps(LORA), "--seed", 0]
    argv += ["--settings", json.dumps(settings), "--save-every", 1, "--output", tmp_path / "out"]
    with pytest.raises(UserError, match="the program asked for: set it higher"):
        train_sft.main([str(part) for part in argv])
    assert not (tmp_path / "out").exists()


def test_the_neighbours_are_compared_in_one_table():
    config = merged("configs/neighbours.yaml")
    recipes = {name: ex.recipe(config, name) for name in rp.inits(config)[1:]}
    assert {name: (made["rule"], made["share"], made.get("bridge_in")) for name, made in recipes.items()} == {
        "parallel": ("parallel", 0, None), "same_problems": ("same_problems", 0, None), "bridge": ("bridge", 0.5, None),
        "bridge_prompt": ("bridge", 0.5, "prompt"), "bridge_only": ("bridge", 0, None),
    }  # fmt: skip
    assert ex.recipe(config, "bridge_tokens")["fit"]
    assert all("sft/" + name in ex.training_sets(config) for name in recipes)
    config["task"] = "verification"
    with pytest.raises(UserError, match=r"mixtures\.names: bridge: rule bridge is for task: generation"):
        wf.check_names(config, ["config.yaml"])


@pytest.mark.parametrize("style", ["plain", "chat"])
def test_the_workflow_hands_the_marks_over_to_bridges_alone(style):
    config = merged(f"{{prompts: {{style: {style}}}, languages: {{source: [lua], unseen: [php]}}}}")
    told = json.loads(wf.mixture_protocol(config, "bridge"))
    assert told.pop("comments") == {"python": "#", "perl": "#", "ruby": "#", "lua": "--"}
    assert told == json.loads(wf.protocol(config, [*PLS, "lua"]))
    assert wf.mixture_protocol(config, "parallel") == wf.protocol(config, ex.recipe_languages(config, "parallel"))
    assert ex.mixture_languages(config, "bridge") == [*PLS, "lua"]
    assert ex.has_own_languages(config, "bridge") and not ex.has_own_languages(config, "parallel")
    assert commented(["a", ""], "lua", {"lua": "--"}) == "-- a\n--\n"

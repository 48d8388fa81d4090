"""The mixtures on a small real world: what each holds, how they are matched, and what they must never hold."""

import json
import random
from collections import Counter, defaultdict
from copy import deepcopy

import pytest
from tiny import WORLD, right_programs

from crosspl.errors import UserError
from crosspl.io import read_csv, read_rows, write_rows, write_text
from crosspl.matching import broken_matches, describe, matching_rows
from crosspl.microworld import world
from crosspl.microworld.printers import STYLES
from crosspl.mixtures import MATCHED, Recipe, build_mixture
from crosspl.problems import of_split
from crosspl.tokenizer import train_tokenizer
from scripts import build_mixture as command
from scripts import matching

LANGUAGES, SOURCE, UNSEEN, P = ["python", "perl", "ruby"], "python", ["lua", "php"], 24
L = len(LANGUAGES)
NAMES = ("parallel", "same_problems", "same_programs", "monolingual")


@pytest.fixture(scope="module")
def problems():
    return world.build_problems(WORLD)


@pytest.fixture(scope="module")
def programs(problems):
    """Right programs in all PLs, unseen ones included, as a careless caller would hand them over."""
    return right_programs(of_split(problems, "sft"), LANGUAGES + UNSEEN, WORLD)


@pytest.fixture(scope="module")
def tokenizer(programs):
    return train_tokenizer([row["code"] for row in programs[:200]], 600)


@pytest.fixture(scope="module")
def count_tokens(tokenizer):
    return lambda text: len(tokenizer.encode(text).ids) + 1


def recipe(name, size=P, languages=LANGUAGES, **changes):
    """Return the settings of a mixture as the workflow hands them over; `changes` replaces some."""
    made = {"rule": name, "languages": languages, "source": SOURCE, "problems": size, "width": len(languages)}
    return made | changes


@pytest.fixture(scope="module")
def build(problems, programs, count_tokens):
    """Return a function that builds a mixture; `parallel`'s number of tokens is the others' target."""

    def build(name, programs=programs, tokens=None, **changes):
        rows = of_split(problems, "sft")
        if tokens is None and changes.get("rule", name) != "parallel":
            sizes = {key: value for key, value in changes.items() if key in ("size", "languages")}
            parallel = build_mixture("parallel", Recipe(**recipe("parallel", **sizes)), rows, programs, count_tokens)
            tokens = sum(count_tokens(row["completion"]) for row in parallel)
        return build_mixture(name, Recipe(**recipe(name, **changes), tokens=tokens), rows, programs, count_tokens)

    return build


@pytest.fixture(scope="module")
def mixtures(build):
    return {name: build(name) for name in NAMES}


def by_problem(rows):
    groups = defaultdict(list)
    for row in rows:
        groups[row["problem"]].append(row)
    return groups


def test_every_row_is_a_verified_program_under_its_own_prompt(mixtures, programs, problems):
    known = {(row["problem"], row["language"], row["style"]): row["code"] for row in programs}
    statements = {row["id"]: row["statement"] for row in problems}
    for rows in mixtures.values():
        assert len(rows) == P * L
        for row in rows:
            assert row["completion"] == known[row["problem"], row["language"], row["style"]]
            assert row["prompt"] == f"# {row['language']}\n# {statements[row['problem']]}\n"


def test_parallel_has_every_problem_in_every_language_in_another_style(mixtures):
    groups = by_problem(mixtures["parallel"])
    assert len(groups) == P
    for rows in groups.values():
        assert sorted(row["language"] for row in rows) == sorted(LANGUAGES)
        assert len({row["style"] for row in rows}) == L
    pairs = Counter((row["language"], row["style"]) for row in mixtures["parallel"])
    assert len(pairs) == L * len(STYLES) and max(pairs.values()) - min(pairs.values()) <= 1


def test_same_problems_breaks_only_the_pairing(mixtures):
    groups = by_problem(mixtures["same_problems"])
    assert groups.keys() == by_problem(mixtures["parallel"]).keys()
    for rows in groups.values():
        assert len({row["language"] for row in rows}) == 1
        assert len({row["completion"] for row in rows}) == L
    languages = Counter(rows[0]["language"] for rows in groups.values())
    assert languages == dict.fromkeys(LANGUAGES, P // L)


def test_same_programs_has_one_program_per_problem(mixtures):
    rows = mixtures["same_programs"]
    assert len(by_problem(rows)) == P * L
    assert Counter(row["language"] for row in rows) == dict.fromkeys(LANGUAGES, P)
    difficulty = Counter(row["difficulty"] for row in rows)
    assert difficulty == Counter(row["difficulty"] for row in mixtures["parallel"])


def test_monolingual_is_in_the_source_language(mixtures):
    groups = by_problem(mixtures["monolingual"])
    assert groups.keys() == by_problem(mixtures["parallel"]).keys()
    assert {row["language"] for row in mixtures["monolingual"]} == {SOURCE}
    assert all(len({row["completion"] for row in rows}) == L for rows in groups.values())


def test_no_style_goes_with_a_language(mixtures):
    """In the control of one program per problem a PL that always came in one style would be another difference."""
    pairs = Counter((row["language"], row["style"]) for row in mixtures["same_programs"])
    assert len(pairs) == L * len(STYLES)


def test_unseen_languages_are_in_no_mixture(mixtures):
    for rows in mixtures.values():
        assert not {row["language"] for row in rows} & set(UNSEEN)


def described(mixtures, count_tokens):
    return [describe(name, rows, 10, 8, count_tokens) for name, rows in mixtures.items()]


def test_declared_matches_hold(mixtures, count_tokens):
    rows = matching_rows(described(mixtures, count_tokens), MATCHED)
    assert broken_matches(rows) == []
    declared = {(r["mixture"], r["quantity"]): r for r in rows if r["declared"] and r["other"] == "parallel"}
    for name in ("same_problems", "same_programs"):
        assert declared[name, "tokens"]["off_by"] <= 0.01
        assert sum(row[0] == name and row[1].startswith("language_shares:") for row in declared) == L
    tokens = {name: sum(count_tokens(row["completion"]) for row in rows) for name, rows in mixtures.items()}
    assert abs(tokens["same_problems"] - tokens["parallel"]) <= 0.01 * tokens["parallel"]


@pytest.mark.parametrize("quantity", ["problems", "programs", "tokens", "language_shares:perl", "difficulty", "steps"])
def test_a_planted_mismatch_is_reported(mixtures, count_tokens, quantity):
    numbers = deepcopy(described(mixtures, count_tokens))
    control = next(row for row in numbers if row["mixture"] == "same_problems")
    block, key = (control["language_shares"], "perl") if ":" in quantity else (control, quantity)
    rows = [row for row in matching_rows(numbers, MATCHED) if row["other"] == "parallel"]
    parallel = {row["quantity"]: row["other_value"] for row in rows}[quantity]
    block[key] = 0.991 * parallel
    assert broken_matches(matching_rows(numbers, MATCHED)) == []
    block[key] = 1.0105 * parallel
    said, *_ = broken_matches(matching_rows(numbers, MATCHED))
    assert said.startswith(f"same_problems: {quantity} is ")


def test_a_missing_language_is_a_mismatch(mixtures, count_tokens):
    rows = [row for row in mixtures["same_problems"] if row["language"] != "ruby"]
    said = broken_matches(matching_rows(described(mixtures | {"same_problems": rows}, count_tokens), MATCHED))
    assert any("language_shares:perl" in text for text in said)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("languages", [LANGUAGES, LANGUAGES[:2]])
def test_problems_of_growing_length_are_matched_too(problems, programs, count_tokens, descending, languages):
    """Tokens that grow evenly are out of reach there, an equal sum is not."""
    length = {row["problem"]: len(row["code"]) for row in programs}
    rows = sorted(of_split(problems, "sft"), key=lambda row: length[row["id"]], reverse=descending)
    sums, goal = {}, None
    for name in ("parallel", "same_problems"):
        found = build_mixture(
            name, Recipe(**recipe(name, languages=languages), tokens=goal), rows, programs, count_tokens
        )
        sums[name] = goal = sum(count_tokens(row["completion"]) for row in found)
    assert sums["same_problems"] == pytest.approx(sums["parallel"], rel=0.01)


def test_wrong_programs_are_never_used(build, programs):
    rng, verdicts = random.Random(0), ("WA", "RE", "TLE", "CE", "NC", "MLE", "ILE", "JE")
    wrong = [row | {"verdict": rng.choice(verdicts), "code": f"{row['code']} # wrong"} for row in programs]
    mixed = [row for pair in zip(wrong, programs) for row in pair]  # the wrong one first
    for name in NAMES:
        assert not any("# wrong" in row["completion"] for row in build(name, mixed))


def test_a_problem_without_a_right_program_in_one_language_is_left_out(build, programs, mixtures):
    lost = mixtures["parallel"][0]["problem"]
    changed = [
        row | {"verdict": "WA"} if (row["problem"], row["language"]) == (lost, "perl") else row for row in programs
    ]
    for name in NAMES:
        assert lost not in by_problem(build(name, changed, size=P - L)), name


def test_equal_programs_count_once(build, programs):
    same = [row | {"code": "print(1)"} for row in programs]
    with pytest.raises(UserError, match=r"3 PLs need 3 different verified programs .* at most 1"):
        build("parallel", same)


@pytest.mark.parametrize("name, size", [("parallel", 31), ("same_problems", 31), ("monolingual", 31)])
def test_too_few_problems(build, name, size):
    with pytest.raises(UserError, match=rf"problems: {name} needs 31 .* 3 different verified programs .* there are 30"):
        build(name, size=size, tokens=1)


def test_too_few_problems_for_one_program_each(build, programs):
    few = {row["problem"] for row in programs}
    few = set(sorted(few)[: P * L - 1])
    with pytest.raises(UserError, match=rf"same_programs needs {P * L} problems"):
        build("same_programs", [row for row in programs if row["problem"] in few])


def test_more_languages_than_programs_per_problem(build):
    with pytest.raises(UserError, match=r"languages\.sft: 4 PLs need 4 different .* at most 3"):
        build("parallel", languages=[*LANGUAGES, "lua"])


DOSES = [0, 0.25, 0.5, 0.75, 1]


@pytest.fixture(scope="module")
def doses(build):
    return {share: build("dose", share=share) for share in DOSES}


def test_dose_is_the_share_of_parallel_problems_and_nothing_else(doses, mixtures, count_tokens):
    for share, rows in doses.items():
        groups = by_problem(rows)
        assert groups.keys() == by_problem(mixtures["parallel"]).keys()
        assert sum(len({row["language"] for row in found}) == L for found in groups.values()) == share * P
        assert Counter(row["language"] for row in rows) == dict.fromkeys(LANGUAGES, P)
    described = [describe(f"dose_{share}", rows, 10, 8, count_tokens) for share, rows in doses.items()]
    described.append(describe("parallel", mixtures["parallel"], 10, 8, count_tokens))
    rows = matching_rows(described, {f"dose_{share}": MATCHED["dose"] for share in doses})
    assert broken_matches(rows) == []
    shares = {row["mixture"]: row["value"] for row in rows if row["quantity"] == "parallel_share"}
    assert shares == {f"dose_{share}": share for share in doses}


def test_the_ends_of_the_dose_are_the_two_mixtures(doses, mixtures):
    assert doses[0] == mixtures["same_problems"]
    assert doses[1] == mixtures["parallel"]


def test_fewer_languages_get_more_problems_at_equal_tokens(build, mixtures, count_tokens):
    tokens = sum(count_tokens(row["completion"]) for row in mixtures["parallel"]) // 3  # a small world
    for languages in (["python"], ["python", "perl"], ["python", "ruby"]):
        rows = build("parallel", tokens=tokens, fit=True, languages=languages, width=L)
        assert abs(sum(count_tokens(row["completion"]) for row in rows) - tokens) <= 0.02 * tokens  # one problem
        groups = by_problem(rows)
        assert len(groups) > P * L / 3 / len(languages) - 3
        assert all(sorted(row["language"] for row in found) == sorted(languages) for found in groups.values())
        difficulty = sum(row["difficulty"] for row in rows) / len(rows)
        wanted = sum(row["difficulty"] for row in mixtures["parallel"]) / len(mixtures["parallel"])
        assert difficulty == pytest.approx(wanted, rel=0.03)


def test_too_few_problems_for_the_tokens(build):
    with pytest.raises(UserError, match=r"mixtures\.variants\.one: .* tokens in python; 1000000 are needed"):
        build("one", rule="parallel", tokens=1_000_000, fit=True, languages=["python"], width=L)


def test_scarce_parallel_data_are_a_part_of_all(build, mixtures):
    rows = build("scarce", rule="parallel", problems=P // 2, tokens=1)
    assert rows == mixtures["parallel"][: P // 2 * L]


@pytest.fixture
def run(tmp_path, problems, programs, tokenizer):
    """Return a function that builds one mixture by command; it returns the output file."""
    write_rows(tmp_path / "problems.jsonl.gz", problems)
    for language in LANGUAGES:
        write_rows(tmp_path / f"{language}.jsonl.gz", [row for row in programs if row["language"] == language])
    write_text(tmp_path / "tokenizer.json", tokenizer.to_str())

    def run(name, size=P, folder="out"):
        output = tmp_path / folder / f"{name}.jsonl.gz"
        files = [tmp_path / f"{language}.jsonl.gz" for language in LANGUAGES]
        arguments = [
            *("--problems", tmp_path / "problems.jsonl.gz", "--tokenizer", tmp_path / "tokenizer.json"),
            *("--programs", *files, "--mixture", name, "--recipe", json.dumps(recipe(name, size))),
            *("--parallel", json.dumps(recipe("parallel", size)), "--declared", *MATCHED[name]),
            *("--steps", 10, "--batch", 8, "--output", output),
        ]
        command.main([str(argument) for argument in arguments])
        return output

    return run


def test_command_writes_the_same_mixtures_each_time(tmp_path, run, mixtures):
    files = [run(name) for name in NAMES]
    for name, path in zip(NAMES, files):
        assert read_rows(path) == mixtures[name]
        assert path.read_bytes() == run(name, folder="again").read_bytes()
    output = tmp_path / "matching.csv"
    declared = json.dumps({name: MATCHED[name] for name in NAMES})
    matching.main(["--mixtures", *map(str, files), "--tokenizer", str(tmp_path / "tokenizer.json"),
                   "--declared", declared, "--steps", "10", "--batch", "8", "--output", str(output)])  # fmt: skip
    table = read_csv(output)
    pairs = {(row["mixture"], row["other"]) for row in table}
    assert len(pairs) == 6 and ("same_problems", "same_programs") in pairs
    assert "NO" not in {row["ok"] for row in table} and "yes" in {row["ok"] for row in table}


def test_command_stops_at_a_mismatch_and_writes_nothing(tmp_path, run):
    with pytest.raises(UserError, match=r"not matched: .*language_shares.* multiple of the 3 PLs"):
        run("same_problems", 10)
    assert not (tmp_path / "out").exists()

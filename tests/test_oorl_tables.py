"""The OORL tables: planted gains are in the right cells, what is missing is absent, wrong input is named."""

import numpy as np
import oorl_experiment as made
import pytest
from oorl_experiment import LANGUAGES, ORIGINS, ROWS, build, options, pick, write_experiment

from crosspl import trace
from crosspl.checkpoints import after_name, before_name
from crosspl.errors import UserError
from crosspl.evaluations import Plan, Target, pooled
from crosspl.io import read_csv, read_rows, write_rows
from crosspl.oorl_comparison import agreement
from crosspl.oorl_rows import averaged
from crosspl.statistics import bootstrap_weights, holm
from scripts import oorl_tables, show_table, transfer_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Verdicts with a planted gain of RL with GEPO in translation from perl into lua alone; lua has fewer problems."""
    folder = tmp_path_factory.mktemp("oorl")
    write_experiment(folder, problems={"lua": 80}, extra=[("perl", "rl/base__gepo/", "lua", 0.25)],
                     gains=made.GAINS | {"base__gepo": 0.2}, seed=1)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def tables(folder):
    return build(folder)


def passed(folder, path, language):
    """The share of right sampled answers in one file and PL, each problem alike."""
    rows = [row for row in read_rows(folder / f"verdicts/{path}.jsonl.gz") if row["language"] == language]
    return np.mean([row["verdict"] == "OK" for row in rows])


def row_mean(folder, name, language, origin=None):
    """The pass@1 of a row by hand: the mean over its seeds' files."""
    init, place = ROWS[name], f"translation/{origin}/" if origin else ""
    names = [before_name(init, n) if name == "none" else after_name(init, "python", n) for n in made.SEEDS]
    return np.mean([passed(folder, f"{place}{one}", language) for one in names])


def test_forms_hold_the_shares_of_right_answers_and_nothing_on_the_diagonal(folder, tables):
    assert [row["row"] for row in tables["generation"]] == [
        "none", "rl", "rl_dpo", "rl_gepo", "rl_gepo_programs", "parallel_sft", "parallel_oorl",
    ]  # fmt: skip
    for name in ROWS:
        row = pick(tables["generation"], row=name)
        cells = [float(row[language]) for language in LANGUAGES]
        assert cells == pytest.approx([100 * row_mean(folder, name, language) for language in LANGUAGES], abs=0.051)
        assert float(row["avg"]) == pytest.approx(np.mean(cells), abs=0.11)
        assert float(row["avg_low"]) < float(row["avg"]) < float(row["avg_high"])
        averages = []
        for origin in ORIGINS:
            row = pick(tables["translation_matrix"], row=name, origin=origin)
            targets = [language for language in LANGUAGES if language != origin]
            assert {row[f"{origin}{end}"] for end in ("", "_low", "_high")} == {""}
            assert [float(row[one]) for one in targets] == pytest.approx(
                [100 * row_mean(folder, name, one, origin) for one in targets], abs=0.051
            )
            averages.append(np.mean([float(row[one]) for one in targets]))
            assert float(row["avg"]) == pytest.approx(averages[-1], abs=0.11)
        row = pick(tables["ablation"], row=name)
        assert [float(row[f"from_{origin}"]) for origin in ORIGINS] == pytest.approx(averages, abs=0.11)
        assert float(row["from_avg"]) == pytest.approx(np.mean(averages), abs=0.11)
        assert row["generation"] == pick(tables["generation"], row=name)["avg"]


def test_the_ablation_says_what_every_row_is(tables):
    said = {row["row"]: (row["start"], row["on_policy"], row["off_policy"]) for row in tables["ablation"]}
    rl = "RL on translation"
    assert said == {
        "none": ("base", "", ""), "rl": ("base", rl, ""), "rl_dpo": ("base", rl, "DPO"),
        "rl_gepo": ("base", rl, "GEPO"), "rl_gepo_programs": ("base", rl, "GEPO on programs"),
        "parallel_sft": ("SFT on parallel", "", ""), "parallel_oorl": ("SFT on parallel", rl, "GEPO"),
    }  # fmt: skip


def test_a_planted_gain_is_found_where_it_was_planted(tables):
    steps = [row for row in tables["steps"] if (row["row"], row["against"]) == ("rl_gepo", "rl")]
    from_perl = pick(steps, origin="perl", target="mean")
    assert float(from_perl["difference_low"]) > 0.05 and float(from_perl["p_holm"]) < 0.01
    assert abs(float(from_perl["difference"]) - 0.25 / 2) < 0.06  # one of two targets
    for elsewhere in ({"origin": "python"}, {"origin": "", "target": "mean"}, {"origin": "", "target": "lua"}):
        row = pick(steps, **elsewhere)
        assert float(row["difference_low"]) < 0 < float(row["difference_high"]), elsewhere
    together, alone = pick(steps, origin="all"), pick(steps, origin="python")
    mean = np.mean([float(row["difference_full"]) for row in (from_perl, alone)])
    assert float(together["difference_full"]) == pytest.approx(mean, abs=2e-4)
    rl, gepo = (pick(tables["translation_matrix"], row=name, origin="perl") for name in ("rl", "rl_gepo"))
    assert float(gepo["lua"]) - float(rl["lua"]) > 15 > float(gepo["python"]) - float(rl["python"])


def test_every_step_is_a_paired_difference_of_two_rows(tables):
    for row in tables["steps"]:
        if row["against"]:
            other = next(one for one in tables["steps"] if one["row"] == row["against"]
                         and all(one[key] == row[key] for key in ("task", "from", "source", "target")))  # fmt: skip
            difference = float(row["pass_at_1"]) - float(other["pass_at_1"])
            assert float(row["difference"]) == pytest.approx(difference, abs=2e-4)
            assert row["problems"] == other["problems"]
        else:
            assert row["row"] in ("none", "parallel_sft")
            assert {row[name] for name in ("difference", "p_value", "p_holm", "conclusion", "mde")} == {""}
    compared = {(row["row"], row["against"]) for row in tables["steps"] if row["against"]}
    assert compared == {("rl", "none"), ("rl_dpo", "rl"), ("rl_gepo", "rl_dpo"), ("rl_gepo", "rl"),
                        ("rl_gepo_programs", "rl_gepo"), ("rl_gepo_programs", "rl"),
                        ("parallel_oorl", "parallel_sft"), ("parallel_oorl", "rl")}  # fmt: skip


def test_means_are_paired_on_common_problems_and_beside_it_on_all(folder, tables):
    row = pick(tables["steps"], task="generation", target="mean", row="rl")
    assert row["problems"] == "80" and row["role"] == ""
    everything = np.mean([row_mean(folder, "rl", one) - row_mean(folder, "none", one) for one in LANGUAGES])
    assert float(row["difference_full"]) == pytest.approx(everything, abs=6e-5)
    assert row["difference_full"] != row["difference"]
    roles = [row["target"] for row in tables["steps"] if row["row"] == "none" and row["task"] == "generation"]
    assert roles == [*LANGUAGES, "mean", "mean of source", "mean of sft", "mean of unseen"]
    one, mean = (
        pick(tables["steps"], target=target, row="rl", task="generation") for target in ("lua", "mean of unseen")
    )
    names = ("pass_at_1", "low", "high", "difference", "difference_low", "difference_high", "problems")
    assert [one[name] for name in names] == [mean[name] for name in names]


def test_p_is_adjusted_over_steps_for_means_and_over_pls_for_one_step(tables):
    steps = [row for row in tables["steps"] if row["against"] and row["task"] == "generation"]
    single = [row for row in steps if row["target"] in LANGUAGES and (row["row"], row["against"]) == ("rl_dpo", "rl")]
    for group in (single, [row for row in steps if row["target"] == "mean"]):
        adjusted = holm([float(row["p_value"]) for row in group])
        assert [float(row["p_holm"]) for row in group] == pytest.approx(adjusted, abs=1e-3)


def test_a_missing_row_is_absent_and_its_step_goes_to_the_rung_before(folder, tmp_path):
    rows = {name: init for name, init in ROWS.items() if name not in ("rl_dpo", "parallel_oorl")}
    tables = build(folder, rows, output=tmp_path / "oorl")
    for name in ("steps", "generation", "translation_matrix", "ablation"):
        assert {row["row"] for row in tables[name]} == {"none", "rl", "rl_gepo", "rl_gepo_programs"}, name
    compared = {(row["row"], row["against"]) for row in tables["steps"] if row["row"] == "rl_gepo"}
    assert compared == {("rl_gepo", "rl")}
    assert [row["comparison"] for row in tables["comparison"] if row["task"] == "generation"] == [
        "order", "rl - none", "rl_gepo - rl",
    ]  # fmt: skip
    order = pick(tables["comparison"], task="translation", comparison="order")
    assert order["ours"].startswith("none < rl ") and order["agrees"] in ("undecided", "no")


def test_the_comparison_is_of_signs_and_order_and_shows_no_cell_of_the_paper(tables):
    rows = tables["comparison"]
    assert [(row["task"], row["comparison"]) for row in rows] == [
        (task, step) for task in ("generation", "translation")
        for step in ("order", "rl - none", "rl_dpo - rl", "rl_gepo - rl_dpo", "rl_gepo - rl")
    ]  # fmt: skip
    paper = {(row["task"], row["comparison"]): (row["paper"], row["paper_sign"]) for row in rows}
    assert paper["generation", "rl_dpo - rl"] == ("about equal", "-")
    assert paper["translation", "rl_dpo - rl"] == ("about equal", "+")
    assert {paper[task, "rl_gepo - rl"] for task in ("generation", "translation")} == {("+", "+")}
    gained = pick(rows, task="generation", comparison="rl - none")
    assert (gained["ours"], gained["agrees"]) == ("+", "yes")
    same = pick(rows, task="generation", comparison="rl_dpo - rl")
    assert (same["ours"], same["agrees"], same["conclusion"]) == ("equivalent", "yes", "equivalent")
    flat = pick(rows, task="generation", comparison="rl_gepo - rl")  # planted: nothing
    assert flat["ours"] in ("equivalent", "not told apart") and flat["agrees"] == "undecided"
    cells = {text for row in read_csv(made.PAPER) for text in row.values() if "." in text}
    assert cells and not cells & {text for row in rows for text in row.values()}
    assert all("cells are not compared" in row["not_compared"] for row in rows)


@pytest.mark.parametrize(
    "claim, ours, conclusion, agrees",
    [
        ("+", "+", "difference", "yes"), ("+", "-", "difference", "no"), ("-", "+", "difference", "no"),
        ("+", "equivalent", "equivalent", "undecided"), ("+", "not told apart", "undecided", "undecided"),
        ("about equal", "equivalent", "equivalent", "yes"), ("about equal", "+", "difference within the margin", "yes"),
        ("about equal", "+", "difference", "no"), ("about equal", "not told apart", "undecided", "undecided"),
    ],
)  # fmt: skip
def test_what_agrees(claim, ours, conclusion, agrees):
    assert agreement(claim, ours, conclusion) == agrees


def target(language, problems, generator):
    names = np.array([f"p{number:02}" for number in problems])
    scores = {name: generator.random(len(names)) for name in ("base", "rl")}
    weights = bootstrap_weights(names, 1, 20, 0)
    return Target(language, names, scores, dict.fromkeys(scores, 0.5), names, 2, weights)


def test_the_mean_on_all_problems_is_the_mean_of_means_and_on_equal_ones_the_pooled_one():
    generator = np.random.default_rng(3)
    plan = Plan([], [], [], [0], [], [], "m", "t", 20, 0, "", 0.1, {})
    equal = [target(language, range(12), generator) for language in LANGUAGES]
    for key in ("base", "rl"):
        assert averaged(plan, equal, "mean").scores[key] == pytest.approx(pooled(plan, equal, "mean").scores[key])
    unequal = [target(language, problems, generator)
               for language, problems in zip(LANGUAGES, (range(12), range(4, 9), range(7, 20)))]  # fmt: skip
    found = averaged(plan, unequal, "mean")
    assert len(found.problems) == 20 and list(found.problems) == sorted(found.problems)
    for key in ("base", "rl"):
        assert found.scores[key].mean() == pytest.approx(np.mean([item.scores[key].mean() for item in unequal]))


@pytest.mark.parametrize(
    "rows, message",
    [
        (["none=base", "rll=base__rl"], r"--rows rll=base__rl: no row of this name; known are none, rl, rl_dpo"),
        (["parallel_oorl=base__rl"], "MIXTURE_oorl, whose init starts from that mixture"),
        (["rl=base__nothing"], "'base__nothing' is not one of --inits base base__rl"),
        (["rl=base__rl", "rl_dpo=base__rl"], "the row or its init is named twice"),
        (["none=base", "rl=parallel__oorl"], "must start from one model"),
        (["none=base"], "names no row after RL"),
    ],
)
def test_wrong_rows_are_refused(folder, tmp_path, rows, message):
    with pytest.raises(UserError, match=message) as raised:
        oorl_tables.main(options(folder, rows=rows, paper=made.PAPER, output=tmp_path / "oorl"))
    assert "\n" not in str(raised.value) and not (tmp_path / "oorl").exists()


def test_a_missing_file_of_translation_is_named_and_nothing_is_written(tmp_path):
    write_experiment(tmp_path)
    (tmp_path / "verdicts/translation/perl/rl/base__dpo/python/seed2.jsonl.gz").unlink()
    with pytest.raises(
        UserError, match=r"no verdicts for checkpoint rl/base__dpo/python/seed2 \(.*translation/perl/rl"
    ):
        build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["verdicts"]


def test_another_table_of_the_paper_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="--paper: not table 4 of the paper, 'on_policy' is missing"):
        build(folder, paper="docs/reference/oorl_table2.csv", output=tmp_path / "oorl")


def translated(folder, output, **other):
    rows = {name: init for name, init in ROWS.items() if name != "none"}
    inits = list(rows.values())
    transfer_table.main(options(folder, rows, inits=inits, output=output, **other))
    return read_csv(output)


def test_the_translation_table_has_from_and_never_its_own_pl(folder, tmp_path, capsys):
    rows = translated(folder, tmp_path / "table.csv")
    assert list(rows[0])[:4] == ["from", "init", "rl_method", "source"]
    assert [(row["from"], row["target"]) for row in rows if row["init"] == "base__rl"] == [
        ("python", "perl"), ("python", "lua"), ("perl", "python"), ("perl", "lua"),
    ]  # fmt: skip
    row = pick(rows, init="base__gepo", origin="perl", target="lua")
    assert float(row["pass_at_1_after"]) == pytest.approx(row_mean(folder, "rl_gepo", "lua", "perl"), abs=6e-5)
    assert row["problems"] == "80" and row["seeds"] == "3"
    for origin in ORIGINS:
        group = [row for row in rows if (row["init"], row["from"]) == ("base__dpo", origin)]
        adjusted = holm([float(row["p_value"]) for row in group])
        assert [float(row["p_holm"]) for row in group] == pytest.approx(adjusted, abs=4e-4)
    show_table.main([str(tmp_path / "table.csv")])
    assert "translation from perl · init base__gepo · RL in python" in capsys.readouterr().out


def test_a_cell_of_translation_is_traced_to_the_verdicts_of_its_pl():
    cell = trace.Cell({"from": "perl"}, "sampled", {"before RL": ["base"], "after RL": ["rl/base__rl/python/seed1"]})
    assert trace.verdicts({"results": "results"}, cell) == [
        "results/verdicts/translation/perl/base.jsonl.gz",
        "results/verdicts/translation/perl/rl/base__rl/python/seed1.jsonl.gz",
    ]


def test_without_from_the_table_is_as_it_was(folder, tmp_path):
    given = options(folder, {name: init for name, init in ROWS.items() if name != "none"}, output=tmp_path / "a.csv",
                    inits=[init for init in ROWS.values() if init != "base"])  # fmt: skip
    place = given.index("--from")
    transfer_table.main(given[:place] + given[place + 3 :])
    rows = read_csv(tmp_path / "a.csv")
    assert next(iter(rows[0])) == "init" and len(rows) == 5 * 3


def test_wrong_translations_are_refused(tmp_path):
    write_experiment(tmp_path, problems={"": 4})
    with pytest.raises(UserError, match="--from names something twice: perl perl"):
        translated(tmp_path, tmp_path / "t.csv", **{"from": ["perl", "perl"]})
    with pytest.raises(UserError, match="nothing is translated from python: --languages names no other PL"):
        translated(tmp_path, tmp_path / "t.csv", languages=["python"])
    path = tmp_path / "verdicts/translation/perl/base.jsonl.gz"
    rows = list(read_rows(path))
    write_rows(path, rows + [row | {"language": "perl"} for row in rows if row["language"] == "lua"])
    with pytest.raises(UserError, match="translations from perl into perl"):
        translated(tmp_path, tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


def test_equal_input_gives_equal_bytes(folder, tmp_path):
    paths = [tmp_path / name for name in ("first", "second")]
    for path in paths:
        build(folder, output=path)
    first, second = ({one.name: one.read_bytes() for one in path.iterdir()} for path in paths)
    assert first == second and len(first) == 5

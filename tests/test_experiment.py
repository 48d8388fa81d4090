"""What the shipped experiments consist of: checkpoints, matrix, sweeps, recipes, doses, roles, ablated models."""

import shlex
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from crosspl import experiment as ex
from crosspl.errors import UserError
from crosspl.evaluations import checkpoints, role
from crosspl.mixtures import Recipe
from crosspl.plan_options import plan_of
from scripts import transfer_table

ROOT = Path(__file__).parent.parent
PLS = ["python", "perl", "ruby", "lua", "php"]


def merged(*overlays):
    """config.yaml under overlays, merged as Snakemake does it."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for text in overlays:
        update_config(config, yaml.safe_load((ROOT / text).read_text() if text.startswith("configs/") else text))
    return config


@pytest.fixture
def study():
    return merged("configs/study.yaml", "configs/sweeps.yaml")


def plan(options):
    """The Plan that the transfer table makes of a text of options, and its labels."""
    args = transfer_table.parse([*shlex.split(options), "--verdicts", "V", "--output", "T"])
    return plan_of(args), args.points


def test_checkpoints_of_the_transfer_table_are_those_of_its_plan():
    config = merged()
    names = ex.checkpoints(config)
    assert names[0] == "base" and len(names) == len(set(names)) == 1 + 2 * 4 + 2 * 5
    assert {"sft/monolingual/seed1", "rl/base/python/seed0", "rl/parallel/python/seed1"} <= set(names)
    table, points = plan(ex.table_plan(config))
    assert checkpoints(table) == names
    assert (table.inits, table.languages, points) == (["base", *ex.PLAIN], PLS, None)
    assert (table.margin, table.treatment, table.method, table.mark) == (0.033, "parallel", "grpo", "")
    assert plan(ex.table_plan(merged("mark: plumbing only, it's small")))[0].mark == "plumbing only, it's small"


def test_the_matrix_adds_sources_and_oracles(study):
    names = ex.matrix_checkpoints(study)
    assert len(names) == len(set(names)) == 1 + 4 * 5 + 5 * 3 * 5 + 2 * 5
    assert {"rl/base/lua/seed4", "rl/parallel/ruby/seed0", "sft/monolingual/seed3"} <= set(names)
    assert not any(name.startswith("rl/parallel/lua") for name in names)
    matrix, _ = plan(ex.matrix_plan(study))
    assert checkpoints(matrix) == names
    assert role(matrix, "base", "lua", "lua") == "source" and role(matrix, "base", "lua", "php") == "unseen"


@pytest.mark.parametrize("sweep", ["dose", "languages", "scarcity", "families"])
def test_a_sweep_is_a_table_of_its_points(study, sweep):
    table, points = plan(ex.sweep_plan(study, sweep))
    assert dict(zip(points, table.inits)) == study["sweeps"][sweep]
    assert checkpoints(table) == ex.sweep_checkpoints(study, sweep)
    assert len(checkpoints(table)) == 1 + 2 * 5 * len(points)
    for init in table.inits:
        found = {language for language in PLS if role(table, init, "python", language) != "unseen"}
        assert found == {"python", *ex.mixture_languages(study, init)} & set(PLS)


def test_an_init_in_fewer_pls_leaves_more_unseen(study):
    table, _ = plan(ex.sweep_plan(study, "languages"))
    roles = {init: [role(table, init, "python", language) for language in PLS[1:]] for init in table.inits}
    assert roles == {
        "languages_1": ["unseen"] * 4, "languages_2": ["sft"] + ["unseen"] * 3,
        "parallel": ["sft"] * 2 + ["unseen"] * 2, "languages_4": ["sft"] * 2 + ["unseen"] * 2,
    }  # fmt: skip


def test_recipes_say_what_a_variant_changes_and_nothing_else(study):
    plain = ex.recipe(study, "parallel")
    assert plain == {"rule": "parallel", "languages": PLS[:3], "source": "python", "problems": 240, "width": 3,
                     "share": 0.0}  # fmt: skip
    assert ex.recipe(study, "same_programs") == {**plain, "rule": "same_programs"}
    assert ex.recipe(study, "dose_25") == {**plain, "rule": "dose", "share": 0.25}
    assert ex.recipe(study, "scarce_10") == {**plain, "problems": 24}
    other = ex.recipe(study, "with_c")
    assert (other["rule"], other["languages"], other["width"]) == ("parallel", ["python", "c"], 3)
    assert other != {**plain, "languages": other["languages"]}  # as many problems as give the tokens, not 240
    for mixture in ex.known_mixtures(study):
        assert set(ex.recipe(study, mixture)) <= set(Recipe._fields)


def test_the_pls_of_a_mixture(study):
    assert ex.mixture_languages(study, "monolingual") == ["python"]
    assert ex.mixture_languages(study, "with_ruby") == ["python", "ruby"]
    assert ex.mixture_languages(study, "dose_50") == PLS[:3]
    assert ex.recipe_languages(study, "with_c") == ["python", "perl", "ruby", "c"]  # it is matched with `parallel`
    assert ex.recipe_languages(study, "monolingual") == PLS[:3]
    assert ex.known_mixtures(study)[:4] == list(ex.PLAIN) and "scarce_50" in ex.known_mixtures(study)


def test_what_is_declared_equal_to_parallel(study):
    assert ex.declared(study, "parallel") == []
    assert {"problems", "programs", "tokens", "language_shares", "steps"} <= set(ex.declared(study, "dose_75"))
    assert "problems" not in ex.declared(study, "same_programs")
    assert "tokens" in ex.declared(study, "languages_2") and "language_shares" not in ex.declared(study, "languages_2")
    assert "tokens" not in ex.declared(study, "scarce_10") and "steps" in ex.declared(study, "scarce_10")


def test_doses_are_the_shares_of_the_inits_of_the_report(study):
    assert ex.doses(merged()) == ["parallel=1.0", "same_problems=0.0"]  # no sweep in the report
    study["report"]["sweeps"] = ["dose", "scarcity"]
    assert ex.doses(study) == ["parallel=1.0", "same_problems=0.0", "dose_25=0.25", "dose_50=0.5", "dose_75=0.75"]
    assert ex.report_inits(study) == ["base", *ex.PLAIN, "dose_25", "dose_50", "dose_75",
                                      "scarce_10", "scarce_25", "scarce_50"]  # fmt: skip
    names = ex.report_checkpoints(study)
    assert len(names) == len(set(names)) == 1 + 5 * (2 * 10 + 1)
    assert ex.before_rl(study) == ["base", *(f"sft/{init}/seed{n}" for init in ex.report_inits(study)[1:]
                                             for n in range(5))]  # fmt: skip


def test_roles_and_pls():
    config = merged("languages: {source: [python, ruby], sft: [perl, python]}")
    assert ex.all_languages(config) == ["python", "ruby", "perl", "lua", "php"]
    assert ex.training_languages(config) == ["perl", "python", "ruby"]
    assert ex.roles(config) == {"python": "source", "ruby": "unseen", "perl": "sft", "lua": "unseen", "php": "unseen"}
    table, _ = plan(ex.table_plan(config))
    assert ex.roles(config) == {language: role(table, "parallel", "python", language) for language in table.languages}


def test_ablated_models_and_the_same_ones_intact(study):
    small = merged("ablation: {inits: [base, parallel], seeds: [1]}")
    assert ex.intact(small) == ["rl/base/python/seed1", "rl/parallel/python/seed1"]
    for config in (small, study):
        assert ex.ablated(config) == [f"ablated/{kind}/{name}" for kind in ("language", "random")
                                      for name in ex.intact(config)]  # fmt: skip
        assert set(ex.intact(config)) <= set(ex.checkpoints(config))


def test_training_sets_are_what_the_audits_look_at():
    config = merged("{languages: {source: [python]}, matrix: {sources: [perl], oracles: [lua]}}")
    mixtures = [f"sft/{name}" for name in ex.PLAIN]
    assert ex.training_sets(config) == [*mixtures, "rl/python", "rl/perl", "rl/lua", "pretraining"]


def test_an_init_with_its_own_pls_brings_them_along_everywhere():
    """What is unseen to a model trained on python alone is not to one that saw three PLs."""
    config = merged(
        "{mixtures: {names: [parallel, alone], variants: {alone: {rule: parallel, languages: [python]}}}, "
        "matrix: {inits: [alone]}}"
    )
    for options in (ex.table_plan(config), ex.matrix_plan(config)):
        assert plan(options)[0].init_languages == {"alone": ["python"]}
    assert "init-languages" not in ex.table_plan(merged())


def test_pls_that_rl_translates_or_has_groups_of_are_not_unseen_afterwards():
    config = merged(
        "{mixtures: {names: [parallel, two], variants: {two: {rule: parallel, languages: [python, ruby]}}}, "
        "translation: {from: [python], into: [perl]}, "
        "rl_variants: {oorl: {inits: [two], settings: {task: translation}}, "
        "ir: {inits: [base], settings: {off_policy: {groups: ir}}}, same: {inits: [base], settings: {}}}}"
    )
    languages = plan(ex.table_plan(config))[0].init_languages
    assert languages["two"] == ["python", "ruby"] and languages["two__oorl"] == ["python", "ruby", "perl"]
    assert languages["base__ir"] == [*config["languages"]["sft"], "c", "llvm_ir"]
    assert set(languages) == {"two", "two__oorl", "base__ir"}


def test_pls_of_an_init_that_is_not_in_the_plan_are_refused():
    options = ex.table_plan(merged())
    with pytest.raises(UserError, match="'paralel' is not one of --inits base parallel"):
        plan(f"{options} --init-languages paralel=python")
    with pytest.raises(UserError, match="'parallel' has no PLs; write it as parallel=python,perl"):
        plan(f"{options} --init-languages parallel")

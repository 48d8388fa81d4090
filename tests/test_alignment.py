"""Alignment metrics: known answers, closed forms against plain ones, chance levels, and the tables of the commands."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from crosspl import alignment, similarity
from crosspl.errors import UserError
from crosspl.io import read_csv, write_csv, write_rows
from crosspl.parallel_programs import check_verified, choose
from scripts import alignment_summary

LANGUAGES = ["python", "lua", "ruby"]
PROBLEMS, HIDDEN = 40, 30


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def orders(count=99, problems=PROBLEMS, languages=3):
    return alignment.orders(count, languages, [""] * problems, 1)


def measured(space, count=99):
    """Return {(centred, metric): Measure} of the means over all pairs of one space (3 PLs, PROBLEMS, features)."""
    found = alignment.measures({(1, "mean"): space}, LANGUAGES, orders(count, space.shape[1]))
    return {(m.centred, m.metric): m for m in found if m.language_a == "all"}


def p_value(measure):
    return float(alignment.table_rows([measure], range(PROBLEMS), 50, 0)[0]["p_permutation"])


def test_identical_spaces():
    found = measured(np.stack([noise(PROBLEMS, HIDDEN)] * 3))
    for label in ("no", "yes"):
        assert (found[label, "retrieval"].values == 1).all()
        assert np.allclose(found[label, "silhouette"].values, 1)
        assert p_value(found[label, "cosine"]) == 0.01
    assert np.allclose(found["yes", "cka"].values, 1)
    assert ("no", "cka") not in found


def test_rotation_and_scale_leave_cka_alone():
    states = noise(PROBLEMS, HIDDEN)
    rotation = np.linalg.qr(noise(HIDDEN, HIDDEN, seed=1))[0]
    found = measured(np.stack([states, 3 * states @ rotation + 5, states @ rotation.T]))
    assert np.allclose(found["yes", "cka"].values, 1)
    assert found["yes", "retrieval"].values.mean() < 0.5


def test_unrelated_states_are_within_the_null():
    found = measured(noise(3, PROBLEMS, HIDDEN), count=199)
    for measure in found.values():
        assert p_value(measure) > 0.025, measure.metric
        low, high = np.quantile(measure.null, [0.005, 0.995])
        assert low <= measure.values.mean() <= high, measure.metric
    assert found["yes", "cka"].null.mean() > 0.3  # why CKA needs its null beside it


def test_chance_levels_are_calibrated():
    """Over many unrelated spaces p is uniform: 5 % are below 0.05."""
    tests = [measured(noise(3, 12, 8, seed=seed), count=39)["yes", "cka"] for seed in range(120)]
    small = sum((1 + (m.null >= m.values.mean()).sum()) / 40 <= 0.05 for m in tests)
    assert small <= 14


def test_permuted_problems_kill_the_effect():
    shared = noise(PROBLEMS, HIDDEN)
    space = shared + 0.5 * noise(3, PROBLEMS, HIDDEN, seed=1)
    matched, broken = measured(space), measured(np.stack([space[0], space[1][::-1], np.roll(space[2], 7, axis=0)]))
    for key, measure in matched.items():
        assert p_value(measure) == 0.01, key
        assert measure.values.mean() > broken[key].values.mean()
        assert p_value(broken[key]) > 0.02, key


def test_centring_finds_what_a_planted_offset_hides():
    shared, offset = noise(PROBLEMS, HIDDEN), 10 * noise(3, 1, HIDDEN, seed=2)
    found = measured(shared + 0.7 * noise(3, PROBLEMS, HIDDEN, seed=1) + offset)
    assert found["no", "retrieval"].values.mean() + 0.1 < found["yes", "retrieval"].values.mean()
    assert found["no", "silhouette"].values.mean() < 0 < found["yes", "silhouette"].values.mean()


def test_style_alone_is_within_the_null():
    """Permuting within style is calibrated where permuting all problems takes style for function."""
    styles, strict = np.arange(PROBLEMS) % 2, {"cosine": [], "cka": [], "silhouette": []}
    for seed in range(20):
        space = 3 * noise(2, HIDDEN, seed=seed)[styles] + noise(3, PROBLEMS, HIDDEN, seed=100 + seed)
        found = alignment.measures({(1, "mean"): space}, LANGUAGES, alignment.orders(39, 3, styles, seed))
        for measure in found:
            if measure.language_a == "all" and measure.centred == "yes" and measure.metric in strict:
                strict[measure.metric].append(p_value(measure))
    assert all(p_value(measured(space)["yes", metric]) == 0.01 for metric in ("cosine", "cka"))
    assert all(np.mean(found) > 0.3 and sum(p <= 0.05 for p in found) <= 4 for found in strict.values()), strict


def test_orders_keep_strata_and_are_reproducible():
    strata = ["b", "a", "a", "b", "a"]
    found = alignment.orders(50, 2, strata, 3)
    assert (np.sort(found, axis=2) == np.arange(5)).all()
    assert (np.array(strata)[found] == np.array(strata)).all()
    assert (found == alignment.orders(50, 2, strata, 3)).all()
    assert len(np.unique(found.reshape(-1, 5), axis=0)) == 12


def plain_cka(x, y):
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.linalg.norm(y.T @ x) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def test_jackknife_equals_leaving_out_one_by_one():
    x, y = noise(2, 15, 6)
    y += x
    plain = orders(5, 15, 2)
    values, null = similarity.cka(similarity.centred(np.stack([x, y])), plain, [(0, 1)])[0, 1]
    without = np.array([plain_cka(np.delete(x, i, axis=0), np.delete(y, i, axis=0)) for i in range(15)])
    pseudo = 15 * plain_cka(x, y) - 14 * without
    assert np.allclose(values, pseudo - pseudo.mean() + plain_cka(x, y))
    assert np.allclose(null, [plain_cka(x[a], y[b]) for a, b in plain])


def test_silhouette_equals_scikit_learn():
    space = noise(3, PROBLEMS, HIDDEN) + noise(PROBLEMS, HIDDEN, seed=1)
    distances = 1 - similarity.cosines(space)
    for order in orders(3):
        labels = np.argsort(order, axis=1).ravel()
        expected = silhouette_samples(space.reshape(-1, HIDDEN), labels, metric="cosine")
        assert np.allclose(similarity.silhouette(distances, order).ravel(), expected)


def test_cosine_and_retrieval_equal_plain_loops():
    a, b = noise(2, 9, 4)
    block = similarity.cosines(np.stack([a, b]))[0, :, 1]
    plain = np.array([[x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y in b] for x in a])
    assert np.allclose(block, plain)
    order = orders(1, 9, 2)[0]
    for (rows, columns), which in (((np.arange(9),) * 2, "value"), (tuple(order), "null")):
        moved = plain[rows][:, columns]
        hits = (moved.argmax(axis=1) == np.arange(9)).mean()
        gap = np.diag(moved).mean() - moved[~np.eye(9, dtype=bool)].mean()
        for metric, expected in ((similarity.retrieval, hits), (similarity.adjusted_cosine, gap)):
            values, null = metric(block, order[None, 0], order[None, 1])
            assert np.isclose(values.mean() if which == "value" else null[0], expected)


def test_ties_share_a_hit_and_equal_states_are_not_defined():
    space = np.stack([noise(PROBLEMS, HIDDEN), np.ones((PROBLEMS, HIDDEN)), noise(PROBLEMS, HIDDEN)])
    rows = alignment.table_rows(
        alignment.measures({(0, "last"): space.astype(np.float32)}, LANGUAGES, orders()), range(PROBLEMS), 50, 0
    )
    cells = {(r["centred"], r["metric"], r["language_a"], r["language_b"]): r for r in rows}
    assert cells["no", "retrieval", "python", "lua"]["value"] == f"{1 / PROBLEMS:.4f}"
    for metric in ("retrieval", "cosine", "cka"):
        for place in (("python", "lua"), ("all", "all")):
            row = cells["yes", metric, *place]
            assert {row[c] for c in ("value", "low", "high", "null_mean", "null_high", "p_permutation")} == {None}
        assert float(cells["yes", metric, "python", "ruby"]["value"]) > 0.99
    assert cells["yes", "silhouette", "all", "all"]["value"] is None


def test_lexical_spaces():
    tokens = [[[5, 5, 9], [7]], [[9, 5, 5], [8, 9]]]
    spaces = alignment.lexical_spaces(tokens)
    [counts] = spaces["tokens"].values()
    assert counts.tolist() == [[[2, 0, 0, 1], [0, 1, 0, 0]], [[2, 0, 0, 1], [0, 0, 1, 1]]]
    [weighted] = spaces["tfidf"].values()
    assert np.allclose(np.linalg.norm(weighted, axis=2), 1) and weighted[1, 1, 2] > weighted[1, 1, 3]
    states = np.repeat(counts[:, :, None, None], 2, axis=3)  # as hidden states, the same numbers come out
    [*as_hidden] = alignment.measures(alignment.hidden_spaces(states), ["a", "b"], orders(9, 2, 2))
    [*as_tokens] = alignment.measures(spaces["tokens"], ["a", "b"], orders(9, 2, 2))
    for one, two in zip(as_hidden, as_tokens):
        assert np.array_equal(one.values, two.values, equal_nan=True)


def test_interval_covers_seeds():
    """One seed: the table's own row. Two: the mean, and a wider interval when the seeds disagree."""
    families = [f"f{i}" for i in range(PROBLEMS)]
    tables, rows = [], []
    for seed in (1, 2):
        space = noise(PROBLEMS, HIDDEN) + seed * noise(3, PROBLEMS, HIDDEN, seed=seed)
        found = alignment.measures({(1, "mean"): space}, LANGUAGES, orders(9))
        rows.append([row for row in alignment.table_rows(found, families, 200, 0) if row["language_a"] == "all"])
        tables.append([{"features": "hidden"} | r for r in alignment.problem_rows(found, families, families)])
    for one, own in zip(alignment.summary_rows(tables[:1], 200, 0), rows[0]):
        assert (one["value"], one["low"], one["high"]) == (own["value"], own["low"], own["high"])
    for both, first, second in zip(alignment.summary_rows(tables, 200, 0), *rows):
        assert abs(float(both["value"]) - (float(first["value"]) + float(second["value"])) / 2) < 2e-4
        assert float(both["high"]) - float(both["low"]) > float(first["high"]) - float(first["low"])
    with pytest.raises(UserError, match="different problems"):
        alignment.summary_rows([tables[0], [row for row in tables[1] if row["problem"] != "f3"]], 50, 0)


def problem(number):
    return {"id": f"p{number}", "family": f"f{number}", "split": "eval"}


def program(number, language, style="loop", verdict="OK"):
    code = f"{language} {style} {number}"
    return {"problem": f"p{number}", "language": language, "style": style, "code": code, "verdict": verdict}


def test_choice_of_programs():
    rows = [program(n, language) for n in (3, 1, 2, 4, 5) for language in ("lua", "c")]
    rows += [program(1, "lua", "a"), program(1, "c", "b"), program(2, "lua", "a"), program(2, "c", "a")]
    rows += [program(6, "lua", "a"), program(6, "c", "b"), program(7, "lua"), program(7, "c", verdict="WA")]
    problems = [problem(n) for n in range(8)]
    found = choose([rows], problems, ["c", "lua"], 4)
    assert found.problems == ["p1", "p2", "p3", "p4"] and found.families == ["f1", "f2", "f3", "f4"]
    assert found.styles == ["loop", "a", "loop", "loop"]  # 1: a and b are each in one PL only; 2: the first by name
    assert found.codes == [
        [f"{language} {s} {n}" for n, s in zip((1, 2, 3, 4), found.styles)] for language in ("c", "lua")
    ]
    assert found.left_out == 3  # 0 has no program, 6 no common style, 7 no right one
    assert choose([rows[::2], rows[1::2]], problems, ["c", "lua"], 4) == found
    for languages, pool, words in ((["c", "go"], 9, "none has one in go"), (["c", "lua"], 2, "at most 2")):
        with pytest.raises(UserError, match=words):
            choose([rows], problems, languages, pool)


def test_unverified_programs_are_refused(tmp_path):
    row = program(1, "c")
    del row["verdict"]
    write_rows(tmp_path / "c.jsonl", [row])
    with pytest.raises(UserError, match=r"c.jsonl, row 1: no field 'verdict'"):
        check_verified(tmp_path / "c.jsonl")


def table(path, names, change=0.0):
    """Write small tables of one checkpoint as scripts.align does."""
    key = {"features": "hidden", "layer": "1", "pooling": "mean", "centred": "yes", "metric": "retrieval"}
    rows = [key | {"problem": n, "family": n, "value": f"{(i % 2) / 2 + change}"} for i, n in enumerate(names)]
    write_csv(f"{path}.problems.csv", alignment.PROBLEM_COLUMNS, rows)
    null = {"language_a": "all", "null_mean": f"{0.1 + change}", "null_high": ""}
    write_csv(f"{path}.csv", alignment.COLUMNS, [key | null, key | {"language_a": "lua", "null_mean": "0.9"}])


def test_summary_command(tmp_path):
    names = [f"p{n}" for n in range(6)]
    checkpoints = ["base", "sft/parallel/seed0", "sft/parallel/seed1", "rl/parallel/c/seed0"]
    for change, name in zip((0, 0.1, 0.3, 0), checkpoints):
        table(tmp_path / name, names, change)
    options = ["--alignment", str(tmp_path), "--draws", "50", "--seed", "0", "--output", str(tmp_path / "out.csv")]
    alignment_summary.main([*options, "--checkpoints", *checkpoints, "--mark", "m"])
    rows = read_csv(tmp_path / "out.csv")
    assert list(rows[0]) == alignment.SUMMARY_COLUMNS
    fields = ("stage", "init", "source", "seeds", "value", "null_mean", "null_high", "mark")
    assert [tuple(row[field] for field in fields) for row in rows] == [
        ("base", "base", "", "1", "0.2500", "0.1000", "", "m"),
        ("sft", "parallel", "", "2", "0.4500", "0.3000", "", "m"),
        ("rl", "parallel", "c", "1", "0.2500", "0.1000", "", "m"),
    ]
    with pytest.raises(UserError, match="expected base"):
        alignment_summary.main([*options, "--checkpoints", "best"])
    table(tmp_path / "sft/parallel/seed1", names[1:])
    with pytest.raises(UserError, match="different problems"):
        alignment_summary.main([*options, "--checkpoints", *checkpoints])

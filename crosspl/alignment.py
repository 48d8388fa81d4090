"""How alike the latent states of parallel programs are: retrieval, cosine, CKA, silhouette, each with its chance level.

In: states of the same problems in several PLs, arrays [language, problem, feature] per space (layer and pooling), or
the programs' tokens. Out: per metric, PL pair and problem a value, whose mean is the metric, and its values under
permuted problems. Every metric is a mean over problems, so crosspl.statistics gives its interval, over seeds too.

Raw states differ most by PL; "centred" ones have the mean of their PL subtracted, and CKA centres by definition. The
null permutes the problems of every PL within their style, because programs of one style are alike whatever they
compute: its mean is what style alone gives. Shared tokens have a table of their own (`lexical_spaces`). The metrics are
in crosspl.similarity.
"""

from functools import cache
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np

from crosspl.errors import UserError
from crosspl.passk import fixed
from crosspl.similarity import TIE, adjusted_cosine, centred, cka, cosines, retrieval, silhouettes
from crosspl.statistics import bootstrap_weights, estimate

COLUMNS = [
    "checkpoint", "features", "layer", "pooling", "centred", "metric", "language_a", "language_b", "problems",
    "value", "low", "high", "null_mean", "null_high", "p_permutation", "mark",
]  # fmt: skip
PROBLEM_COLUMNS = [
    "checkpoint", "features", "layer", "pooling", "centred", "metric", "problem", "family", "value",
]  # fmt: skip
PROJECTION_COLUMNS = [
    "checkpoint", "layer", "centred", "problem", "language", "x", "y", "explained_x", "explained_y",
]  # fmt: skip
SUMMARY_COLUMNS = [
    "stage", "init", "source", "seeds", "features", "layer", "pooling", "centred", "metric", "problems", "value",
    "low", "high", "null_mean", "null_high", "mark",
]  # fmt: skip
SUMMARY_KEY = ("features", "layer", "pooling", "centred", "metric")
BOUNDS = {"retrieval": (0, 1), "cosine": (-2, 2), "cka": (0, 1), "silhouette": (-1, 1)}
POOLINGS = ("mean", "last")
ALL = "all"


class Measure(NamedTuple):
    """One metric in one space: values (problems,) and its mean under each permutation, null (permutations,)."""

    layer: object
    pooling: str
    centred: str
    metric: str
    language_a: str
    language_b: str
    values: np.ndarray
    null: np.ndarray


def hidden_spaces(states):
    """Return {(layer, pooling): [language, problem, hidden]} of an array of `hidden_states`."""
    return {
        (layer, pooling): states[:, :, layer, place]
        for layer in range(states.shape[2])
        for place, pooling in enumerate(POOLINGS)
    }


def lexical_spaces(tokens):
    """Return {"tokens": spaces, "tfidf": spaces} of tokens[language][problem] = list of token ids.

    Bags of tokens over all PLs, and the same weighted by inverse document frequency. They have no layer or pooling.
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer  # a second that others need not wait

    counts = CountVectorizer(analyzer=list).fit_transform([ids for programs in tokens for ids in programs])
    bags = {"tokens": counts, "tfidf": TfidfTransformer().fit_transform(counts)}
    return {name: {("", ""): bag.toarray().reshape(len(tokens), -1, bag.shape[1])} for name, bag in bags.items()}


def orders(count, languages, strata, seed):
    """Return `count` random orders of the problems for each PL, shape (count, languages, problems).

    strata: a label per problem, its style; problems change places with problems of the same label only.
    """
    generator, strata = np.random.default_rng(seed), np.asarray(strata)
    result = np.empty((count, languages, len(strata)), dtype=int)
    for label in np.unique(strata):
        (members,) = np.nonzero(strata == label)
        plain = np.broadcast_to(members, (count, languages, len(members)))
        result[:, :, members] = generator.permuted(plain, axis=-1)
    return result


def measures(spaces, languages, shuffled):
    """Return the Measures of all spaces: raw, centred, every PL pair and the mean over pairs ("all").

    spaces: from `hidden_spaces` or `lexical_spaces`; shuffled: from `orders`, for the null.
    """
    return [
        Measure(layer, pooling, label, *rest)
        for (layer, pooling), space in spaces.items()
        for label, states in (("no", space.astype(float)), ("yes", centred(space)))
        for rest in _measure(states, languages, shuffled, with_cka=label == "yes")
    ]


def _measure(states, languages, shuffled, with_cka):
    """Yield (metric, language_a, language_b, values, null) of one space, (languages, problems, features)."""
    block = cosines(states)
    pairs = list(combinations(range(len(languages)), 2))
    by_pair = {
        "retrieval": {(a, b): _or_nan(retrieval, block[a, :, b], shuffled[:, a], shuffled[:, b])
                      for a, b in permutations(range(len(languages)), 2)},
        "cosine": {(a, b): _or_nan(adjusted_cosine, block[a, :, b], shuffled[:, a], shuffled[:, b])
                   for a, b in pairs},
    }  # fmt: skip
    if with_cka:
        by_pair["cka"] = cka(states, shuffled, pairs)
    for metric, found in by_pair.items():
        for (a, b), result in found.items():
            yield metric, languages[a], languages[b], *result
        yield metric, ALL, ALL, *(np.mean(column, axis=0) for column in zip(*found.values()))
    yield "silhouette", ALL, ALL, *_or_nan(silhouettes, (1 - block).astype(np.float32), shuffled)


def _or_nan(metric, block, *shuffled):
    """Return (values, null) of `metric`, all NaN where a cosine is not defined."""
    if np.isnan(block).any():
        return np.full(shuffled[0].shape[-1], np.nan), np.full(len(shuffled[0]), np.nan)
    return metric(block, *shuffled)


def table_rows(found, families, draws, seed):
    """Return one row per Measure with its 95 % interval over families and its permutation null; text, 4 decimals."""
    weights = bootstrap_weights(families, 1, draws, seed)
    return [{
        **_place(measure), "language_a": measure.language_a, "language_b": measure.language_b,
        "problems": len(measure.values), **_interval(measure.values[None], families, weights, BOUNDS[measure.metric]),
        **_null(measure),
    } for measure in found]  # fmt: skip


def _place(measure):
    return {field: getattr(measure, field) for field in ("layer", "pooling", "centred", "metric")}


def _interval(values, families, weights, bounds):
    """Return value, low and high of `values` (S, P) as text, empty where the metric is not defined."""
    if np.isnan(values).any():
        return {"value": None, "low": None, "high": None}
    result = estimate(values, families, weights, bounds)
    return {"value": fixed(result.value), "low": fixed(result.low), "high": fixed(result.high)}


def _null(measure):
    """Return mean and 97.5 % quantile of the null, and p = (1 + permutations not below the value) / (1 + all)."""
    if not len(measure.null) or np.isnan(measure.null).any():
        return {"null_mean": None, "null_high": None, "p_permutation": None}
    reached = (measure.null >= measure.values.mean() - TIE).sum()
    return {
        "null_mean": fixed(measure.null.mean()), "null_high": fixed(np.quantile(measure.null, 0.975)),
        "p_permutation": fixed((1 + reached) / (1 + len(measure.null))),
    }  # fmt: skip


def problem_rows(found, problems, families):
    """Return each problem's values of the "all" Measures; 6 decimals, so that means over them are the table's."""
    return [
        {**_place(measure), "problem": problem, "family": family, "value": None if np.isnan(value) else f"{value:.6f}"}
        for measure in found if measure.language_a == ALL
        for problem, family, value in zip(problems, families, measure.values)
    ]  # fmt: skip


def projection_rows(spaces, problems, languages):
    """Return the first two principal components of the mean-pooled states per layer, raw and centred per PL."""
    from sklearn.decomposition import PCA

    rows = []
    for (layer, pooling), space in spaces.items():
        for label, states in (("no", space), ("yes", centred(space))) if pooling == "mean" else ():
            pca = PCA(2, svd_solver="full")  # its sign rule makes the result the same everywhere
            points = pca.fit_transform(states.reshape(-1, states.shape[2])).reshape(*states.shape[:2], 2)
            explained = dict(zip(("explained_x", "explained_y"), map(fixed, pca.explained_variance_ratio_.tolist())))
            rows += [
                {"layer": layer, "centred": label, "problem": problem, "language": language,
                 "x": fixed(float(x)), "y": fixed(float(y)), **explained}
                for language, of_language in zip(languages, points) for problem, (x, y) in zip(problems, of_language)
            ]  # fmt: skip
    return rows


def summary_rows(tables, draws, seed, bounds=None):
    """Return one row per space and metric with the mean over seeds and problems and its 95 % interval over both.

    tables: the rows of `problem_rows` as read from CSV, one list per seed of the same group. UserError when the seeds
    were not analysed on the same problems. bounds: of the values; None: those of the metric.
    """
    by_seed = [_values(rows) for rows in tables]
    if any(values.keys() != by_seed[0].keys() for values in by_seed):
        raise UserError("the seeds of a group have different layers or metrics: run scripts.align again for all")
    weights = cache(lambda families: bootstrap_weights(families, len(tables), draws, seed))
    return [_summary_row(key, [values[key] for values in by_seed], weights, bounds) for key in by_seed[0]]


def difference_rows(tables, others, draws, seed):
    """Return the rows of the difference between two groups, paired by problem and seed; arguments as `summary_rows`."""
    paired = [
        [row | {"value": _minus(row["value"], other["value"])} for row, other in zip(one, two, strict=True)]
        for one, two in zip(tables, others, strict=True)
    ]
    for one, two in zip(tables, others):
        if any(row["problem"] != other["problem"] for row, other in zip(one, two)):
            raise UserError("two groups were analysed on different problems: run scripts.align again for both")
    return summary_rows(paired, draws, seed, bounds=(-2, 2))


def _minus(value, other):
    """Return the difference of two cells as text; empty where one is."""
    return str(float(value) - float(other)) if value and other else ""


def _values(rows):
    """Return {space and metric: {(problem, family): value}} of the rows of one seed; an empty cell is NaN."""
    found = {}
    for row in rows:
        cell = found.setdefault(tuple(row[field] for field in SUMMARY_KEY), {})
        cell[row["problem"], row["family"]] = float(row["value"] or "nan")
    return found


def _summary_row(key, cells, weights, bounds):
    """Return the row of one space and metric; cells: {(problem, family): value} per seed."""
    if any(cell.keys() != cells[0].keys() for cell in cells):
        raise UserError("the seeds of a group were analysed on different problems: run scripts.align again for all")
    families = tuple(family for _, family in cells[0])
    values = np.array([[cell[problem] for problem in cells[0]] for cell in cells])
    place = dict(zip(SUMMARY_KEY, key))
    interval = _interval(values, families, weights(families), bounds or BOUNDS[place["metric"]])
    return {**place, "problems": len(families), **interval}

"""How alike parallel programs are in one space of features: retrieval, cosine, CKA and silhouette, per problem.

In: arrays [language, problem, feature]; orders of the problems of each PL, for the null. Out: per metric a value for
each problem, whose mean is the metric, and the metric under each of the orders.

- retrieval: 1 if the most similar program (cosine) of the other PL is that of the same problem; ordered PL pairs, all
  problems are the pool; k equally similar ones count 1/k.
- cosine: the matched pair's minus the mean of the problem's unmatched pairs (Semantic Hub, arXiv 2411.04986).
- cka: linear CKA (Kornblith et al. 2019, arXiv 1905.00414). Per problem its jackknife pseudo-value, shifted so that
  their mean is CKA itself; CKA of unrelated states is far above 0 when features are many, as its null shows.
- silhouette (Rousseeuw 1987), cosine distance, the problem as label, mean over the problem's programs.

A metric is NaN where a PL's states do not differ, e.g. embeddings of a last token that is always the same.
"""

import numpy as np

TIE = 1e-9  # cosines closer than this are equal: rounding of states that are
NOISE = 1e-6  # centred states this small, relative to the raw ones, are rounding noise of float32


def centred(space):
    """Return the states minus their PL's mean, exactly 0 where nothing but rounding is left."""
    space = space.astype(float)
    result = space - space.mean(axis=1, keepdims=True)
    noise = np.linalg.norm(result, axis=2) <= NOISE * np.linalg.norm(space, axis=2)
    return np.where(noise[..., None], 0.0, result)


def cosines(states):
    """Return the cosine of any two programs, shape (languages, problems, languages, problems); NaN for a zero state."""
    lengths = np.linalg.norm(states, axis=2, keepdims=True)
    flat = np.divide(states, lengths, out=np.full(states.shape, np.nan), where=lengths > 0)
    flat = flat.reshape(-1, states.shape[2])
    return (flat @ flat.T).reshape(*states.shape[:2], *states.shape[:2])


def retrieval(block, orders_a, orders_b):
    """Return hits (P,) of the queries in the rows of `block` (P, P), and the mean hit per pair of orders (N,)."""
    best = block >= block.max(axis=1, keepdims=True) - TIE
    share = best / best.sum(axis=1, keepdims=True)
    return np.diag(share), share[orders_a, orders_b].mean(axis=1)


def adjusted_cosine(block, orders_a, orders_b):
    """Return matched minus mean unmatched cosine of each problem (P,), and its mean per pair of orders (N,)."""
    count = len(block)
    both = (block + block.T) / 2
    unmatched = (both.sum(axis=1) - np.diag(block)) / (count - 1)
    matched = block[orders_a, orders_b].mean(axis=1)
    return np.diag(block) - unmatched, matched - (block.sum() / count - matched) / (count - 1)


def cka(states, shuffled, pairs):
    """Return {pair: (values (P,), null (N,))} of linear CKA for centred `states` (languages, P, features)."""
    grams = states @ states.transpose(0, 2, 1)
    sizes = np.sqrt((grams**2).sum(axis=(1, 2)))
    with np.errstate(invalid="ignore", divide="ignore"):  # a PL whose states are equal: NaN
        left_out = {pair: leave_one_out(*grams[list(pair)]) for pair in pairs + [(a, a) for a in range(len(grams))]}
        products = np.array([_products(grams, order) for order in shuffled]) / np.outer(sizes, sizes)
        found = {}
        for a, b in pairs:
            value = (grams[a] * grams[b]).sum() / (sizes[a] * sizes[b])
            without = left_out[a, b] / np.sqrt(left_out[a, a] * left_out[b, b])
            found[a, b] = value + (len(without) - 1) * (without.mean() - without), products[:, a, b]
    return found


def leave_one_out(k, l):  # noqa: E741
    """Return the sum of products of two Gram matrices (P, P), re-centred without problem i, for each i; shape (P,).

    With n rows left: <K, L> - 2/n <K1, L1> + (1'K1)(1'L1)/n^2, where each sum is the full one minus row and column i.
    """
    left = len(k) - 1
    product, rows_k, rows_l, own_k, own_l = k * l, k.sum(axis=1), l.sum(axis=1), np.diag(k), np.diag(l)
    inner = product.sum() - 2 * product.sum(axis=1) + np.diag(product)
    rows = rows_k @ rows_l - k @ rows_l - l @ rows_k + product.sum(axis=1) - (rows_k - own_k) * (rows_l - own_l)
    totals = (k.sum() - 2 * rows_k + own_k) * (l.sum() - 2 * rows_l + own_l)
    return inner - 2 / left * rows + totals / left**2


def _products(grams, order):
    """Return the sums of products of any two Gram matrices whose problems are in the PLs' `order`."""
    flat = np.stack([gram[own][:, own].ravel() for gram, own in zip(grams, order)])
    return flat @ flat.T


def silhouettes(distances, shuffled):
    """Return each problem's mean silhouette (P,) and the mean silhouette per order (N,)."""
    plain = np.broadcast_to(np.arange(distances.shape[1]), distances.shape[:2])
    null = np.array([silhouette(distances, order).mean() for order in shuffled], dtype=float)
    return silhouette(distances, plain).mean(axis=0, dtype=float), null


def silhouette(distances, order):
    """Return the silhouette of each program, shape (languages, problems).

    distances: (languages, problems, languages, problems); order[t, c]: the program of PL t in cluster c. Equal to
    sklearn.metrics.silhouette_samples, but some 30 times as fast, because every cluster has one program per PL.
    """
    count = len(distances)
    sums = sum(distances[language, own] for language, own in enumerate(order))  # (cluster, language, problem)
    own = np.argsort(order, axis=1)
    place = (own, *np.indices(own.shape))
    inside = sums[place] / (count - 1)
    sums[place] = np.inf
    outside = sums.min(axis=0) / count
    size = np.maximum(inside, outside)
    return np.divide(outside - inside, size, out=np.zeros_like(size), where=size > 0)

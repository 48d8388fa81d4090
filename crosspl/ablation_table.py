"""What removing a direction from the hidden states changes in pass@1, beside removing a random direction.

In: the cells (crosspl.passk) of models intact and ablated. Out: rows of ablation.csv: change of pass@1 per target PL,
paired by problem and seed; the last direction, "language - random", is the test: what the PL direction does beyond any
direction. Numbers are fractions; p-values Holm-adjusted over the targets of one init and direction.
"""

import numpy as np

from crosspl.errors import UserError
from crosspl.passk import fixed
from crosspl.statistics import bootstrap_weights, estimate
from crosspl.transfer_table import with_holm

ABLATION_COLUMNS = [
    "init", "source", "seeds", "layer", "direction", "target", "role", "problems", "samples", "pass_at_1_intact",
    "pass_at_1_ablated", "change", "low", "high", "p_value", "p_holm", "wrong_language_intact",
    "wrong_language_ablated", "mark",
]  # fmt: skip
KINDS = ("intact", "language", "random")


def ablation_rows(cells, roles, reading, draws, seed):
    """Return the rows of one init: `cells` {kind: {checkpoint: {(language, reading): Cell}}}, roles {language: role}.

    The checkpoints of every kind are the seeds, in the same order.
    """
    groups = {direction: [] for direction in ("language", "random", "language - random")}
    for language, role in roles.items():
        scores, families, problems, chosen = _paired(cells, language, reading)
        weights = bootstrap_weights(families, len(chosen["intact"]), draws, seed)
        wrong = {kind: float(np.mean([cell.wrong_language_rate for cell in found])) for kind, found in chosen.items()}
        for direction in groups:
            base = "random" if direction == "language - random" else "intact"
            kind = "language" if direction == "language - random" else direction
            result = estimate(scores[kind] - scores[base], families, weights, (-1, 1))
            groups[direction].append({
                "direction": direction, "target": language, "role": role, "problems": problems,
                "samples": chosen["intact"][0].samples, "pass_at_1_intact": fixed(float(scores[base].mean())),
                "pass_at_1_ablated": fixed(float(scores[kind].mean())), "change": fixed(result.value),
                "low": fixed(result.low), "high": fixed(result.high), "p_value": result.p_value,
                "wrong_language_intact": fixed(wrong[base]), "wrong_language_ablated": fixed(wrong[kind]),
            })  # fmt: skip
    return [row for group in groups.values() for row in with_holm(group)]


def _paired(cells, language, reading):
    """Return {kind: scores (S, P)}, the families, the number of problems and {kind: Cells} of one PL.

    Only problems with a score (not JE) everywhere count; a missing PL, and other problems, are a UserError.
    """
    named = {name: by_key.get((language, reading)) for kind in KINDS for name, by_key in cells[kind].items()}
    first, *_ = named
    for name, cell in named.items():
        if cell is None:
            raise UserError(f"checkpoint {name} has no {reading} verdicts in {language}: evaluate it again")
        if cell[:2] != named[first][:2] or cell.samples != named[first].samples:
            raise UserError(
                f"{language}, {reading}: checkpoints {name} and {first} were evaluated on different problems, or with "
                "other numbers of completions. Sample both again."
            )
    chosen = {kind: [named[name] for name in cells[kind]] for kind in KINDS}
    every = list(named.values())
    scored = ~np.isnan([cell.scores for cell in every]).any(axis=0)
    if not scored.any():
        raise UserError(f"{language}, {reading}: no problem has a score (not JE) in every checkpoint: judge again")
    scores = {kind: np.stack([cell.scores[scored] for cell in found]) for kind, found in chosen.items()}
    return scores, np.array(every[0].families)[scored], int(scored.sum()), chosen

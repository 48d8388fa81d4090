"""What removing a direction from the hidden states changes in pass@1, beside removing a random direction.

In: the cells (crosspl.passk) of models intact and ablated. Out: rows of ablation.csv: change of pass@1 per target PL,
paired by problem and seed; the last direction, "language - random", is the test: what the PL direction does beyond any
direction. Numbers are fractions; p-values Holm-adjusted over the targets of one init and direction.
"""

from typing import NamedTuple

import numpy as np

from crosspl.errors import UserError
from crosspl.passk import fixed
from crosspl.statistics import bootstrap_weights, estimate, seed_prior
from crosspl.transfer_table import with_holm

ABLATION_COLUMNS = [
    "init", "source", "seeds", "layer", "direction", "target", "role", "problems", "samples", "pass_at_1_intact",
    "pass_at_1_ablated", "change", "low", "high", "p_value", "p_holm", "wrong_language_intact",
    "wrong_language_ablated", "mark",
]  # fmt: skip
KINDS = ("intact", "language", "random")
DIRECTIONS = {  # name: which model, compared with which; the columns say "intact" of the latter
    "language": ("language", "intact"),
    "random": ("random", "intact"),
    "language - random": ("language", "random"),
}


class Paired(NamedTuple):
    """One init in one PL: scores {kind: (seeds, problems)}, families of the problems, cells {kind: [Cell per seed]}."""

    scores: dict
    families: np.ndarray
    cells: dict


def ablation_rows(cells, roles, reading, draws, seed):
    """Return the rows: `cells` {init: {kind: {checkpoint: {(language, reading): Cell}}}}, roles {language: role}.

    The checkpoints of every kind are the seeds, in the same order. The noise between seeds is pooled over inits and
    targets of one direction (crosspl.statistics).
    """
    found = {init: [_paired(of_init, language, reading) for language in roles] for init, of_init in cells.items()}
    noise = {direction: seed_prior([[(_change(one, direction), one.families) for one in arm] for arm in found.values()])
             for direction in DIRECTIONS}  # fmt: skip
    rows = []
    for init, arm in found.items():
        for direction in DIRECTIONS:
            group = [
                {"init": init, "target": language, "role": role, **_row(one, direction, noise[direction], draws, seed)}
                for (language, role), one in zip(roles.items(), arm)
            ]
            rows += with_holm(group)
    return rows


def _change(one, direction):
    """Return pass@1 with the direction removed minus pass@1 of what it is compared with, shape (seeds, problems)."""
    kind, base = DIRECTIONS[direction]
    return one.scores[kind] - one.scores[base]


def _row(one, direction, noise, draws, seed):
    """Return what the table says of one Paired and direction; p_value stays a number until the group is adjusted."""
    kind, base = DIRECTIONS[direction]
    weights = bootstrap_weights(one.families, len(one.cells[kind]), draws, seed)
    result = estimate(_change(one, direction), one.families, weights, (-1, 1), noise)
    wrong = {name: float(np.mean([cell.wrong_language_rate for cell in one.cells[name]])) for name in (kind, base)}
    return {
        "direction": direction, "problems": len(one.families), "samples": one.cells[kind][0].samples,
        "pass_at_1_intact": fixed(float(one.scores[base].mean())),
        "pass_at_1_ablated": fixed(float(one.scores[kind].mean())), "change": fixed(result.value),
        "low": fixed(result.low), "high": fixed(result.high), "p_value": result.p_value,
        "wrong_language_intact": fixed(wrong[base]), "wrong_language_ablated": fixed(wrong[kind]),
    }  # fmt: skip


def _paired(cells, language, reading):
    """Return the Paired of one init and PL. Only problems with a score (not JE) everywhere count.

    A missing PL and different problems are a UserError.
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
    return Paired(scores, np.array(every[0].families)[scored], chosen)

"""An intervention: take the direction that tells one PL from the others out of the residual stream.

In: pooled states of parallel programs (crosspl.hidden_states) that are not evaluated, a layer, a PL. Out: a context in
which the model runs without that direction. With d_t = mean state of PL t - mean over the other PLs, u = d_t / |d_t|
and the grand mean m, every position's state h after layer n becomes h - u u^T (h - m). The control is a random u. Each
program counts the same in a mean, and each PL the same in the grand mean.
"""

import numpy as np
import torch

from crosspl.errors import UserError
from crosspl.hidden_states import hooked, layer_modules
from crosspl.sampling import seed_of


def language_means(states, layer):
    """Return each PL's mean state at `layer`, shape (languages, hidden), of `states` from `hidden_states`.

    The states are means over the tokens of a program (pooling 0). UserError when the model has no such layer.
    """
    if not 0 <= layer < states.shape[2]:
        raise UserError(f"layer {layer}: the model has the layers 0 (embeddings) to {states.shape[2] - 1}")
    return states[:, :, layer, 0].mean(axis=1, dtype=np.float64)


def language_direction(means, language):
    """Return the unit vector from the other PLs' mean to that of PL number `language`, shape (hidden,)."""
    if len(means) < 2:
        raise UserError("the direction of a PL is its difference from others: give at least 2 PLs")
    difference = means[language] - np.delete(means, language, axis=0).mean(axis=0)
    length = np.linalg.norm(difference)
    if length == 0:
        raise UserError(f"PL number {language} has the same mean state as the others at this layer: no direction")
    return difference / length


def random_direction(hidden, layer, seed):
    """Return a random unit vector, shape (hidden,); it depends on the layer and the seed alone."""
    direction = np.random.default_rng(seed_of("random direction", layer, seed)).standard_normal(hidden)
    return direction / np.linalg.norm(direction)


def ablated(model, layer, direction, mean):
    """Return a context in which `model` runs with its states after `layer` projected: h - u u^T (h - mean).

    direction: unit vector u; mean: both of shape (hidden,). Works under a PEFT adapter and while generating with a
    cache, because every position passes the layer once, whether alone or with others.
    """
    device = model.device
    u, centre = (torch.as_tensor(vector, dtype=torch.float32, device=device) for vector in (direction, mean))

    def project(module, args, output):
        along = (output.float() - centre) @ u
        return (output.float() - along[..., None] * u).to(output.dtype)

    return hooked([layer_modules(model)[layer]], [project])

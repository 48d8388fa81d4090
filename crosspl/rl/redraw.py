"""Groups that teach nothing are replaced by answers to other problems (dynamic sampling of DAPO, arXiv 2503.14476).

In: the tensors of a generation, as TRL's trainer makes them, and those of fresh groups. Out: the tensors of both,
padded alike. Prompts are padded on the left, answers on the right.
"""

import torch

LEFT = ("prompt_ids", "prompt_mask")


def merge(batch, fresh, rows, pad_id):
    """Return `batch` with its rows `rows` (indices) replaced by those of `fresh`, in this order."""
    merged = dict(batch)
    for name, old in batch.items():
        if name == "num_items_in_batch":
            continue
        new = fresh[name]
        if old.dim() > 1:
            width, filler = max(old.shape[1], new.shape[1]), pad_id if name.endswith("_ids") else 0
            old, new = (padded(one, width, filler, left=name in LEFT) for one in (old, new))
        merged[name] = old.clone()
        merged[name][rows] = new.to(old.dtype)
    return merged


def padded(tensor, width, filler, left):
    """Return a tensor (rows, tokens) padded to `width` tokens."""
    missing = width - tensor.shape[1]
    return torch.nn.functional.pad(tensor, (missing, 0) if left else (0, missing), value=filler)


def other_rows(count, taken, total, seed):
    """Return the indices of `count` rows of a data set of `total`, none of them in `taken` where there are enough."""
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed)).tolist()
    free = [index for index in order if index not in taken] or order
    return (free * (count // len(free) + 1))[:count]

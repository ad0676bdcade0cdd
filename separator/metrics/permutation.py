"""Which estimate belongs to which reference: the assignment with the highest total score, exactly."""

import re
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import torch
from torch import Tensor

EXHAUSTIVE_LIMIT = 3
"""Up to this many sources all permutations are compared on the device; above it the Hungarian algorithm decides."""


def best_permutation(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Assign one estimate to each reference so that the mean score is the highest possible.

    Args:
        scores: Score of each estimate against each reference, higher is better.

    Shape:
        scores: `(B, S, S)`, estimates by references.
        Returns the mean score `(B,)`, differentiable with respect to `scores`, and the permutation `(B, S)`:
        `permutation[b, r]` is the estimate that belongs to reference `r`.

    Raises:
        ValueError: If the numbers of estimates and references differ.

    Source:
        Kolbæk et al., utterance-level permutation invariant training, 2017, arXiv 1703.06284.

    Example:
        >>> scores = torch.tensor([[[1.0, 9.0], [7.0, 2.0]]])  # (B, estimates, references)
        >>> best_permutation(scores)  # estimate 1 is reference 0, estimate 0 is reference 1
        (tensor([8.]), tensor([[1, 0]]))
    """
    if scores.dim() != 3 or scores.shape[1] != scores.shape[2]:
        raise ValueError(f"scores must be (batch, sources, sources), found {tuple(scores.shape)}")
    num_sources = scores.shape[2]
    if num_sources <= EXHAUSTIVE_LIMIT:
        candidates = torch.tensor(list(permutations(range(num_sources))), device=scores.device)  # (P, S)
        references = torch.arange(num_sources, device=scores.device)
        totals = scores[:, candidates, references].mean(dim=2)  # (B, P)
        permutation = candidates[totals.argmax(dim=1)]  # (B, S)
    else:
        from scipy.optimize import linear_sum_assignment  # slow to import, and two or three sources do without

        # A score that is not a number must not stop the assignment: the loss itself reports it.
        costs = torch.nan_to_num(-scores.detach().float(), nan=1e9).cpu().numpy()
        assigned = np.stack([linear_sum_assignment(cost.T)[1] for cost in costs])
        permutation = torch.from_numpy(assigned).to(scores.device)  # (B, S)
    best = scores.gather(1, permutation.unsqueeze(1)).mean(dim=(1, 2))
    return best, permutation


def reorder(estimate: Tensor, permutation: Tensor) -> Tensor:
    """Put estimates in the order of their references.

    Shape:
        estimate: `(B, S, ...)`; permutation: `(B, S)` as `best_permutation` returns it; result: `(B, S, ...)`.

    Example:
        >>> estimate = torch.tensor([[[5.0, 5.0], [6.0, 6.0]]])  # (B, S, T)
        >>> reorder(estimate, torch.tensor([[1, 0]]))
        tensor([[[6., 6.],
                 [5., 5.]]])
    """
    examples = torch.arange(estimate.shape[0], device=estimate.device).unsqueeze(1)
    return estimate[examples, permutation]


def group_by_name(names: Sequence[str]) -> dict[str, list[int]]:
    """Group the numbers of names that differ by a number at their end alone, any order of which is right.

    Every other name is a group of its own.

    Example:
        >>> list(group_by_name(["speaker1", "speaker2", "noise"]).values())
        [[0, 1], [2]]
    """
    stems = [re.sub(r"\d+$", "", name) if name[-1:].isdigit() else None for name in names]
    groups: dict[str, list[int]] = {}
    for number, (name, stem) in enumerate(zip(names, stems, strict=True)):
        key = f"{stem}#" if stem is not None and stems.count(stem) > 1 else name
        groups.setdefault(key, []).append(number)
    return groups

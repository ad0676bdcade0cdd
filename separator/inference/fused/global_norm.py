"""Global layer norm folded into what follows it: `γ (F − m) / s + β` is a gain and a constant of each channel."""

import math

import torch
from torch import Tensor

MOST_OFFSET = 30.0
"""Mean over deviation, squared, above which folding the norm into what follows would lose digits."""


class GlobalStatistics:
    """Mean and deviation over all channels and frames, which come in tiles."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: list[Tensor] = []
        self._norms: list[Tensor] = []

    def add(self, frames: Tensor) -> None:
        """Take a tile `(k, C)` along."""
        self._count += frames.numel()
        # Of each frame in the precision of the frames: in another, PyTorch would make a copy of them all first.
        self._sums.append(frames.sum(dim=1))
        self._norms.append(torch.linalg.vector_norm(frames, dim=1))

    def mean_and_variance(self) -> tuple[float, float]:
        """Return both, of all tiles."""
        mean = float(torch.cat(self._sums).double().sum()) / self._count
        return mean, float(torch.cat(self._norms).double().square().sum()) / self._count - mean**2


def can_be_folded(mean: float, variance: float) -> bool:
    """Tell whether the deviation is large enough beside the mean that a norm can be folded."""
    return mean**2 <= MOST_OFFSET * variance


def norm_gain(variance: float, eps: float) -> float:
    """Return `1 / s = 1 / sqrt(Var + ε)`."""
    return 1 / math.sqrt(variance + eps)

"""Global layer norm folded into what follows it: `γ (F − m) / s + β` is a gain and a constant of each channel."""

import math

import torch
from torch import Tensor

MOST_OFFSET = 30.0
"""Mean over deviation, squared, above which folding the norm into what follows would lose digits."""


class GlobalStatistics:
    """Mean and deviation over all channels and frames, which come in tiles."""

    def __init__(self) -> None:
        self.count, self.sum, self.sum_of_squares = 0, 0.0, 0.0

    def add(self, frames: Tensor) -> None:
        """Take a tile `(k, C)` along."""
        self.count += frames.numel()
        self.sum += float(frames.sum())
        self.sum_of_squares += float(torch.linalg.vector_norm(frames, dim=1).double().square().sum())

    @property
    def are_offset(self) -> bool:
        """Tell whether the mean outweighs the deviation so far that the norm cannot be folded."""
        mean = self.sum / self.count
        return mean**2 > MOST_OFFSET * (self.sum_of_squares / self.count - mean**2)

    def gain_and_mean(self, eps: float) -> tuple[float, float]:
        """Return `1 / s = 1 / sqrt(Var + ε)`, and `m`."""
        mean = self.sum / self.count
        return 1 / math.sqrt(self.sum_of_squares / self.count - mean**2 + eps), mean

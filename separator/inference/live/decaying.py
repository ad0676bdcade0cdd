"""Sums over the past that forget: the samples of a time constant ago weigh e times less."""

import torch
from torch import Tensor

MOST_SAMPLES = 0.5
"""Share of the time constant that is summed at once: over longer stretches the weights would lose digits."""


class DecayingSums:
    """Several sums `s_n = λ s_(n-1) + x_n`, in float64.

    Args:
        num_sums: Number of sums R.
        constant_samples: Samples in which a value decays to 1/e.
    """

    def __init__(self, num_sums: int, constant_samples: float) -> None:
        self.decay_rate = 1 / constant_samples
        self._stretch = max(1, int(MOST_SAMPLES * constant_samples))
        self._sums = torch.zeros(num_sums, 1, dtype=torch.float64)

    def push(self, values: Tensor) -> Tensor:
        """Take values `(R, t)` along, and return the sums at each of them, `(R, t)` in float64."""
        parts = []
        for part in values.double().split(self._stretch, dim=1):
            ages = self.decay_rate * torch.arange(1, part.shape[1] + 1, dtype=torch.float64)
            sums = ((part * ages.exp()).cumsum(dim=1) + self._sums) * (-ages).exp()
            parts.append(sums)
            if part.shape[1]:
                self._sums = sums[:, -1:].clone()
        return torch.cat(parts, dim=1)

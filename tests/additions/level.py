"""A metric: how much too loud an estimate is."""

from collections.abc import Sequence

import torch
from torch import Tensor


def level_error_db(estimate: Tensor, reference: Tensor, sample_rate: int) -> Sequence[Tensor]:
    """Return the level of each estimate over its reference's in dB, `(S, C, T)` to one tensor `(S)`."""
    energies = [signal.double().square().sum(dim=(1, 2)) for signal in (estimate, reference)]
    return [10 * torch.log10(energies[0] / energies[1])]

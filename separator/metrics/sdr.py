"""Signal-to-distortion ratio of a whole song, as the music demixing challenges rank by it."""

import torch
from torch import Tensor

ENERGY_FLOOR = 1e-7
"""Added to both energies as in the challenge: silence against silence scores 0 dB, a perfect estimate stays finite."""


def sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Compute the signal-to-distortion ratio in dB of all samples: `10 log10((Σ s² + ε) / (Σ (s - ŝ)² + ε))`.

    Nothing is scaled or filtered beforehand, so a wrong level costs. Not BSS Eval's SDR: see `bss_eval`.

    Args:
        estimate: Estimated sources, full scale ±1 (ε is absolute).
        reference: True sources.

    Shape:
        estimate, reference: `(..., C, T)`; result: `(...)`, float64, in dB.

    Raises:
        ValueError: If the two shapes differ.

    Source:
        Mitsufuji et al., "Music Demixing Challenge 2021", 2022, arXiv 2108.13559, eq. 1; ε = 1e-7 as in its code.

    Example:
        >>> reference = torch.ones(2, 2, 44100)  # two stereo stems
        >>> estimate = torch.stack([0.9 * reference[0], 0.5 * reference[1]])
        >>> sdr(estimate, reference).round(decimals=2).tolist()
        [20.0, 6.02]
    """
    if estimate.shape != reference.shape or reference.dim() < 2:
        raise ValueError(
            f"estimate and reference must both be (..., channels, samples): expected {tuple(reference.shape)}, "
            f"found {tuple(estimate.shape)}"
        )
    reference = reference.double()
    target = reference.square().sum(dim=(-2, -1))
    distortion = (reference - estimate).square().sum(dim=(-2, -1))
    return 10 * torch.log10((target + ENERGY_FLOOR) / (distortion + ENERGY_FLOOR))

"""Mel bands: the power of a spectrum summed over triangles that are as wide as the ear's."""

import numpy as np
import torch
from torch import Tensor, nn

from separator.errors import InputError


class MelBands(nn.Module):
    """Power of a short-time spectrum in bands that are evenly spaced on the mel scale, each a mean over its triangle.

    Args:
        num_bands: M, the number of bands.
        num_bins: F, the bins of the spectrum, from 0 Hz to half the sample rate.
        sample_rate: In Hz.
        lowest_hz: Where the first triangle begins.
        highest_hz: Where the last triangle ends.

    Shape:
        `(B, F, K)` power to `(B, M, K)`.

    Raises:
        InputError: If a triangle holds no bin, or the range is not within the spectrum.

    Source:
        2595 · log10(1 + f / 700): O'Shaughnessy, "Speech communication", 1987; triangles: Davis and Mermelstein, IEEE
        Trans. ASSP 28(4), 1980, section III, each divided by its sum here, so that white noise has one level in all.

    Example:
        >>> bands = MelBands(num_bands=40, num_bins=257, sample_rate=16000)
        >>> bands(torch.ones(1, 257, 100)).shape, float(bands(torch.ones(1, 257, 1)).std()) < 1e-6
        (torch.Size([1, 40, 100]), True)
    """

    filters: Tensor
    receptive_field = 1
    """Frames that a frame sees."""

    def __init__(
        self, num_bands: int, num_bins: int, sample_rate: int, lowest_hz: float = 20.0, highest_hz: float | None = None
    ) -> None:
        super().__init__()
        highest_hz = sample_rate / 2 if highest_hz is None else highest_hz
        if not 0 <= lowest_hz < highest_hz <= sample_rate / 2:
            raise InputError(
                f"lowest_hz, highest_hz: expected a range within 0 to {sample_rate / 2:g} Hz, "
                f"found {lowest_hz:g} to {highest_hz:g}"
            )
        low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (lowest_hz, highest_hz))
        corners = 700 * (10 ** (np.linspace(low, high, num_bands + 2) / 2595) - 1)
        bins = np.linspace(0, sample_rate / 2, num_bins)
        rising = (bins - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]  # (M, F)
        falling = (corners[2:, None] - bins) / (corners[2:] - corners[1:-1])[:, None]  # (M, F)
        filters = np.minimum(rising, falling).clip(min=0)
        total = filters.sum(axis=1, keepdims=True)
        if not (total > 0).all():
            raise InputError(
                f"num_bands: expected so few that each holds one of {num_bins} bins of up to {sample_rate / 2:g} Hz, "
                f"found {num_bands}"
            )
        self.register_buffer("filters", torch.from_numpy(filters / total).float(), persistent=False)

    def forward(self, power: Tensor) -> Tensor:
        return self.filters @ power  # (B, M, K)

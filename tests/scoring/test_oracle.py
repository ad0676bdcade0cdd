"""The ideal ratio mask: exact where sources do not overlap, the mixture in sum, and better than any fixed filter."""

import numpy as np
import pytest
import scipy.signal
import torch

from separator.scoring.oracle import ideal_ratio_mask
from tests.stem_folders import RATE, stems


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_tones_far_apart_are_separated_exactly(rate: int) -> None:
    time = torch.arange(rate) / rate
    sources = torch.stack([torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (200, 2000)])
    estimate = ideal_ratio_mask(sources.sum(dim=0), sources, rate, 1.0)
    error = (estimate - sources)[..., rate // 8 : -rate // 8]
    assert 10 * torch.log10(sources.square().mean() / error.square().mean()) > 40


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("seconds", [1.3, 0.01])
def test_it_is_the_formula_and_sums_to_the_mixture(power: float, seconds: float) -> None:
    sources = stems(3, 2, seconds).float()
    estimate = ideal_ratio_mask(sources.sum(dim=0), sources, RATE, power)
    assert estimate.shape == sources.shape and estimate.dtype == torch.float32
    torch.testing.assert_close(estimate.sum(dim=0), sources.sum(dim=0), atol=1e-5, rtol=0)
    if seconds > 1:
        window = 2 * round(2048 / 44100 * RATE / 2)
        options = {"window": "hann", "nperseg": window, "noverlap": window - window // 2}
        spectra = scipy.signal.stft(sources.double().numpy(), **options)[2]
        masks = np.abs(spectra) ** power / (np.abs(spectra) ** power).sum(axis=0)
        expected = scipy.signal.istft(masks * spectra.sum(axis=0), **options)[1][..., : sources.shape[-1]]
        np.testing.assert_allclose(estimate.numpy(), expected, atol=1e-5)


def test_silent_sources_get_silence_and_no_nan() -> None:
    sources = stems(2, 1, 0.5).float()
    sources[1] = 0
    estimate = ideal_ratio_mask(sources.sum(dim=0), sources, RATE, 1.0)
    assert not estimate[1].any()
    torch.testing.assert_close(estimate[0], sources[0], atol=1e-6, rtol=0)
    assert not ideal_ratio_mask(torch.zeros(1, 4000), torch.zeros(2, 1, 4000), RATE, 2.0).any()

"""The live resampler against closed forms and the SoX resampler."""

import math

import numpy as np
import pytest
import soxr
import torch

from separator.audio.live_resampling import LiveResampler, lookahead_samples
from separator.errors import InputError
from tests.bricks.stepping import random_sizes

RATES = [(44100, 16000), (48000, 16000), (16000, 44100), (8000, 16000), (11025, 16000), (16000, 12001)]


def resampled(signal: torch.Tensor, from_rate: int, to_rate: int, sizes: list[int]) -> torch.Tensor:
    resampler = LiveResampler(from_rate, to_rate, len(signal))
    parts = [resampler.push(block) for block in signal.split(sizes, dim=1)]
    return torch.cat([*parts, resampler.push(torch.zeros(len(signal), resampler.lookahead))], dim=1)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_a_tone_comes_out_at_its_time(from_rate: int, to_rate: int) -> None:
    frequency = 0.4 * min(from_rate, to_rate)  # 0.8 of the band
    signal = torch.sin(2 * math.pi * frequency / from_rate * torch.arange(from_rate, dtype=torch.float64)).float()
    found = resampled(signal[None], from_rate, to_rate, random_sizes(from_rate, 0))[0]
    assert len(found) == math.ceil(from_rate * to_rate / from_rate)
    expected = torch.sin(2 * math.pi * frequency / to_rate * torch.arange(to_rate, dtype=torch.float64))
    inside = slice(to_rate // 20, -to_rate // 20)
    torch.testing.assert_close(found[inside].double(), expected[inside], rtol=0, atol=1e-3)


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    signal = torch.sin(2 * math.pi * 8300 / 44100 * torch.arange(44100, dtype=torch.float64)).float()
    assert resampled(signal[None], 44100, 16000, [44100])[0, 800:-800].abs().max() < 2e-4


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_pieces_are_the_whole_and_that_is_near_sox(from_rate: int, to_rate: int) -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((2, from_rate // 4)).astype(np.float32))
    whole = resampled(noise, from_rate, to_rate, [noise.shape[1]])
    pieces = resampled(noise, from_rate, to_rate, random_sizes(noise.shape[1], 1))
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-6)
    sox = torch.from_numpy(soxr.resample(noise.T.numpy(), from_rate, to_rate).T)
    error = (whole[:, : sox.shape[1]] - sox).square().mean() / sox.square().mean()
    assert error < 0.08  # they part in the last eighth of the band


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_an_output_waits_for_its_lookahead_alone(from_rate: int, to_rate: int) -> None:
    resampler, lookahead, outputs = LiveResampler(from_rate, to_rate, 1), lookahead_samples(from_rate, to_rate), 0
    for taken in range(1, 2000):
        outputs += resampler.push(torch.zeros(1, 1)).shape[1]
        assert outputs == max(0, math.ceil((taken - lookahead) * to_rate / from_rate))
    assert resampler._samples.shape[1] < 2 * lookahead + 2 * (1 + from_rate // to_rate)


def test_the_same_rate_passes() -> None:
    block = torch.randn(2, 100)
    assert LiveResampler(16000, 16000, 2).push(block) is block


@pytest.mark.parametrize("rate", [0, 999, 384_001])
def test_a_rate_out_of_range_is_refused(rate: int) -> None:
    with pytest.raises(InputError, match=f"expected 1000 to 384000 Hz, found {rate}"):
        LiveResampler(rate, 16000, 1)

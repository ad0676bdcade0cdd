"""Resampling against scipy and torchaudio: no delay, the right length, blocks the same as the whole."""

import numpy as np
import pytest
import scipy.signal
import torch
import torchaudio

from separator.audio.resampling import StreamResampler, fit_length, resample, resampled_length

RATES = [(44100, 16000), (48000, 16000), (16000, 48000), (16000, 44100), (8000, 16000), (22050, 16000), (16000, 8000)]


def band_limited(num_samples: int, rate: int, highest_hz: float) -> torch.Tensor:
    """Noise without anything near half of either rate, fading in and out."""
    low_pass = scipy.signal.butter(12, highest_hz, fs=rate, output="sos")
    noise = scipy.signal.sosfiltfilt(low_pass, np.random.default_rng(0).standard_normal(num_samples))
    return torch.from_numpy((noise * scipy.signal.windows.tukey(num_samples, 0.2)).astype(np.float32)).unsqueeze(0)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_agrees_with_torchaudio_without_delay(from_rate: int, to_rate: int) -> None:
    signal = band_limited(from_rate, from_rate, 0.3 * min(from_rate, to_rate))
    expected = torchaudio.functional.resample(signal, from_rate, to_rate, lowpass_filter_width=64)
    resampled = resample(signal, from_rate, to_rate)
    assert resampled.shape == expected.shape
    torch.testing.assert_close(resampled, expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("from_rate", "to_rate"), [*RATES, (16000, 16000)])
@pytest.mark.parametrize("num_samples", [1, 2, 100, 30001])
def test_a_stream_of_blocks_equals_the_whole(from_rate: int, to_rate: int, num_samples: int) -> None:
    signal = torch.randn(3, num_samples)
    stream = StreamResampler(from_rate, to_rate, 3)
    starts = range(0, num_samples, 7001)
    blocks = [stream.push(signal[:, start : start + 7001], last=start == starts[-1]) for start in starts]
    whole = resample(signal, from_rate, to_rate)
    assert whole.shape[1] == resampled_length(num_samples, from_rate, to_rate)
    torch.testing.assert_close(torch.cat(blocks, dim=1), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_there_and_back_restores_length_and_signal(rate: int) -> None:
    signal = band_limited(rate, rate, 3000)
    back = fit_length(resample(resample(signal, rate, 16000), 16000, rate), rate)
    torch.testing.assert_close(back, signal, atol=2e-3, rtol=0)


def test_fit_length_cuts_and_fills() -> None:
    assert fit_length(torch.ones(2, 5), 3).shape == (2, 3)
    assert fit_length(torch.ones(2, 5), 7)[0].tolist() == [1, 1, 1, 1, 1, 0, 0]

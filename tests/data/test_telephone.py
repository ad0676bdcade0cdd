"""The telephone line: its band, its µ-law as libsndfile has it, and that the rest is linear."""

import io

import numpy as np
import pytest
import soundfile

from separator.data.telephone import mu_law, telephone


def tone(hertz: float, sample_rate: int = 16_000, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(sample_rate) / sample_rate)).astype(np.float32)


def test_mu_law_is_that_of_libsndfile() -> None:
    above = np.arange(1, 32_767, 4) / 32768  # libsndfile rounds to 14 bits first: these stay between the same two steps
    signal = np.concatenate([above, -above])
    file = io.BytesIO()
    soundfile.write(file, signal, 8000, format="WAV", subtype="ULAW")
    file.seek(0)
    np.testing.assert_allclose(mu_law(signal), soundfile.read(file)[0], atol=1e-9)


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 44_100])
def test_the_band_passes_and_the_rest_does_not(sample_rate: int) -> None:
    middle = slice(sample_rate // 4, -sample_rate // 4)
    for hertz, gain in ((100, 0), (500, 1), (1000, 1), (3000, 1), (3800, 0)):
        signal = tone(hertz, sample_rate)
        limited, error = telephone(signal[None], sample_rate)
        assert limited.shape == (1, sample_rate) and error.shape == (sample_rate,)
        np.testing.assert_allclose(limited[0, middle], gain * signal[middle], atol=0.002)  # 0.1 at most


def test_what_comes_out_is_the_sum_of_shares_and_error() -> None:
    random = np.random.default_rng(0)
    talkers = (0.05 * random.standard_normal((2, 16_000))).astype(np.float32)
    limited, error = telephone(talkers, 16_000)
    alone, _ = telephone(talkers.sum(axis=0, keepdims=True), 16_000)
    np.testing.assert_allclose(limited.sum(axis=0), alone[0], atol=1e-6)
    ratio = 10 * np.log10(np.mean(limited.sum(axis=0) ** 2) / np.mean(error**2))
    assert 35 < ratio < 40  # what eight bits of µ-law leave of speech and noise


def test_short_signals_silence_and_low_rates() -> None:
    limited, error = telephone(np.zeros((2, 7), dtype=np.float32), 16_000)
    assert limited.shape == (2, 7) and not limited.any() and not error.any()
    with pytest.raises(ValueError, match="at least 8000 Hz, found 4000"):
        telephone(np.zeros((1, 7), dtype=np.float32), 4000)

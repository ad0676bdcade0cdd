"""Pitch of tones whose fundamental is known, of noise, and of silence."""

import numpy as np
import pytest

from separator.audio.pitch import median_pitch, pitch_distance, pitch_track

RATE = 16000


def voice(hertz: float, seconds: float = 1.0, sample_rate: int = RATE) -> np.ndarray:
    """Twelve harmonics that fall by 6 dB an octave."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return 0.1 * sum(np.sin(2 * np.pi * hertz * number * time) / number for number in range(1, 13))


@pytest.mark.parametrize("hertz", [75.0, 110.0, 183.3, 250.0, 380.0])
@pytest.mark.parametrize("level", [1e-3, 1.0])
def test_the_fundamental_is_found(hertz: float, level: float) -> None:
    assert median_pitch(level * voice(hertz), RATE) == pytest.approx(hertz, rel=0.005)


def test_a_missing_fundamental_is_found_as_on_the_telephone() -> None:
    spectrum = np.fft.rfft(voice(120.0))
    spectrum[: round(300 * len(spectrum) / (RATE / 2))] = 0
    assert median_pitch(np.fft.irfft(spectrum), RATE) == pytest.approx(120.0, rel=0.01)


def test_a_glide_is_followed() -> None:
    time = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * (100 * time + 25 * time**2)  # 100 Hz, rising by 50 Hz a second
    track = pitch_track(sum(np.sin(number * phase) / number for number in range(1, 9)), RATE)
    expected = 100 + 50 * (0.025 + 0.02 * np.arange(len(track)))
    assert np.nanmax(np.abs(track - expected)) < 3 and np.isfinite(track).mean() > 0.95


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert np.isfinite(pitch_track(noise, RATE)).mean() < 0.1
    for silence in (np.zeros(RATE), np.zeros(10), np.zeros(0)):
        assert median_pitch(silence, RATE) is None


def test_pauses_do_not_count() -> None:
    both = np.concatenate([voice(150.0), 1e-3 * voice(300.0, seconds=3.0)])
    assert median_pitch(both, RATE) == pytest.approx(150.0, rel=0.005)


def test_an_octave_is_one() -> None:
    assert pitch_distance(100.0, 200.0) == pytest.approx(1.0)
    assert pitch_distance(200.0, 100.0) == pytest.approx(1.0)

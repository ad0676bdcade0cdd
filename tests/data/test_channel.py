"""Equalisers, band limits, codecs and clipping: what passes, what does not, and where what is added goes."""

import numpy as np
import pytest

from separator.audio.mixing import root_mean_square
from separator.data.channel import Channel, ChannelConfig, filter_by_gains, through_opus

RATE = 16000
OFF = {"equalise": 0.0, "band_limit": 0.0, "telephone": 0.0, "codec": 0.0, "clip": 0.0}


def tone(hertz: float, level: float = 0.1) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE)).astype(np.float32)


def pass_mixture(signals: np.ndarray, seed: int = 0, **chosen: float) -> np.ndarray:
    channel = Channel(ChannelConfig(**(OFF | chosen)), RATE)
    return channel.pass_mixture(signals, np.random.default_rng(seed))


@pytest.mark.parametrize(("hertz", "gain_db"), [(100.0, 0.0), (1000.0, -6.0), (2000.0, -9.0), (4000.0, -12.0)])
def test_a_filter_has_the_gains_asked_for_and_no_delay(hertz: float, gain_db: float) -> None:
    signal = tone(hertz)
    filtered = filter_by_gains(signal, np.array([1000.0, 4000.0]), np.array([-6.0, -12.0]), RATE)
    if hertz < 1000:
        gain_db = -6.0  # the curve goes on level beyond its ends
    np.testing.assert_allclose(filtered, signal * 10 ** (gain_db / 20), atol=1e-4)


def test_without_anything_chosen_nothing_changes() -> None:
    signals = np.stack([tone(200.0), tone(300.0), 0 * tone(1.0)])
    channel = Channel(ChannelConfig(**OFF), RATE)
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(channel.pass_mixture(channel.pass_talkers(signals, random), random), signals)


def test_a_cheap_microphone_takes_both_ends_off_every_signal_alike() -> None:
    signals = np.stack([tone(20.0), tone(1000.0), tone(7900.0)])
    for seed in range(5):
        low, middle, high = pass_mixture(signals, seed, band_limit=1.0)
        assert root_mean_square(low) < 0.1 * root_mean_square(signals[0])
        np.testing.assert_allclose(middle, signals[1], atol=1e-4)
        assert root_mean_square(high) < root_mean_square(signals[2])


def test_what_clipping_adds_is_no_talkers() -> None:
    signals = np.random.default_rng(0).standard_normal((3, 2 * RATE)).astype(np.float32) * 0.1
    for seed in range(5):
        clipped = pass_mixture(signals, seed, clip=1.0)
        np.testing.assert_array_equal(clipped[:2], signals[:2])
        before, after = signals.sum(axis=0), clipped.sum(axis=0)
        assert np.abs(after).max() < np.abs(before).max()
        share = np.mean(np.abs(before - after) > 1e-6)
        assert 0 < share < 0.021
        inside = np.abs(before) < np.abs(after).max() - 1e-6
        np.testing.assert_allclose(after[inside], before[inside], atol=1e-6)


def test_what_a_telephone_adds_is_no_talkers() -> None:
    signals = np.stack([tone(1000.0, 0.2), tone(1700.0, 0.1), 0 * tone(1.0)])
    heard = pass_mixture(signals, telephone=1.0)
    middle = slice(2000, -2000)
    np.testing.assert_allclose(heard[:2, middle], signals[:2, middle], atol=2e-3)
    assert 1e-5 < root_mean_square(heard[2]) < 0.05 * root_mean_square(signals.sum(axis=0))


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_opus_keeps_length_place_and_loudness(level: float) -> None:
    time = np.arange(RATE) / RATE
    harmonics = sum(np.sin(2 * np.pi * 130 * number * time + number**2) / number for number in range(1, 20))
    loudness = np.repeat(np.random.default_rng(0).uniform(0, 0.1, 20), RATE // 20)
    speech = (harmonics * loudness).astype(np.float32)
    coded = through_opus(speech, RATE, level)
    assert coded.shape == speech.shape and coded.dtype == np.float32
    correlation = np.fft.irfft(np.fft.rfft(coded, 2 * RATE) * np.conj(np.fft.rfft(speech, 2 * RATE)))
    assert abs(int(correlation.argmax())) <= 2
    assert root_mean_square(coded) == pytest.approx(root_mean_square(speech), rel=0.2)
    np.testing.assert_array_equal(through_opus(speech, 11025, level), speech)


def test_talkers_get_curves_of_their_own() -> None:
    talks = np.stack([tone(1000.0), tone(1000.0)])
    channel = Channel(ChannelConfig(**(OFF | {"equalise": 1.0})), RATE)
    differences = []
    for seed in range(8):
        heard = channel.pass_talkers(talks, np.random.default_rng(seed))
        gains = [20 * np.log10(root_mean_square(each) / root_mean_square(talks[0])) for each in heard]
        assert all(abs(gain) <= 8.01 for gain in gains)
        differences.append(abs(gains[0] - gains[1]))
    assert np.median(differences) > 1

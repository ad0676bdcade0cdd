"""Levels: bringing signals to a level and keeping their sum within full scale."""

import numpy as np

SILENCE_RMS = 1e-4
"""Below this root-mean-square (-80 dB of full scale) a signal counts as silent and is not amplified."""

NOISE_RMS = 0.05
"""Level of noise where nobody talks, -26 dB of full scale as a talker's."""


def decibels_to_gain(decibels: float) -> float:
    """Return the amplitude factor of a level change in dB."""
    return float(10 ** (decibels / 20))


def root_mean_square(signal: np.ndarray) -> float:
    """Return the root-mean-square amplitude of a signal of any shape; 0 for an empty one."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64)))) if signal.size else 0.0


def at_level(signal: np.ndarray, level_db: float) -> np.ndarray:
    """Scale a signal to an RMS level in dB of full scale (1.0); a silent signal is returned as it is."""
    rms = root_mean_square(signal)
    return signal * np.float32(decibels_to_gain(level_db) / rms) if rms > SILENCE_RMS else signal


def at_ratio(noise: np.ndarray, talker_rms: float, snr_db: float) -> np.ndarray:
    """Scale noise to `snr_db` below a talker of RMS `talker_rms`; where nobody talks, below a talker's own level."""
    beside = talker_rms if talker_rms > SILENCE_RMS else NOISE_RMS
    gain = beside / max(root_mean_square(noise), SILENCE_RMS) * 10 ** (-snr_db / 20)
    return noise * np.float32(gain)


def within_full_scale(sources: np.ndarray, peak: float = 0.95) -> np.ndarray:
    """Scale sources together by one factor so that neither they nor their sum pass `peak`.

    Shape:
        sources: `(S, T)`; result: `(S, T)`, the same array where nothing had to change.
    """
    highest = max(float(np.abs(sources).max(initial=0)), float(np.abs(sources.sum(axis=0)).max(initial=0)))
    return sources * np.float32(peak / highest) if highest > peak else sources

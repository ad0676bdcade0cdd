"""Pitch of a voice: its fundamental frequency, frame by frame, and the median that tells voices apart."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 60.0, 400.0
"""Voices of men, women and children lie between."""

PITCH_FRAME_SECONDS, HOP_SECONDS = 0.05, 0.02
"""Three periods of the lowest voice, fifty frames a second."""

LEAST_PERIODICITY = 0.5
"""A frame whose autocorrelation has no peak as high as this is unvoiced."""

AUDIBLE_DB = -30.0
"""Frames this far below the loudest are left out."""

OCTAVE_COST = 0.02
"""Taken off a candidate's peak for each octave below the highest: of equal peaks the shortest period is the pitch."""


def pitch_track(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Estimate the fundamental frequency of each frame by its autocorrelation, divided by the window's own.

    Args:
        waveform: One voice.
        sample_rate: In Hz.

    Shape:
        `(T,)` to `(K,)` in Hz; NaN where a frame is silent or unvoiced.

    Source:
        Boersma, "Accurate short-term analysis of the fundamental frequency", IFA Proceedings 17, 1993, sections 2-3,
        without its search for the best path.
    """
    length, hop = round(PITCH_FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    samples = np.asarray(waveform, dtype=np.float32)
    if len(samples) < length:
        return np.full(0, np.nan, dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = np.square(frames).sum(axis=1)
    heard = energy > max(float(energy.max()) * 10 ** (AUDIBLE_DB / 10), 1e-12)
    track = np.full(len(frames), np.nan, dtype=np.float32)
    if not heard.any():
        return track
    window = np.hanning(length + 2)[1:-1].astype(np.float32)
    lags = np.arange(int(sample_rate / HIGHEST_PITCH_HZ), int(np.ceil(sample_rate / LOWEST_PITCH_HZ)) + 1)
    correlation = _autocorrelation(frames[heard] * window)[:, : lags[-1] + 2]
    correlation = correlation / _autocorrelation(window[None])[:, : lags[-1] + 2]
    correlation = correlation / np.maximum(correlation[:, :1], 1e-20)
    before, here, after = (correlation[:, lags + shift] for shift in (-1, 0, 1))
    is_peak = (here >= before) & (here >= after) & (here >= LEAST_PERIODICITY)
    strength = np.where(is_peak, here - OCTAVE_COST * np.log2(lags / lags[0]), -np.inf)
    best = strength.argmax(axis=1)
    row = np.arange(len(best))
    low, peak, high = before[row, best], here[row, best], after[row, best]
    bend = low - 2 * peak + high
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (low - high) / np.where(np.abs(bend) > 1e-9, bend, 1), 0)
    found = sample_rate / (lags[best] + np.clip(shift, -0.5, 0.5))
    track[heard] = np.where(np.isfinite(strength[row, best]), found, np.nan)
    return track


def median_pitch(waveform: np.ndarray, sample_rate: int) -> float | None:
    """Return the median fundamental frequency in Hz of a voice `(T,)`; None if no frame is voiced."""
    track = pitch_track(waveform, sample_rate)
    voiced = track[np.isfinite(track)]
    return float(np.median(voiced)) if len(voiced) else None


def pitch_distance(first_hz: float, second_hz: float) -> float:
    """Return how far two pitches lie apart, in octaves."""
    return float(abs(np.log2(first_hz / second_hz)))


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of each frame, `(K, N)` to `(K, N)`: lags from 0 up."""
    length = frames.shape[1]
    spectrum = rfft(frames, next_fast_len(2 * length, real=True), axis=1)
    result: np.ndarray = irfft(np.square(np.abs(spectrum)), axis=1)[:, :length]
    return result

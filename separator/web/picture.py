"""The picture of a track: its waveform and spectrogram on one time axis, in columns that a browser draws."""

import base64
from pathlib import Path
from typing import Any

import numpy as np

from separator.audio.reading import AudioReader

MOST_COLUMNS = 1200

LEAST_COLUMN_SAMPLES = 32

BANDS = 80
"""Bands of the spectrogram, as wide as each other on the mel scale."""

WINDOW_SECONDS = 0.032

MOST_SPECTRA = 16
"""Spectra that a column is the mean of; those of a long recording lie further apart."""

LOWEST_DB = -127.5


def measure_picture(path: Path) -> dict[str, Any]:
    """Return the picture of a file as plain values, in one pass whose memory does not grow with the file.

    Returns:
        `seconds`; `low` and `high`, the extremes of all channels in each column; `levels`, the level in dB of full
        scale of each band, the lowest first, in each column, as a byte of half decibels below 0, in base64;
        `frequencies`, the edges of the bands in Hz.

    Raises:
        InputError: If it cannot be read.
    """
    with AudioReader(path) as reader:
        span = max(-(-reader.num_samples // MOST_COLUMNS), LEAST_COLUMN_SAMPLES)
        spectra = _Spectra(reader.sample_rate, span)
        extremes, num_samples = [], 0
        for block in reader.blocks(span):
            samples = block.numpy()
            extremes.append((round(float(samples.min()), 5), round(float(samples.max()), 5)))
            spectra.push(samples.mean(axis=0))
            num_samples += samples.shape[1]
        levels = spectra.finish(len(extremes))
        return {
            "seconds": num_samples / reader.sample_rate,
            "low": [low for low, _ in extremes],
            "high": [high for _, high in extremes],
            "levels": base64.b64encode(levels.tobytes()).decode(),
            "frequencies": [round(float(each), 1) for each in spectra.edges_hz],
        }


class _Spectra:
    """Levels of the bands in columns of `span` samples, each around the samples of the column."""

    def __init__(self, sample_rate: int, span: int) -> None:
        self.span = span
        self.size = max(16, round(WINDOW_SECONDS * sample_rate))
        self.window = np.hanning(self.size).astype(np.float32)
        highest_mel = 2595 * np.log10(1 + sample_rate / 2 / 700)
        self.edges_hz = 700 * (10 ** (np.linspace(0, highest_mel, BANDS + 1) / 2595) - 1)
        bins = (self.edges_hz[:-1] * self.size / sample_rate).astype(int)
        self.first_bins = np.minimum(bins, self.size // 2)
        step = max(self.size // 2, -(-span // MOST_SPECTRA))
        self.taken = np.arange(0, span, step)[:, None] + np.arange(self.size)
        self.waiting = np.zeros(self.size // 2, np.float32)  # from half a window before the next column on
        self.columns: list[np.ndarray] = []

    def push(self, samples: np.ndarray) -> None:
        self.waiting = np.concatenate([self.waiting, samples])
        while len(self.waiting) >= self.span + self.size:
            power = np.square(np.abs(np.fft.rfft(self.waiting[self.taken] * self.window))).mean(axis=0)
            loudest = np.maximum.reduceat(power, self.first_bins) * (2 / self.window.sum()) ** 2
            level_db = 10 * np.log10(np.maximum(loudest, 1e-20))
            self.columns.append(np.round(-2 * np.clip(level_db, LOWEST_DB, 0)).astype(np.uint8))
            self.waiting = self.waiting[self.span :]

    def finish(self, num_columns: int) -> np.ndarray:
        """Return the levels `(num_columns, BANDS)`."""
        while len(self.columns) < num_columns:
            self.push(np.zeros(self.span + self.size, np.float32))
        return np.stack(self.columns[:num_columns])

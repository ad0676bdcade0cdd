"""Effects of microphones and lines on training mixtures: equalisers, band limits, telephones, codecs, clipping."""

import io
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import soundfile
from pydantic import Field
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from separator.data.telephone import telephone
from separator.section import Share, section

EQUALISER_HZ = (60.0, 150.0, 400.0, 1000.0, 2500.0, 6000.0)
"""Where an equaliser's gains are drawn; between them they are joined by lines over the logarithm of frequency."""

HIGH_PASS_HZ, LOW_PASS_HZ = (40.0, 400.0), (2500.0, 7500.0)
"""Ranges of the edges of a cheap microphone's band."""

SLOPE_DB = 24.0
"""Fall of a cheap microphone beyond its edges, in dB an octave."""

CLIPPED_SHARE = (1e-4, 2e-2)
"""Range of the share of samples that clipping reaches."""

OPUS_LEVEL = (0.9, 0.99)
"""Range of libsndfile's compression level: about 34 to 12 kbit/s for one channel at 16 kHz."""


@section()
class ChannelConfig:
    """Effects of microphones and lines on training mixtures: the share of mixtures that has each, from 0 to 1.

    Args:
        equalise: Each talker through a smooth curve of gains of its own.
        band_limit: All through one low-pass and high-pass: a cheap microphone.
        telephone: All through 300 to 3,400 Hz, 8 kHz and µ-law (ITU-T G.711).
        codec: Each talker through Opus at about 12 to 34 kbit/s.
        clip: The loudest samples are cut off.
        gain_db: Range of the equaliser's gains: plus or minus so much.
    """

    equalise: Share = 0.0
    band_limit: Share = 0.0
    telephone: Share = 0.0
    codec: Share = 0.0
    clip: Share = 0.0
    gain_db: Annotated[float, Field(ge=0, le=60)] = 8.0


@dataclass(frozen=True)
class Channel:
    """The way of a mixture from its talkers to a file.

    Attributes:
        config: How often each thing happens.
        sample_rate: In Hz.
    """

    config: ChannelConfig
    sample_rate: int

    def pass_talkers(self, talks: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Change each talker by itself, before all are heard together: `(S, T)` to `(S, T)`."""
        if random.random() < self.config.equalise:
            gains = random.uniform(-self.config.gain_db, self.config.gain_db, (len(talks), len(EQUALISER_HZ)))
            pairs, hertz = zip(talks, gains, strict=True), np.array(EQUALISER_HZ)
            talks = np.stack([filter_by_gains(talk, hertz, each, self.sample_rate) for talk, each in pairs])
        if random.random() < self.config.codec:
            level = float(random.uniform(*OPUS_LEVEL))
            talks = np.stack([through_opus(talk, self.sample_rate, level) for talk in talks])
        return talks

    def pass_mixture(self, signals: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Change the signals that make up a mixture, the last of which is whatever is no talker's.

        What a line does to all of them alike is done to each; what it adds to their sum is added to the last.

        Shape:
            `(S + 1, T)` to `(S + 1, T)`.
        """
        if random.random() < self.config.band_limit:
            signals = self._limit_band(signals, random)
        if random.random() < self.config.telephone:
            signals, error = telephone(signals, self.sample_rate)
            signals = np.concatenate([signals[:-1], signals[-1:] + error])
        if random.random() < self.config.clip:
            mixture = signals.sum(axis=0)
            low, high = np.log(CLIPPED_SHARE)
            limit = float(np.quantile(np.abs(mixture), 1 - np.exp(random.uniform(low, high))))
            signals = np.concatenate([signals[:-1], signals[-1:] + np.clip(mixture, -limit, limit) - mixture])
        return signals.astype(np.float32, copy=False)

    def _limit_band(self, signals: np.ndarray, random: np.random.Generator) -> np.ndarray:
        lowest = float(np.exp(random.uniform(*np.log(HIGH_PASS_HZ))))
        highest = float(np.exp(random.uniform(*np.log(LOW_PASS_HZ))))
        octaves = np.array([-4.0, 0.0, 0.0, 4.0])
        edges = np.array([lowest, lowest, highest, highest]) * 2**octaves
        return filter_by_gains(signals, edges, -SLOPE_DB * np.abs(octaves), self.sample_rate)


def high_pass(signals: np.ndarray, lowest_hz: float, sample_rate: int) -> np.ndarray:
    """Take away what lies below a frequency, without delay, by 48 dB an octave.

    Shape:
        `(..., T)` to `(..., T)` float32.
    """
    octaves = np.array([-4.0, 0.0])
    return filter_by_gains(signals, lowest_hz * 2**octaves, 48.0 * octaves, sample_rate)


def filter_by_gains(signals: np.ndarray, hertz: np.ndarray, gains_db: np.ndarray, sample_rate: int) -> np.ndarray:
    """Filter without delay by gains in dB at some frequencies, joined by lines over the logarithm of frequency.

    Shape:
        `(..., T)` to `(..., T)` float32.
    """
    num_samples = signals.shape[-1]
    size = next_fast_len(num_samples, real=True)
    frequencies = np.maximum(rfftfreq(size, 1 / sample_rate), 1.0)
    curve = 10 ** (np.interp(np.log(frequencies), np.log(hertz), gains_db) / 20)
    filtered = irfft(rfft(signals, size, axis=-1) * curve.astype(np.float32), size, axis=-1)[..., :num_samples]
    return filtered.astype(np.float32, copy=False)


def through_opus(signal: np.ndarray, sample_rate: int, compression_level: float) -> np.ndarray:
    """Encode and decode a signal with Opus, without delay: `(T,)` to `(T,)` float32.

    Args:
        signal: Within full scale.
        sample_rate: One of Opus' own rates: 8, 12, 16, 24 or 48 kHz; signals of other rates are returned as they are.
        compression_level: libsndfile's, from 0 to 1.
    """
    if sample_rate not in (8000, 12000, 16000, 24000, 48000):
        return signal
    file = io.BytesIO()
    soundfile.write(file, signal, sample_rate, format="OGG", subtype="OPUS", compression_level=compression_level)
    file.seek(0)
    decoded: np.ndarray = soundfile.read(file, dtype="float32")[0]
    return np.pad(decoded, (0, max(0, len(signal) - len(decoded))))[: len(signal)]

"""Small talkers for tests: buzzes with a pitch and formants of their own, written as a tree of speakers."""

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import lfilter


def buzz(pitch_hz: float, formant_hz: float, seconds: float, sample_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """A pulse train through one resonance, in syllables: `(T,)` float32 within ±0.5."""
    random = np.random.default_rng(seed)
    num_samples = round(seconds * sample_rate)
    phase = np.cumsum(pitch_hz * (1 + 0.05 * np.sin(np.arange(num_samples) / sample_rate * 7)) / sample_rate)
    pulses = (np.diff(np.floor(phase), prepend=0) > 0).astype(np.float64) + 0.01 * random.standard_normal(num_samples)
    radius, angle = 0.97, 2 * np.pi * formant_hz / sample_rate
    voiced = lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], pulses)
    syllables = np.repeat(random.uniform(0.05, 1, num_samples // 2000 + 1), 2000)[:num_samples]
    talk = voiced * syllables
    return (0.5 * talk / np.abs(talk).max()).astype(np.float32)


def write_speakers(folder: Path, num_speakers: int = 4, num_files: int = 2, seconds: float = 2.0) -> Path:
    """Write `folder/SPEAKER/FILE.flac` at 16 kHz and return `folder`."""
    for speaker in range(num_speakers):
        (folder / f"speaker{speaker}").mkdir(parents=True)
        for file in range(num_files):
            talk = buzz(90 + 45 * speaker, 500 + 400 * speaker, seconds + 0.1 * file, seed=speaker * 10 + file)
            soundfile.write(folder / f"speaker{speaker}" / f"talk{file}.flac", talk, 16000)
    return folder

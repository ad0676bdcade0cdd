"""Small trees of audio in the layouts of the known data sets."""

from pathlib import Path

import numpy as np
import soundfile


def write(path: Path, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Write a 16-bit file of `(T,)` or `(T, C)` and return what reading it gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = np.round(samples * 32768) / 32768
    soundfile.write(path, rounded, sample_rate, subtype="PCM_16")
    return rounded


def signal(seed: int, num_samples: int, channels: int = 0) -> np.ndarray:
    """Noise of low level, its first samples silent."""
    shape = (num_samples, channels) if channels else (num_samples,)
    return 0.05 * np.random.default_rng(seed).standard_normal(shape)


def write_mixtures(
    folder: Path, number: int, sample_rate: int, num_speakers: int = 2, noisy: bool = True, clean: str = "mix_clean"
) -> None:
    """A split as LibriMix and WHAM! have it: mixtures of different lengths, their talkers and noise."""
    for index in range(number):
        length = sample_rate + 1000 * index
        name = f"{index:03d}-a_{index:03d}-b.wav"
        talkers = [
            write(folder / f"s{talker + 1}" / name, signal(10 * index + talker, length), sample_rate)
            for talker in range(num_speakers)
        ]
        write(folder / clean / name, sum(talkers), sample_rate)  # type: ignore[arg-type]
        if noisy:
            noise = write(folder / "noise" / name, signal(1000 + index, length), sample_rate)
            write(folder / "mix_both" / name, sum(talkers) + noise, sample_rate)
            write(folder / "mix_single" / name, talkers[0] + noise, sample_rate)


def write_song(
    folder: Path, stems: dict[str, int], sample_rate: int, seconds: float = 2.0, mixture: bool = True
) -> None:
    """A song in stereo stems, each of noise with a seed, and the mixture, their sum."""
    length = round(seconds * sample_rate)
    written = [write(folder / f"{name}.wav", signal(seed, length, 2), sample_rate) for name, seed in stems.items()]
    if mixture:
        write(folder / "mixture.wav", sum(written), sample_rate)  # type: ignore[arg-type]

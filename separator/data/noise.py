"""Noise for mixtures: recordings, cut at random."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from separator.audio.mixing import SILENCE_RMS, root_mean_square
from separator.audio.reading import find_audio
from separator.data.config import NoiseConfig
from separator.data.recordings import Recording, load_recordings
from separator.errors import InputError

CROP_ATTEMPTS = 5

NOISE_RMS = 0.05
"""Level of noise where nobody talks, -26 dB of full scale as a talker's."""


@dataclass(frozen=True)
class Noises:
    """Recordings of noise, how often they are heard, and how loud beside the talkers.

    Attributes:
        folders: The recordings of each folder.
        snr_db: Range of the ratio of the loudest talker to the noise.
        probability: Share of mixtures with noise.
    """

    folders: tuple[tuple[Recording, ...], ...]
    snr_db: tuple[float, float]
    probability: float = 1.0

    def draw(self, num_samples: int, talker_rms: float, random: np.random.Generator) -> np.ndarray:
        """Cut noise at a random ratio to a talker of RMS `talker_rms`; where nobody talks, at a talker's own level.

        Shape:
            `(num_samples,)` float32; a short recording is repeated; zeros where no noise was drawn.
        """
        if self.probability < 1 and random.random() >= self.probability:
            return np.zeros(num_samples, dtype=np.float32)
        for _ in range(CROP_ATTEMPTS):
            recordings = self.folders[int(random.integers(len(self.folders)))]
            recording = recordings[int(random.integers(len(recordings)))]
            if recording.num_samples > num_samples:
                start = int(random.integers(recording.num_samples - num_samples + 1))
                noise = recording.read(start, num_samples)
            else:
                noise = np.resize(recording.read(0, recording.num_samples), num_samples)
            rms = root_mean_square(noise)
            if rms > SILENCE_RMS:
                break
        snr_db = float(random.uniform(*self.snr_db))
        beside = talker_rms if talker_rms > SILENCE_RMS else NOISE_RMS
        gain = beside / max(rms, SILENCE_RMS) * 10 ** (-snr_db / 20)
        return noise * np.float32(gain)


def load_noise(root: Path, config: NoiseConfig, sample_rate: int) -> Noises:
    """Open the recordings of one folder or several.

    Raises:
        InputError: If a folder is missing, nothing in it is taken, or a recording is unreadable.
    """
    folders = []
    for path in config.paths:
        files = find_noise(root, path, config)
        folders.append(load_recordings(files, sample_rate))
    return Noises(tuple(folders), config.snr_db, config.probability)


def find_noise(root: Path, path: str, config: NoiseConfig) -> list[Path]:
    """List the recordings of one folder that the config takes.

    Raises:
        InputError: If the folder is missing, or none is taken.
    """
    folder = root / path
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of noise (data.noise.path), found nothing")
    files = [
        file
        for file in find_audio(folder)
        if (not config.only or _matches(file, root, config.only)) and not _matches(file, root, config.exclude)
    ]
    if not files:
        raise InputError(f"{folder}: expected noise that data.noise.only and exclude leave, found none")
    return files


def _matches(file: Path, root: Path, patterns: tuple[str, ...]) -> bool:
    name = file.relative_to(root).as_posix()
    return any(fnmatchcase(name, pattern) for pattern in patterns)

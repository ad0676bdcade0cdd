"""Noise for mixtures, beside the talkers or the last of the sources: recordings, cut at random."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soxr

from separator.audio.finding import find_audio
from separator.audio.mixing import SILENCE_RMS, at_ratio, root_mean_square
from separator.data.channel import EQUALISER_HZ, filter_by_gains
from separator.data.made_noise import NOISE_GAIN_DB, made_noise
from separator.data.recordings import Recording, load_recordings
from separator.data.segments import CROP_ATTEMPTS
from separator.errors import InputError
from separator.section import Share, section, within

MADE, SECOND = 0.35, 0.3
"""Shares of varied noise that are made of no recording, and of two of them."""


@section()
class NoiseConfig:
    """Noise in the mixture: beside the sources, or the last of them.

    Args:
        path: Folder of recordings below the data root, or several: one is drawn, then one of its recordings.
        snr_db: Range of the ratio of the loudest talker's level to the noise's, in dB.
        probability: Share of mixtures with noise.
        exclude: Patterns of file names, relative to the data root, that are left out: noise to score on.
        only: Patterns of the file names that are taken; empty takes all.
        variety: Share of noises that are changed, to be of more kinds than there are recordings: another speed, other
            gains over frequency, a second recording beside, or made noise: Gaussian, or an engine's harmonics in it.
        is_source: Whether the last of the recipe's `sources` is the noise: whatever of the mixture is no talker's, late
            reverberation and distortion too.
    """

    path: str | tuple[str, ...]
    snr_db: Annotated[tuple[float, float], within(-100, 100)] = (0.0, 20.0)
    probability: Share = 1.0
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    variety: Share = 0.0
    is_source: bool = False

    def __post_init__(self) -> None:
        if not self.paths:
            raise InputError("path: expected a folder or several, found none")

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the folders, one or several."""
        return (self.path,) if isinstance(self.path, str) else self.path


@dataclass(frozen=True)
class Noises:
    """Recordings of noise, how often they are heard, and how loud beside the talkers.

    Attributes:
        folders: The recordings of each folder.
        snr_db: Range of the ratio of the loudest talker to the noise.
        probability: Share of mixtures with noise.
        variety: Share of noises that are changed, to be of more kinds.
    """

    folders: tuple[tuple[Recording, ...], ...]
    snr_db: tuple[float, float]
    probability: float = 1.0
    variety: float = 0.0

    def draw(self, num_samples: int, talker_rms: float, random: np.random.Generator) -> np.ndarray:
        """Cut noise at a random ratio to a talker of RMS `talker_rms`; where nobody talks, at a talker's own level.

        Shape:
            `(num_samples,)` float32; a short recording is repeated; zeros where no noise was drawn.
        """
        if (drawn := self.draw_part(num_samples, random)) is None:
            return np.zeros(num_samples, dtype=np.float32)
        recording, start, snr_db = drawn
        if self.variety and random.random() < self.variety:
            noise = self._draw_varied(recording, num_samples, random)
        else:
            noise = read_noise(recording, start, num_samples)
        return at_ratio(noise, talker_rms, snr_db)

    def _draw_varied(self, recording: Recording, num_samples: int, random: np.random.Generator) -> np.ndarray:
        """Make noise of one recording or of another with it, or of none: `(num_samples,)` float32."""
        if random.random() < MADE:
            return made_noise(num_samples, recording.sample_rate, random)
        noise = self._draw_sped(recording, num_samples, random)
        if random.random() < SECOND:
            folder = self.folders[int(random.integers(len(self.folders)))]
            other = self._draw_sped(folder[int(random.integers(len(folder)))], num_samples, random)
            noise = noise + at_ratio(other, root_mean_square(noise), float(random.uniform(-10, 10)))
        gains = random.uniform(-NOISE_GAIN_DB, NOISE_GAIN_DB, len(EQUALISER_HZ))
        return filter_by_gains(noise, np.array(EQUALISER_HZ), gains, recording.sample_rate)

    @staticmethod
    def _draw_sped(recording: Recording, num_samples: int, random: np.random.Generator) -> np.ndarray:
        """Cut noise at random, at a speed from half to double."""
        speed = 2 ** float(random.uniform(-1, 1))
        taken = round(num_samples * speed) + 1
        longer = recording.num_samples - taken
        noise = read_noise(recording, int(random.integers(longer + 1)) if longer > 0 else 0, taken)
        rate = recording.sample_rate
        return np.resize(soxr.resample(noise, rate * speed, rate, quality="LQ"), num_samples)

    def draw_part(self, num_samples: int, random: np.random.Generator) -> tuple[Recording, int, float] | None:
        """Draw a recording and where noise is cut from it, and its ratio to the loudest talker in dB; None is none."""
        if self.probability < 1 and random.random() >= self.probability:
            return None
        for _ in range(CROP_ATTEMPTS):
            recordings = self.folders[int(random.integers(len(self.folders)))]
            recording = recordings[int(random.integers(len(recordings)))]
            longer = recording.num_samples - num_samples
            start = int(random.integers(longer + 1)) if longer > 0 else 0
            if root_mean_square(read_noise(recording, start, num_samples)) > SILENCE_RMS:
                break
        return recording, start, float(random.uniform(*self.snr_db))


def read_noise(recording: Recording, start: int, num_samples: int) -> np.ndarray:
    """Return `(num_samples,)` float32 from `start`; a recording that is no longer is repeated from its beginning."""
    if recording.num_samples > num_samples:
        return recording.read(start, num_samples)
    return np.resize(recording.read(0, recording.num_samples), num_samples)


def load_noise(root: Path, config: NoiseConfig, sample_rate: int) -> Noises:
    """Open the recordings of one folder or several.

    Raises:
        InputError: If a folder is missing, nothing in any is taken, or a recording is unreadable.
    """
    folders = tuple(load_recordings(files, sample_rate) for files in find_noise(root, config))
    return Noises(folders, config.snr_db, config.probability, config.variety)


def find_noise(root: Path, config: NoiseConfig) -> list[list[Path]]:
    """List the recordings that the config takes of each folder, without folders of which it takes none.

    Raises:
        InputError: If a folder is missing, or nothing in any is taken.
    """
    return [files for _, files in find_taken(root, config, "noise", "noise (data.noise.path)")]


def find_taken(root: Path, config: Any, what: str, of: str) -> list[tuple[str, list[Path]]]:
    """List the files that a section takes of each of its folders, without folders of which it takes none.

    Args:
        root: Data root.
        config: A section with `paths`, `only` and `exclude`.
        what: In words, what is taken.
        of: In words, what the folders are of.

    Raises:
        InputError: If a folder is missing or empty, or nothing in any is taken.
    """

    def is_taken(file: Path) -> bool:
        fits = partial(fnmatchcase, file.relative_to(root).as_posix())
        return (not config.only or any(map(fits, config.only))) and not any(map(fits, config.exclude))

    taken = []
    for path in config.paths:
        if not (root / path).is_dir():
            raise InputError(f"{root / path}: expected a folder of {of}, found nothing")
        if files := list(filter(is_taken, find_audio(root / path))):
            taken.append((path, files))
    if config.paths and not taken:
        folders = ", ".join(str(root / path) for path in config.paths)
        raise InputError(f"{folders}: expected {what} that only, exclude and data.held_out leave, found none")
    return taken

"""Noise for mixtures, beside the talkers or the last of the sources: recordings, cut at random."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soxr

from separator.audio.finding import find_audio
from separator.audio.mixing import SILENCE_RMS, root_mean_square
from separator.data.channel import EQUALISER_HZ, filter_by_gains
from separator.data.recordings import Recording, load_recordings
from separator.data.segments import CROP_ATTEMPTS
from separator.errors import InputError
from separator.section import Share, section, within

NOISE_RMS = 0.05
"""Level of noise where nobody talks, -26 dB of full scale as a talker's."""

MADE, SECOND = 0.35, 0.3
"""Shares of varied noise that are made of no recording, and of two of them."""

NOISE_GAIN_DB = 10.0
"""Range of the gains of varied noise over frequency: plus or minus so much."""

MADE_TILT_DB = 6.0
"""Steepest fall of the spectrum of made noise, in dB an octave."""

ENGINE_HZ, MOST_HARMONICS = (15.0, 400.0), 40
"""Range of the fundamental of a made engine, and how many of its harmonics are made at most."""


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


def made_noise(num_samples: int, sample_rate: int, random: np.random.Generator) -> np.ndarray:
    """Draw Gaussian noise, half of the time with an engine, of a random spectrum and a level that may change.

    Shape:
        `(num_samples,)` float32 within ±1.
    """
    hertz = np.array(EQUALISER_HZ)
    tilt = random.uniform(-MADE_TILT_DB, MADE_TILT_DB / 4) * np.log2(hertz / hertz[0])
    gains = tilt + random.uniform(-NOISE_GAIN_DB, NOISE_GAIN_DB, len(hertz))
    noise = random.standard_normal(num_samples).astype(np.float32)
    if random.random() < 0.5:
        engine = _made_engine(num_samples, sample_rate, random)
        noise = engine + at_ratio(noise, root_mean_square(engine), float(random.uniform(-5, 30)))
    noise = filter_by_gains(noise, hertz, gains, sample_rate)
    if random.random() < 0.5:
        levels_db = _wander(num_samples, sample_rate, random, -25, 0)
        noise = noise * 10 ** (levels_db / 20).astype(np.float32)
    return noise / np.float32(max(np.abs(noise).max(), SILENCE_RMS))


def _made_engine(num_samples: int, sample_rate: int, random: np.random.Generator) -> np.ndarray:
    """Draw harmonics of one wandering frequency, `(num_samples,)` float32 of unit level or less."""
    lowest = ENGINE_HZ[0] * (ENGINE_HZ[1] / ENGINE_HZ[0]) ** random.random()
    range_octaves = float(random.uniform(0, 0.5))
    fundamental = lowest * 2 ** _wander(num_samples, sample_rate, random, 0, range_octaves)
    turns = np.cumsum(fundamental / sample_rate) + random.random()
    if random.random() < 0.5:  # all harmonics alike: one pulse in each turn, at a place that jitters
        jitter = random.uniform(0, 0.2) * random.standard_normal(int(turns[-1]) + 2)
        places = np.searchsorted(turns, np.arange(1, int(turns[-1]) + 1) + jitter[: int(turns[-1])])
        engine = np.zeros(num_samples)
        engine[np.clip(places, 0, num_samples - 1)] = 1.0
        return (engine / max(engine.std(), SILENCE_RMS)).astype(np.float32)
    highest = max(1, min(MOST_HARMONICS, int(sample_rate / 2 / fundamental.max())))
    numbers = 1 + np.flatnonzero(random.random(highest) < random.uniform(0.2, 1))
    engine = np.zeros(num_samples)
    for number in numbers if len(numbers) else (1,):
        engine += random.standard_normal() * np.sin(2 * np.pi * (number * turns + random.random()))
    return (engine / max(engine.std(), SILENCE_RMS)).astype(np.float32)


def _wander(
    num_samples: int, sample_rate: int, random: np.random.Generator, lowest: float, highest: float
) -> np.ndarray:
    """Draw a line that goes up and down between two values, half a time to eight times a second."""
    knots = 2 + round(num_samples / sample_rate * 2 ** random.uniform(-1, 3))
    values = random.uniform(lowest, highest, knots)
    return np.interp(np.linspace(0, 1, num_samples), np.linspace(0, 1, knots), values)


def read_noise(recording: Recording, start: int, num_samples: int) -> np.ndarray:
    """Return `(num_samples,)` float32 from `start`; a recording that is no longer is repeated from its beginning."""
    if recording.num_samples > num_samples:
        return recording.read(start, num_samples)
    return np.resize(recording.read(0, recording.num_samples), num_samples)


def at_ratio(noise: np.ndarray, talker_rms: float, snr_db: float) -> np.ndarray:
    """Scale noise to `snr_db` below a talker of RMS `talker_rms`; where nobody talks, below a talker's own level."""
    beside = talker_rms if talker_rms > SILENCE_RMS else NOISE_RMS
    gain = beside / max(root_mean_square(noise), SILENCE_RMS) * 10 ** (-snr_db / 20)
    return noise * np.float32(gain)


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

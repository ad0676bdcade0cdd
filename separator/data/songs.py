"""Songs in stems: examples that mix stems of different songs, excerpts for validation, whole songs for test."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from separator.audio.mixing import SILENCE_RMS, decibels_to_gain
from separator.audio.reading import AudioReader
from separator.audio.resampling import resampled_length
from separator.data.config import SongsConfig
from separator.data.example import Example, file_facts
from separator.data.mixing import CROP_ATTEMPTS
from separator.data.order import EpochOrder, example_random
from separator.data.segments import read_segment, with_channels
from separator.errors import InputError


class Stem(Protocol):
    """A signal on disk; `path` is the file that holds it."""

    @property
    def path(self) -> Path: ...

    def read(self, start: int, num_samples: int, sample_rate: int) -> Tensor:
        """`(C, num_samples)` from `start`, both at `sample_rate`; zeros after its end."""
        ...


@dataclass(frozen=True)
class StemFile:
    """A stem that is a file of its own."""

    path: Path

    def read(self, start: int, num_samples: int, sample_rate: int) -> Tensor:
        """As `Stem`."""
        return read_segment(self.path, start, num_samples, sample_rate)


@dataclass(frozen=True)
class Song:
    """A song in stems.

    Attributes:
        name: Its name.
        stems: Its sources by name; one that is missing is silent.
        mixture: The mixture, if it is there; None stands for the sum of the stems.
        seconds: Its length.
        sample_rate: Rate of its files in Hz.
    """

    name: str
    stems: Mapping[str, Stem]
    mixture: Stem | None
    seconds: float
    sample_rate: int

    def read(self, sources: Sequence[str], start: int, num_samples: int, sample_rate: int, channels: int) -> Example:
        """A part of it, with these sources."""
        signals = [self.read_stem(source, start, num_samples, sample_rate, channels) for source in sources]
        stacked = torch.stack(signals)
        if self.mixture is None:
            mixture = stacked.sum(dim=0)
        else:
            mixture = with_channels(self.mixture.read(start, num_samples, sample_rate), channels)
        return Example(mixture, stacked, self.name)

    def read_stem(self, source: str, start: int, num_samples: int, sample_rate: int, channels: int) -> Tensor:
        """`(channels, num_samples)` of one source; zeros if the song does not have it."""
        stem = self.stems.get(source)
        if stem is None:
            return torch.zeros(channels, num_samples)
        return with_channels(stem.read(start, num_samples, sample_rate), channels)


def find_songs(folder: Path, sources: Sequence[str]) -> tuple[list[Song], list[str]]:
    """The songs below a folder, `SONG/SOURCE.*`, and `SONG/mixture.*` if it is there.

    Args:
        folder: Holds a folder for each song.
        sources: Names of the stems' files, without suffix.

    Returns:
        The songs, and a line for each problem: a song without any stem, a file that is unreadable, or differs in rate
        or length from the others.

    Raises:
        InputError: If the folder is missing or holds no song.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of songs, found nothing")
    songs, problems = [], []
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise InputError(f"{folder}: expected a folder for each song, found none")
    for each in folders:
        files = {path.stem: path for path in sorted(each.iterdir()) if path.is_file() and path.stem in sources}
        mixture = next((path for path in sorted(each.glob("mixture.*")) if path.is_file()), None)
        if not files:
            problems.append(f"{each}: expected at least one of {', '.join(sources)}, found none")
            continue
        song, found = check_song(each.name, files, mixture)
        problems += found
        if song is not None:
            songs.append(song)
    return songs, problems


def check_song(name: str, files: Mapping[str, Path], mixture: Path | None) -> tuple[Song | None, list[str]]:
    """Look at the header of each file: all must be of one rate and length."""
    facts: dict[Path, tuple[int, int]] = {}
    problems = []
    for path in (*files.values(), *((mixture,) if mixture else ())):
        try:
            with AudioReader(path) as reader:
                if reader.is_truncated:
                    raise InputError(f"{path}: cut short: its header promises more than it holds")
                facts[path] = reader.num_samples, reader.sample_rate
        except InputError as error:
            problems.append(str(error))
    if problems or not facts:
        return None, problems
    ((num_samples, sample_rate), _), *_ = Counter(facts.values()).most_common(1)
    first = next(path for path, fact in facts.items() if fact == (num_samples, sample_rate))
    for path, (length, rate) in facts.items():
        if (length, rate) != (num_samples, sample_rate):
            problems.append(
                f"{path}: expected {num_samples} samples at {sample_rate} Hz as in {first.name}, "
                f"found {length} at {rate} Hz"
            )
    if problems:
        return None, problems
    stems = {source: StemFile(path) for source, path in files.items()}
    whole = StemFile(mixture) if mixture else None
    return Song(name, stems, whole, num_samples / sample_rate, sample_rate), []


class SongList(Dataset[Example]):
    """Whole songs, or evenly spaced excerpts of them; `original_rate` is the highest rate of their files in Hz.

    Args:
        songs: The songs.
        sources: Names of the sources, in order.
        sample_rate: In Hz.
        channels: 1 or 2.
        excerpts: How many of each song; None takes it whole.
        seconds: Their length.
    """

    def __init__(
        self,
        songs: Sequence[Song],
        sources: Sequence[str],
        sample_rate: int,
        channels: int,
        excerpts: int | None = None,
        seconds: float = 6.0,
    ) -> None:
        self.sources = sources
        self.sample_rate = sample_rate
        self.channels = channels
        self.original_rate = max(song.sample_rate for song in songs)
        self.parts: list[tuple[Song, int, int, str]] = []  # song, start, length, name
        for song in songs:
            total = resampled_length(round(song.seconds * song.sample_rate), song.sample_rate, sample_rate)
            length = total if excerpts is None else min(total, round(seconds * sample_rate))
            for number in range(excerpts or 1):
                start = (total - length) * number // max(1, (excerpts or 1) - 1)
                self.parts.append((song, start, length, song.name if excerpts is None else f"{song.name}-{number + 1}"))

    @property
    def names(self) -> list[str]:
        """Of the songs or excerpts, in order."""
        return [name for *_, name in self.parts]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> Example:
        song, start, length, name = self.parts[index]
        return song.read(self.sources, start, length, self.sample_rate, self.channels)._replace(name=name)

    def fingerprint(self, index: int) -> list[Any]:
        """As `ExampleSet`."""
        song, start, length, name = self.parts[index]
        stems = (*(song.stems.get(source) for source in self.sources), song.mixture)
        return [name, start, length, file_facts(stem.path for stem in stems if stem is not None)]


class RemixedSongs(Dataset[Example]):
    """Training examples: stems of different songs, or parts of one song, with gains, swapped channels, turned signs.

    The mixture is the sum of the stems.

    Args:
        songs: The songs.
        sources: Names of the sources, in order.
        config: Length, augmentation.
        seed: Seed of the whole set.
        others: Names of stems that are in the mixture and are no sources.

    Source:
        Uhlich et al., "Improving music source separation based on deep neural networks through data augmentation and
        network blending", ICASSP 2017.
    """

    def __init__(
        self,
        songs: Sequence[Song],
        sources: Sequence[str],
        config: SongsConfig,
        seed: int = 0,
        others: Sequence[str] = (),
    ) -> None:
        self.songs = songs
        self.sources = sources
        self.names = (*sources, *others)
        self.config = config
        self.seed = seed
        self.with_source = {source: [song for song in songs if source in song.stems] for source in self.names}
        missing = [source for source, found in self.with_source.items() if not found]
        if missing:
            raise InputError(f"expected songs with {', '.join(missing)}, found none among {len(songs)} training songs")
        seconds = sum(song.seconds for song in songs)
        self.examples_per_epoch = config.examples_per_epoch or max(1, round(seconds / config.segment_seconds))
        self._order = EpochOrder(self.examples_per_epoch, seed)

    def __getitem__(self, index: int) -> Example:
        random = example_random(self.seed, index)
        if self.config.remix:
            drawn = [self._draw(source, random) for source in self.names]
        else:
            song, start = self._place(self._order[index])
            drawn = [(song, start)] * len(self.names)
        stems = [
            self._augment(self._read(song, source, start), random)
            for source, (song, start) in zip(self.names, drawn, strict=True)
        ]
        stacked = torch.stack(stems)
        names = [song.name for song, _ in drawn]
        return Example(stacked.sum(dim=0), stacked[: len(self.sources)], f"{index}: {' + '.join(dict.fromkeys(names))}")

    def _draw(self, source: str, random: np.random.Generator) -> tuple[Song, int]:
        """A song that has the source, and a place in it that is not silent, if one is found in a few attempts."""
        songs = self.with_source[source]
        lengths = np.array([song.seconds for song in songs])
        for _ in range(CROP_ATTEMPTS):
            song = songs[int(random.choice(len(songs), p=lengths / lengths.sum()))]
            latest = max(0, round(song.seconds * self.config.sample_rate) - self.config.segment_samples)
            start = int(random.integers(latest + 1))
            if float(self._read(song, source, start).square().mean().sqrt()) > SILENCE_RMS:
                break
        return song, start

    def _place(self, item: int) -> tuple[Song, int]:
        """Item `item` of an epoch without remixing: a place in the songs laid end to end."""
        second = item * self.config.segment_seconds % sum(song.seconds for song in self.songs)
        for song in self.songs:
            if second < song.seconds:
                break
            second -= song.seconds
        return song, round(second * self.config.sample_rate)

    def _read(self, song: Song, source: str, start: int) -> Tensor:
        config = self.config
        return song.read_stem(source, start, config.segment_samples, config.sample_rate, config.channels)

    def _augment(self, stem: Tensor, random: np.random.Generator) -> Tensor:
        config = self.config
        gain_db, swap, flip = random.uniform(-0.5, 0.5) * config.gain_range_db, random.random(), random.random()
        if config.swap_channels and swap < 0.5:
            stem = stem.flip(0)
        sign = -1 if config.flip_sign and flip < 0.5 else 1
        return stem * (sign * decibels_to_gain(gain_db))

"""Songs in stems: examples that mix stems of different songs, excerpts for validation, whole songs for test."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from separator.audio.mixing import SILENCE_RMS, decibels_to_gain
from separator.audio.resampling import resampled_length
from separator.data.config import DataConfig, refuse_problems
from separator.data.example import Example, ExampleSet, TrainingSet, file_facts
from separator.data.file_groups import describe_amount
from separator.data.order import EpochOrder, example_random
from separator.data.segments import CROP_ATTEMPTS
from separator.data.song_files import Song
from separator.errors import InputError
from separator.section import Count, section

MUSDB_SOURCES = ("vocals", "drums", "bass", "other")
"""The stems of MUSDB18, which make up its mixtures."""


@section(kw_only=True)
class SongsConfig(DataConfig):
    """Songs in stems. A training example takes its stems from different songs, unless `remix` is false.

    Args:
        channels: 2, or 1 for the mean of both.
        remix: Draw each stem from a song of its own.
        gain_range_db: Each stem is louder or softer by up to half of this.
        swap_channels: Exchange left and right in half of the examples' stems.
        flip_sign: Turn the sign of half of the examples' stems.
        valid_excerpts: Validate on so many excerpts of each song, evenly spaced.
        valid_seconds: Their length.
        examples_per_epoch: Training examples of an epoch; None takes as many as fill the songs' length.
    """

    channels: Literal[1, 2] = 2
    remix: bool = True
    gain_range_db: Annotated[float, Field(ge=0, le=100)] = 10.0
    swap_channels: bool = True
    flip_sign: bool = True
    valid_excerpts: Count = 4
    valid_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 6.0
    examples_per_epoch: Count | None = None

    @property
    def num_sources(self) -> None:
        return None

    @property
    def default_sources(self) -> tuple[str, ...]:
        return MUSDB_SOURCES

    @property
    def mixed_stems(self) -> tuple[str, ...]:
        """Return the names of the stems in training mixtures beside the sources; empty is the sources alone."""
        return ()

    def check(self, sources: Sequence[str], channels: int) -> None:
        super().check(sources, channels)
        if channels != self.channels:
            raise InputError(f"model.config.channels: expected {self.channels}, as in data.channels, found {channels}")

    def find_songs(self, sources: Sequence[str], split: str) -> tuple[list[Song], list[str]]:
        """Return the songs of a split with the stems of these names, and a line for each problem of a file.

        Raises:
            InputError: If the split is missing or empty.
        """
        raise NotImplementedError

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> "RemixedSongs":
        names = self._names_read(sources, "train")
        return RemixedSongs(self._whole_songs(names, "train"), sources, self, seed, names[len(sources) :])

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> "SongList":
        excerpts = self.valid_excerpts if split == "valid" else None
        songs = self._whole_songs(sources, split)
        return SongList(songs, sources, self.sample_rate, self.channels, excerpts, self.valid_seconds)

    def _names_read(self, sources: Sequence[str], split: str) -> tuple[str, ...]:
        """Return the names of the stems that are read, the sources first."""
        others = self.mixed_stems if split == "train" else ()
        return (*sources, *(name for name in others if name not in sources))

    def _whole_songs(self, sources: Sequence[str], split: str) -> list[Song]:
        songs, problems = self.find_songs(sources, split)
        refuse_problems(problems)
        return songs


def describe_songs(songs: Sequence[Song]) -> str:
    """Return how many songs and hours there are, in words."""
    return describe_amount("songs", sum(song.seconds for song in songs), len(songs))


class SongList(ExampleSet):
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
        self.contents = [describe_songs(songs)]
        self.parts: list[tuple[Song, int, int, str]] = []  # song, start, length, name
        for song in songs:
            total = resampled_length(round(song.seconds * song.sample_rate), song.sample_rate, sample_rate)
            length = total if excerpts is None else min(total, round(seconds * sample_rate))
            for number in range(excerpts or 1):
                start = (total - length) * number // max(1, (excerpts or 1) - 1)
                self.parts.append((song, start, length, song.name if excerpts is None else f"{song.name}-{number + 1}"))
        self.names = [name for *_, name in self.parts]

    def __getitem__(self, index: int) -> Example:
        song, start, length, name = self.parts[index]
        return song.read(self.sources, start, length, self.sample_rate, self.channels)._replace(name=name)

    def fingerprint(self, index: int) -> list[Any]:
        song, start, length, name = self.parts[index]
        stems = (*(song.stems.get(source) for source in self.sources), song.mixture)
        return [name, start, length, file_facts(stem.path for stem in stems if stem is not None)]


class RemixedSongs(TrainingSet):
    """Training examples: stems of different songs, or parts of one song, with gains, swapped channels, turned signs.

    The mixture is the sum of the stems.

    Args:
        songs, sources: As for `SongList`.
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
        self.segment_samples = config.segment_samples
        self.seed = seed
        self.contents = [describe_songs(songs)]
        self.with_source = {source: [song for song in songs if source in song.stems] for source in self.names}
        missing = [source for source, found in self.with_source.items() if not found]
        if missing:
            raise InputError(f"expected songs with {', '.join(missing)}, found none among {len(songs)} training songs")
        seconds = sum(song.seconds for song in songs)
        self.examples_per_epoch = config.examples_per_epoch or max(1, round(seconds / config.segment_seconds))
        self._order = EpochOrder(self.examples_per_epoch, seed)

    def example(self, index: int, num_samples: int) -> Example:
        """Return example number `index`, `num_samples` long."""
        random = example_random(self.seed, index)
        if self.config.remix:
            drawn = [self._draw(source, num_samples, random) for source in self.names]
        else:
            song, start = self._place(self._order[index])
            drawn = [(song, start)] * len(self.names)
        stems = [
            self._augment(self._read(song, source, start, num_samples), random)
            for source, (song, start) in zip(self.names, drawn, strict=True)
        ]
        stacked = torch.stack(stems)
        names = [song.name for song, _ in drawn]
        return Example(stacked.sum(dim=0), stacked[: len(self.sources)], f"{index}: {' + '.join(dict.fromkeys(names))}")

    def _draw(self, source: str, num_samples: int, random: np.random.Generator) -> tuple[Song, int]:
        """Draw a song that has the source, and a place in it that is not silent, if a few attempts find one."""
        songs = self.with_source[source]
        lengths = np.array([song.seconds for song in songs])
        for _ in range(CROP_ATTEMPTS):
            song = songs[int(random.choice(len(songs), p=lengths / lengths.sum()))]
            latest = max(0, round(song.seconds * self.config.sample_rate) - num_samples)
            start = int(random.integers(latest + 1))
            if float(self._read(song, source, start, num_samples).square().mean().sqrt()) > SILENCE_RMS:
                break
        return song, start

    def _place(self, item: int) -> tuple[Song, int]:
        """Return item `item` of an epoch without remixing: a place in the songs laid end to end."""
        second = item * self.config.segment_seconds % sum(song.seconds for song in self.songs)
        for song in self.songs:
            if second < song.seconds:
                break
            second -= song.seconds
        return song, round(second * self.config.sample_rate)

    def _read(self, song: Song, source: str, start: int, num_samples: int) -> Tensor:
        return song.read_stem(source, start, num_samples, self.config.sample_rate, self.config.channels)

    def _augment(self, stem: Tensor, random: np.random.Generator) -> Tensor:
        config = self.config
        gain_db, swap, flip = random.uniform(-0.5, 0.5) * config.gain_range_db, random.random(), random.random()
        if config.swap_channels and swap < 0.5:
            stem = stem.flip(0)
        sign = -1 if config.flip_sign and flip < 0.5 else 1
        return stem * (sign * decibels_to_gain(gain_db))

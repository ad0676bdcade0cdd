"""Songs in stems: MUSDB18, and folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from separator.data.config.base import DataConfig
from separator.errors import InputError

MUSDB_SOURCES = ("vocals", "drums", "bass", "other")
"""The stems of MUSDB18, which make up its mixtures."""


@dataclass(frozen=True, kw_only=True)
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
    gain_range_db: float = 10.0
    swap_channels: bool = True
    flip_sign: bool = True
    valid_excerpts: int = 4
    valid_seconds: float = 6.0
    examples_per_epoch: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.gain_range_db <= 100:
            raise InputError(f"data.gain_range_db must be from 0 to 100, found {self.gain_range_db}")
        if self.valid_excerpts < 1 or not 0.1 <= self.valid_seconds <= 3600:
            raise InputError(
                "data.valid_excerpts must be at least 1 and data.valid_seconds from 0.1 to 3600, "
                f"found {self.valid_excerpts} and {self.valid_seconds}"
            )
        if self.examples_per_epoch is not None and self.examples_per_epoch < 1:
            raise InputError(f"data.examples_per_epoch must be at least 1, found {self.examples_per_epoch}")

    @property
    def num_sources(self) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class MUSDBConfig(SongsConfig):
    """MUSDB18 (`.stem.mp4`, needs ffmpeg) or MUSDB18-HQ (WAV), found and split by `musdb`.

    Of the stems that are no sources of the recipe, training mixtures hold one each.

    Args:
        kind: "musdb".
        valid_tracks: Names of the training songs kept for validation; None takes musdb's own 14.
    """

    kind: Literal["musdb"] = "musdb"
    valid_tracks: tuple[str, ...] | None = None

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return set(sources) == set(MUSDB_SOURCES)

    @property
    def training_sets(self) -> list[str]:
        return ["MUSDB18 train"]


@dataclass(frozen=True, kw_only=True)
class StemsConfig(SongsConfig):
    """Folders of songs, `SONG/SOURCE.{wav,flac,...}`; a source without a file is silent in that song.

    Args:
        kind: "stems".
        train, valid, test: Folders below the data root.
    """

    kind: Literal["stems"] = "stems"
    train: str = "train"
    valid: str = "valid"
    test: str | None = "test"

    @property
    def training_sets(self) -> list[str]:
        return [self.train]

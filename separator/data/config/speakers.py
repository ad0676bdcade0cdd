"""Speakers mixed on the fly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from separator.data.config.base import DataConfig
from separator.errors import InputError


@dataclass(frozen=True)
class SpeakerSet:
    """One tree of speakers to draw from.

    Args:
        path: Folder below the data root that holds `SPEAKER/**/*.{flac,wav,opus,ogg}`; a file directly in it is a
            speaker of its own.
        weight: How often a talker is drawn from this set, relative to the other sets.
    """

    path: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < float("inf"):
            raise InputError(f"data.train: weight of {self.path!r} must be above 0 and finite, found {self.weight}")


@dataclass(frozen=True)
class MixtureListConfig:
    """A fixed, seeded list of mixtures, for choosing models or for the final score.

    Args:
        path: Folder of speakers below the data root.
        num_mixtures: Number of mixtures.
        seed: Seed of the list; the same seed and files give the same list.
        max_seconds: Longest mixture. Each is as long as its shortest utterance ("min" mode), and at most this.
        level_range_db: Each talker's level is drawn from plus or minus half of this: two differ by at most all of it.
    """

    path: str
    num_mixtures: int = 100
    seed: int = 0
    max_seconds: float = 10.0
    level_range_db: float = 5.0

    def __post_init__(self) -> None:
        if self.num_mixtures < 1:
            raise InputError(f"num_mixtures must be at least 1, found {self.num_mixtures}")
        if not 0.01 <= self.max_seconds <= 3600:
            raise InputError(f"max_seconds must be from 0.01 to 3600, found {self.max_seconds}")
        if not 0 <= self.level_range_db <= 200:
            raise InputError(f"level_range_db must be from 0 to 200, found {self.level_range_db}")
        if self.seed < 0:
            raise InputError(f"seed must be 0 or more, found {self.seed}")


@dataclass(frozen=True)
class NoiseConfig:
    """Noise that is part of the mixture and of no source.

    Args:
        path: Folder of recordings below the data root.
        snr_db: Range of the ratio of the loudest talker's level to the noise's, in dB.
    """

    path: str
    snr_db: tuple[float, float] = (0.0, 20.0)

    def __post_init__(self) -> None:
        low, high = self.snr_db
        if not -100 <= low <= high <= 100:
            raise InputError(f"data.noise.snr_db: expected [low, high] within ±100 dB, found {list(self.snr_db)}")


@dataclass(frozen=True)
class RoomConfig:
    """Rooms that the talkers are heard in.

    Args:
        path: Folder of impulse responses below the data root, `ROOM/*.{wav,flac}`: the talkers of a mixture are in
            one room, at different places. None simulates box-shaped rooms with pyroomacoustics.
        probability: Share of mixtures in a room.
        reverberation_seconds: Range of the simulated rooms' reverberation time.
        target: "reverberant": a source is the talker as heard in the room; "early": only what arrives within 50 ms of
            the direct sound, the rest of the room being part of the mixture alone.
    """

    path: str | None = None
    probability: float = 1.0
    reverberation_seconds: tuple[float, float] = (0.2, 0.6)
    target: Literal["reverberant", "early"] = "reverberant"

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise InputError(f"data.rooms.probability: expected from 0 to 1, found {self.probability}")
        low, high = self.reverberation_seconds
        if not 0.1 <= low <= high <= 2:
            raise InputError(
                f"data.rooms.reverberation_seconds: expected [low, high] within 0.1 to 2, found {[low, high]}"
            )


@dataclass(frozen=True, kw_only=True)
class SpeakersConfig(DataConfig):
    """Speakers mixed on the fly for training, fixed lists for validation and test.

    Args:
        kind: "speakers".
        train: The sets that training talkers are drawn from.
        valid: The list that models are chosen on.
        test: The list of the final score.
        num_speakers: Talkers in a mixture.
        level_range_db: Each talker's level is drawn from plus or minus half of this.
        speeds: Factors by which a talker is sped up or slowed down (pitch moves along), drawn evenly.
        overlap: Range of the share of its time that a talker speaks at once with the next one; 1 is all the time.
        noise: Noise in the training mixtures; none adds none.
        rooms: Rooms of the training mixtures; none adds none.
    """

    kind: Literal["speakers"] = "speakers"
    train: tuple[SpeakerSet, ...]
    valid: MixtureListConfig
    test: MixtureListConfig | None = None
    num_speakers: int = 2
    level_range_db: float = 5.0
    speeds: tuple[float, ...] = (1.0,)
    overlap: tuple[float, float] = (1.0, 1.0)
    noise: NoiseConfig | None = None
    rooms: RoomConfig | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.train:
            raise InputError("data.train must name at least one set of speakers, found none")
        if self.num_speakers < 1:
            raise InputError(f"data.num_speakers must be at least 1, found {self.num_speakers}")
        if not 0 <= self.level_range_db <= 200:
            raise InputError(f"data.level_range_db must be from 0 to 200, found {self.level_range_db}")
        if not self.speeds or not all(0.5 <= speed <= 2 for speed in self.speeds):
            raise InputError(f"data.speeds must be factors from 0.5 to 2, found {list(self.speeds)}")
        if not 0 <= self.overlap[0] <= self.overlap[1] <= 1:
            raise InputError(f"data.overlap: expected [low, high] within 0 to 1, found {list(self.overlap)}")

    @property
    def num_sources(self) -> int:
        return self.num_speakers

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        return self.noise is None and (self.rooms is None or self.rooms.target == "reverberant")

    @property
    def training_sets(self) -> list[str]:
        return [each.path for each in self.train]

"""Speakers mixed on the fly."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """Noise in the mixture: beside the sources, or the last of them.

    Args:
        path: Folder of recordings below the data root, or several: one is drawn, then one of its recordings.
        snr_db: Range of the ratio of the loudest talker's level to the noise's, in dB.
        probability: Share of mixtures with noise.
        exclude: Patterns of file names, relative to the data root, that are left out: noise to score on.
        only: Patterns of the file names that are taken; empty takes all.
        is_source: Whether the last of the recipe's `sources` is the noise: whatever of the mixture is no talker's, late
            reverberation and distortion too.
    """

    path: str | tuple[str, ...]
    snr_db: tuple[float, float] = (0.0, 20.0)
    probability: float = 1.0
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    is_source: bool = False

    def __post_init__(self) -> None:
        low, high = self.snr_db
        if not -100 <= low <= high <= 100:
            raise InputError(f"data.noise.snr_db: expected [low, high] within ±100 dB, found {list(self.snr_db)}")
        if not 0 <= self.probability <= 1:
            raise InputError(f"data.noise.probability: expected from 0 to 1, found {self.probability}")
        if not self.paths:
            raise InputError("data.noise.path: expected a folder or several, found none")

    @property
    def paths(self) -> tuple[str, ...]:
        """The folders, one or several."""
        return (self.path,) if isinstance(self.path, str) else self.path


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


@dataclass(frozen=True)
class ScenesConfig:
    """How often training hears each kind of scene; weights, relative to each other.

    Args:
        together: All talkers at once, for as long as `data.overlap` says.
        turns: Talkers take turns, with pauses, interruptions and overlaps as in a conversation.
        alone: One talker, for all or part of the time; the others' sources are silent.
        silence: Nobody talks: noise, or nothing.
    """

    together: float = 1.0
    turns: float = 0.0
    alone: float = 0.0
    silence: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.together, self.turns, self.alone, self.silence)
        if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
            raise InputError(f"data.scenes: expected weights of 0 or more, one above 0, found {list(weights)}")


@dataclass(frozen=True)
class ChannelConfig:
    """What happens to training mixtures on their way through microphones and lines; shares of mixtures, from 0 to 1.

    Args:
        equalise: Each talker through a smooth curve of gains of its own.
        band_limit: All through one low-pass and high-pass: a cheap microphone.
        telephone: All through 300 to 3,400 Hz, 8 kHz and µ-law (ITU-T G.711).
        codec: Each talker through Opus at about 12 to 34 kbit/s.
        clip: The loudest samples are cut off.
        gain_db: Range of the equaliser's gains: plus or minus so much.
    """

    equalise: float = 0.0
    band_limit: float = 0.0
    telephone: float = 0.0
    codec: float = 0.0
    clip: float = 0.0
    gain_db: float = 8.0

    def __post_init__(self) -> None:
        for name in ("equalise", "band_limit", "telephone", "codec", "clip"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"data.channel.{name}: expected from 0 to 1, found {getattr(self, name)}")
        if not 0 <= self.gain_db <= 60:
            raise InputError(f"data.channel.gain_db: expected from 0 to 60 dB, found {self.gain_db}")


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
        scenes: Who talks when in the training mixtures.
        similar_pitch: Share of training mixtures whose talkers' median pitches lie within a quarter of an octave.
        noise: Noise in the training mixtures; none adds none.
        rooms: Rooms of the training mixtures; none adds none.
        channel: Microphones and lines of the training mixtures; none changes nothing.
    """

    kind: Literal["speakers"] = "speakers"
    train: tuple[SpeakerSet, ...]
    valid: MixtureListConfig
    test: MixtureListConfig | None = None
    num_speakers: int = 2
    level_range_db: float = 5.0
    speeds: tuple[float, ...] = (1.0,)
    overlap: tuple[float, float] = (1.0, 1.0)
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    similar_pitch: float = 0.0
    noise: NoiseConfig | None = None
    rooms: RoomConfig | None = None
    channel: ChannelConfig | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.similar_pitch <= 1:
            raise InputError(f"data.similar_pitch: expected from 0 to 1, found {self.similar_pitch}")
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
    def noise_is_source(self) -> bool:
        """Whether the last source is the noise."""
        return self.noise is not None and self.noise.is_source

    @property
    def num_sources(self) -> int:
        return self.num_speakers + self.noise_is_source

    def sums_to_mixture(self, sources: Sequence[str]) -> bool:
        if self.noise_is_source:
            return True  # whatever is no talker's is noise
        if self.channel is not None and (self.channel.telephone or self.channel.clip):
            return False
        return self.noise is None and (self.rooms is None or self.rooms.target == "reverberant")

    @property
    def training_sets(self) -> list[str]:
        return [each.path for each in self.train]

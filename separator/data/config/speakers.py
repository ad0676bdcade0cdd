"""Speakers mixed on the fly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from separator.data.config.base import DataConfig
from separator.data.config.lists import ALL_LISTS, HeldOut, MixtureListConfig, NamedListConfig
from separator.data.config.surroundings import NoiseConfig, RoomConfig
from separator.data.telephone import TELEPHONE_RATE
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
        lists: Variations of these two by name: conversations, one talker alone, noise, rooms, the telephone.
        held_out: Noise and rooms that only the lists of one split hear.
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
    lists: dict[str, NamedListConfig] = field(default_factory=dict)
    held_out: HeldOut = field(default_factory=HeldOut)
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
        for name in self.lists:
            if (
                not re.fullmatch(r"\w[\w-]*", name) or name == ALL_LISTS
            ):  # scores are written into a folder of this name
                raise InputError(
                    f"data.lists: expected names of letters, digits, '_' and '-', and not {ALL_LISTS!r}, found {name!r}"
                )
        scenes = {
            "valid": self.valid,
            "test": self.test,
            **{f"lists.{name}": each for name, each in self.lists.items()},
        }
        for name, each in scenes.items():
            if each is not None and each.telephone and self.sample_rate < TELEPHONE_RATE:
                raise InputError(
                    f"data.{name}.telephone: expected a data.sample_rate of at least {TELEPHONE_RATE} Hz, "
                    f"found {self.sample_rate}"
                )
            if each is not None and each.scene == "conversation" and self.num_speakers < 2:
                raise InputError(
                    f"data.{name}.scene: a conversation takes at least 2 talkers, found data.num_speakers 1"
                )

    def list_config(self, split: str, name: str | None = None) -> MixtureListConfig:
        """Return the list of a split, or a variation of it, with the noise and the rooms that its split hears.

        Args:
            split: "valid" or "test".
            name: A key of `lists`; None is the split's own list.

        Raises:
            InputError: If there is no such list.
        """
        chosen = self.test if split == "test" else self.valid
        if chosen is None:
            raise InputError("data.test is missing; expected a test list")
        if name is not None:
            if name not in self.lists:
                known = ", ".join(self.lists) or "none"
                raise InputError(f"data.lists: expected a list called {name}, found {known}")
            chosen = self.lists[name].of(chosen)
        held_out = self.held_out.test if split == "test" else self.held_out.valid
        noise, rooms = chosen.noise, chosen.rooms
        return replace(
            chosen,
            noise=None if noise is None else replace(noise, only=noise.only or held_out),
            rooms=None if rooms is None else replace(rooms, only=rooms.only or held_out),
        )

    @property
    def training_noise(self) -> NoiseConfig | None:
        """The noise of the training mixtures, without what is held out."""
        return None if self.noise is None else replace(self.noise, exclude=self.noise.exclude + self.held_out.files)

    @property
    def training_rooms(self) -> RoomConfig | None:
        """The rooms of the training mixtures, without what is held out."""
        return None if self.rooms is None else replace(self.rooms, exclude=self.rooms.exclude + self.held_out.files)

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

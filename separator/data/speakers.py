"""Speakers mixed on the fly for training, and fixed lists of their mixtures: trees of speakers on disk."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from separator.data.drawing import MixingConfig
from separator.data.file_groups import FileGroup
from separator.data.lists import ALL_LISTS, MOST_TALKERS, HeldOut, MixtureListConfig, NamedListConfig
from separator.data.mixing import MixedSpeakers
from separator.data.mixture_list import MixtureList
from separator.data.noise import NoiseConfig, Noises, find_noise, load_noise
from separator.data.recordings import Speaker
from separator.data.rooms import RoomConfig, Rooms, find_rooms, load_rooms
from separator.data.speaker_files import find_speakers, load_speakers
from separator.data.telephone import TELEPHONE_RATE
from separator.errors import InputError
from separator.section import Count, Positive, section


@section()
class SpeakerSet:
    """One tree of speakers to draw from.

    Args:
        path: Folder below the data root that holds `SPEAKER/**/*.{flac,wav,opus,mp3,...}`; a file directly in it is a
            speaker of its own.
        weight: How often a talker is drawn from this set, relative to the other sets.
    """

    path: str
    weight: Positive = 1.0


@section(kw_only=True)
class SpeakersConfig(MixingConfig):
    """Speakers mixed on the fly for training, fixed lists for validation and test.

    Args:
        kind: "speakers".
        train: The sets that training talkers are drawn from.
        valid: The list that models are chosen on.
        test: The list of the final score.
        lists: Variations of these two by name: conversations, one talker alone, noise, rooms, the telephone.
        held_out: Noise and rooms that only the lists of one split hear.
        speaker_depth: At which level of folders below a set the talkers are; none is the first, and refuses trees that
            look as if their talkers were further down.
    """

    kind: Literal["speakers"] = "speakers"
    train: Annotated[tuple[SpeakerSet, ...], Field(min_length=1)]
    valid: MixtureListConfig
    test: MixtureListConfig | None = None
    lists: dict[str, NamedListConfig] = field(default_factory=dict)
    held_out: HeldOut = field(default_factory=HeldOut)
    speaker_depth: Count | None = None

    def __post_init__(self) -> None:
        for name in self.lists:
            if not re.fullmatch(r"\w[\w-]*", name) or name == ALL_LISTS:  # scores go into a folder of this name
                raise InputError(
                    f"lists: expected names of letters, digits, '_' and '-', and not {ALL_LISTS!r}, found {name!r}"
                )
        scenes = {
            "valid": self.valid,
            "test": self.test,
            **{f"lists.{name}": each for name, each in self.lists.items()},
        }
        for name, each in scenes.items():
            if each is not None and each.telephone and self.sample_rate < TELEPHONE_RATE:
                raise InputError(
                    f"{name}.telephone: expected a data.sample_rate of at least {TELEPHONE_RATE} Hz, "
                    f"found {self.sample_rate}"
                )
            if each is not None and each.scene == "conversation" and self.num_speakers < 2:
                raise InputError(f"{name}.scene: expected data.num_speakers of at least 2 for a conversation, found 1")
        for name, own in (("valid", self.valid), ("test", self.test)):
            if own is not None and own.scene == "meeting":  # training validates on as many sources as the model has
                raise InputError(f"{name}.scene: expected a meeting in data.lists alone, found it here")

    @property
    def training_sets(self) -> list[str]:
        return [each.path for each in self.train]

    @property
    def folders(self) -> list[Path]:
        lists = [each for each in (self.valid, self.test, *self.lists.values()) if each is not None]
        paths = [each.path for each in (*self.train, *lists) if each.path is not None]
        paths += [path for each in (self, *lists) if each.noise is not None for path in each.noise.paths]
        paths += [path for each in (self, *lists) if each.rooms is not None for path in each.rooms.paths]
        return [Path(self.root) / path for path in dict.fromkeys(paths)]

    @property
    def list_names(self) -> tuple[str, ...]:
        return tuple(self.lists)

    @classmethod
    def default(cls, root: Path) -> Self:
        """Return a section in which all speakers below the root are for training and validation."""
        return cls(root=str(root), train=(SpeakerSet("."),), valid=MixtureListConfig("."))

    def load_training_set(
        self, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
    ) -> MixedSpeakers:
        noise, rooms = self._load_surroundings(self.training_noise, self.training_rooms)
        return MixedSpeakers(self._load_training_speakers(on_file), self, noise, rooms, seed, self.training_sets)

    def _load_training_speakers(self, on_file: Callable[[], None] | None) -> list[tuple[tuple[Speaker, ...], float]]:
        """Load the speakers of each training set, with its weight."""
        return [(self._load_speakers(each.path, on_file), each.weight) for each in self.train]

    def _load_surroundings(
        self, noise: NoiseConfig | None, rooms: RoomConfig | None
    ) -> tuple[Noises | None, Rooms | None]:
        """Load noise and rooms, as far as there are any."""
        root, rate = Path(self.root), self.sample_rate
        return load_noise(root, noise, rate) if noise else None, load_rooms(root, rooms, rate) if rooms else None

    def _load_speakers(self, path: str, on_file: Callable[[], None] | None = None) -> tuple[Speaker, ...]:
        return load_speakers(Path(self.root), path, self.sample_rate, self.speaker_depth, on_file)

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> MixtureList:
        chosen = self.list_config(split, name)
        speakers = self._load_speakers(chosen.path)
        noise, rooms = self._load_surroundings(chosen.noise, chosen.rooms)
        root, is_source = Path(self.root), self.noise_is_source
        return MixtureList(
            chosen, speakers, self.num_speakers, self.sample_rate, noise, rooms, root, is_source, self.join_talkers
        )

    def list_sources(self, sources: Sequence[str], name: str | None = None) -> tuple[str, ...]:
        if name is None or self.join_talkers or self.lists[name].scene != "meeting":
            return tuple(sources)
        talkers = [f"speaker{number}" for number in range(1, MOST_TALKERS + 1)]
        return (*talkers, *(["noise"] if self.noise_is_source else []))

    def list_settings(self, split: str, name: str | None = None) -> dict[str, Any]:
        return asdict(self.list_config(split, name))

    def describe_list(self, split: str) -> str:
        chosen = self.list_config(split)
        return f"{chosen.path} ({chosen.num_mixtures} mixtures, seed {chosen.seed})"

    def list_config(self, split: str, name: str | None = None) -> MixtureListConfig:
        """Return the list of a split, or a variation of it, with the noise and the rooms that its split hears.

        Args:
            split: "valid" or "test".
            name: A key of `lists`; None is the split's own list.

        Raises:
            InputError: If the recipe has no test list.
        """
        chosen: MixtureListConfig = self.named_split("test" if split == "test" else "valid")
        if name is not None:
            chosen = self.lists[name].of(chosen)
        held_out = self.held_out.test if split == "test" else self.held_out.valid
        heard = {key: each for key in ("noise", "rooms") if (each := getattr(chosen, key)) is not None}
        return replace(chosen, **{key: replace(each, only=each.only or held_out) for key, each in heard.items()})

    @property
    def training_noise(self) -> NoiseConfig | None:
        """Return the noise of the training mixtures, without what is held out."""
        return self.noise and replace(self.noise, exclude=self.noise.exclude + self.held_out.files)

    @property
    def training_rooms(self) -> RoomConfig | None:
        """Return the rooms of the training mixtures, without what is held out."""
        return self.rooms and replace(self.rooms, exclude=self.rooms.exclude + self.held_out.files)

    def find_groups(self, sources: Sequence[str], split: str) -> tuple[list[FileGroup], list[str]]:
        if split == "train":
            heard = [(each.path, self.training_noise, self.training_rooms) for each in self.train]
        else:
            own = self.list_config(split)
            heard = [(own.path, own.noise, own.rooms)]
        groups: dict[FileGroup, None] = {}  # in order, each once
        problems: dict[str, None] = {}
        for path, noise, rooms in heard:
            for find in (partial(self._talkers, path), partial(self._surroundings, noise, rooms)):
                try:
                    groups |= dict.fromkeys(find())
                except InputError as error:
                    problems[str(error)] = None
        for name in self.lists if split != "train" else ():
            chosen = self.list_config(split, name)
            with suppress(InputError):  # nothing but `evaluate --list` needs what is not there
                groups |= dict.fromkeys(self._talkers(chosen.path) + self._surroundings(chosen.noise, chosen.rooms))
        talkers = {each.name for each in groups if each.kind == "talkers"}
        if 0 < len(talkers) < self.num_speakers:
            folders = ", ".join(dict.fromkeys(str(Path(self.root) / path) for path, *_ in heard))
            problems[f"{folders}: expected at least {self.num_speakers} speakers, found {len(talkers)}"] = None
        return list(groups), list(problems)

    def _talkers(self, path: str) -> list[FileGroup]:
        found = find_speakers(Path(self.root) / path, self.speaker_depth)
        return [FileGroup(name, "talkers", path, tuple(files), has_neighbours=True) for name, files in found.items()]

    def _surroundings(self, noise: NoiseConfig | None, rooms: RoomConfig | None) -> list[FileGroup]:
        root = Path(self.root)
        files = [] if noise is None else [path for found in find_noise(root, noise) for path in found]
        groups = [FileGroup(str(path), "recordings", "noise", (path,)) for path in files]
        responses = [] if rooms is None else [path for found in find_rooms(root, rooms).values() for path in found]
        return groups + [FileGroup(str(path), "impulse responses", "rooms", (path,)) for path in responses]

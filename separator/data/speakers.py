"""Speakers mixed on the fly for training, and fixed lists of their mixtures: trees of speakers on disk."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from separator.data.index import read_facts
from separator.data.lists import ALL_LISTS, HeldOut, MixtureListConfig, NamedListConfig
from separator.data.mixing import MixedSpeakers, MixingConfig
from separator.data.mixture_list import MixtureList
from separator.data.noise import NoiseConfig, find_noise, load_noise
from separator.data.recordings import Speaker, load_recordings
from separator.data.rooms import RoomConfig, find_responses, load_rooms
from separator.data.telephone import TELEPHONE_RATE
from separator.errors import InputError
from separator.section import Positive, section

SPEECH_SUFFIXES = (".flac", ".wav", ".opus", ".ogg")


@section()
class SpeakerSet:
    """One tree of speakers to draw from.

    Args:
        path: Folder below the data root that holds `SPEAKER/**/*.{flac,wav,opus,ogg}`; a file directly in it is a
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
    """

    kind: Literal["speakers"] = "speakers"
    train: Annotated[tuple[SpeakerSet, ...], Field(min_length=1)]
    valid: MixtureListConfig
    test: MixtureListConfig | None = None
    lists: dict[str, NamedListConfig] = field(default_factory=dict)
    held_out: HeldOut = field(default_factory=HeldOut)

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

    @property
    def training_sets(self) -> list[str]:
        return [each.path for each in self.train]

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
        root = Path(self.root)
        return MixedSpeakers(
            [(load_speakers(root, each.path, self.sample_rate, on_file), each.weight) for each in self.train],
            self,
            load_noise(root, self.training_noise, self.sample_rate) if self.training_noise else None,
            load_rooms(root, self.training_rooms, self.sample_rate) if self.training_rooms else None,
            seed,
        )

    def _load_list(self, sources: Sequence[str], split: str, name: str | None) -> MixtureList:
        root, chosen = Path(self.root), self.list_config(split, name)
        return MixtureList(
            chosen,
            load_speakers(root, chosen.path, self.sample_rate),
            self.num_speakers,
            self.sample_rate,
            load_noise(root, chosen.noise, self.sample_rate) if chosen.noise else None,
            load_rooms(root, chosen.rooms, self.sample_rate) if chosen.rooms else None,
            root,
            self.noise_is_source,
        )

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
        chosen = self.test if split == "test" else self.valid
        if chosen is None:
            raise InputError("data.test is missing; expected a test list")
        if name is not None:
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
        """Return the noise of the training mixtures, without what is held out."""
        return None if self.noise is None else replace(self.noise, exclude=self.noise.exclude + self.held_out.files)

    @property
    def training_rooms(self) -> RoomConfig | None:
        """Return the rooms of the training mixtures, without what is held out."""
        return None if self.rooms is None else replace(self.rooms, exclude=self.rooms.exclude + self.held_out.files)

    def check_split(self, sources: Sequence[str], split: str) -> tuple[int, list[str]] | None:
        root = Path(self.root)
        if split == "test" and self.test is None:
            return None
        if split == "train":
            folders, noise, rooms = [each.path for each in self.train], self.training_noise, self.training_rooms
        else:
            chosen = self.list_config(split)
            folders, noise, rooms = [chosen.path], chosen.noise, chosen.rooms
        files = [file for path in folders for found in find_speakers(root / path).values() for file in found]
        if noise is not None:
            files += [file for found in find_noise(root, noise) for file in found]
        if rooms is not None and rooms.path is not None:
            files += find_responses(root, rooms)
        problems = []
        for path in files:
            try:
                read_facts(path)
            except InputError as error:
                problems.append(str(error))
        return len(files) - len(problems), problems


def find_speakers(folder: Path) -> dict[str, list[Path]]:
    """Find the files of each speaker below `folder`, both sorted by name.

    Args:
        folder: Holds `SPEAKER/**/*.{flac,wav,opus,ogg}`. A file directly in it is a speaker of its own.

    Raises:
        InputError: If the folder is missing or holds no recording, or mixtures and sources instead of speakers.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of speakers, found {'a file' if folder.exists() else 'nothing'}")
    speakers: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SPEECH_SUFFIXES and path.is_file() and not path.name.startswith("."):
            parts = path.relative_to(folder).parts
            name = parts[0] if len(parts) > 1 else path.stem
            speakers.setdefault(name, []).append(path)
    if not speakers:
        raise InputError(f"{folder}: expected SPEAKER/**/*.{{flac,wav,opus,ogg}}, found no such file")
    folders = {part for files in speakers.values() for file in files for part in file.relative_to(folder).parts[:-1]}
    if {"s1", "s1_anechoic"} & folders and any(name == "mix" or name.startswith("mix_") for name in folders):
        raise InputError(
            f"{folder}: expected a folder of speakers, found mixtures and their sources: "
            "name a recipe with data.kind librimix, wsj0_mix or whamr"
        )
    return speakers


def load_speakers(
    root: Path, path: str, sample_rate: int, on_file: Callable[[], None] | None = None
) -> tuple[Speaker, ...]:
    """Open every recording of a set; a small set is decoded into memory.

    Args:
        root: Data root; the speakers' `files` are relative to it.
        path: Folder of speakers below `root`.
        sample_rate: Rate in Hz to deliver.
        on_file: Called after each file, to move a progress bar.

    Raises:
        InputError: If the folder is missing or empty, or a file cannot be read (it is named).
    """
    found = find_speakers(root / path)
    files = [file for recordings in found.values() for file in recordings]
    opened = dict(zip(files, load_recordings(files, sample_rate, on_file), strict=True))
    return tuple(
        Speaker(
            name=name,
            files=tuple(str(file.relative_to(root)) for file in recordings),
            utterances=tuple(opened[file] for file in recordings),
        )
        for name, recordings in found.items()
    )

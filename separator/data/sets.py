"""The examples that a recipe's `data` section names: endless for training, fixed lists for validation and test."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch.utils.data import Dataset

from separator.data.config import (
    MUSDB_SOURCES,
    DataConfig,
    LibriMixConfig,
    MUSDBConfig,
    PairedConfig,
    SongsConfig,
    SpeakersConfig,
    StemsConfig,
    WSJ0MixConfig,
)
from separator.data.example import Example, ExampleSet
from separator.data.librimix import find_librimix
from separator.data.mixing import MixedSpeakers
from separator.data.mixture_list import MixtureList
from separator.data.musdb_songs import find_musdb
from separator.data.noise import load_noise
from separator.data.paired import Pair, PairedList, PairedSegments, check_pairs
from separator.data.rooms import load_rooms
from separator.data.songs import RemixedSongs, Song, SongList, find_songs
from separator.data.speakers import load_speakers
from separator.data.wsj0_mix import find_wsj0_mix
from separator.errors import InputError


def load_training_set(
    config: DataConfig, sources: Sequence[str], seed: int, on_file: Callable[[], None] | None = None
) -> Dataset[Example]:
    """Training examples without end: number `i` follows from the seed and `i` alone.

    Args:
        config: The recipe's data section.
        sources: Names of the sources, in order.
        seed: Seed of everything random.
        on_file: Called after each recording that is decoded, to move a progress bar.

    Raises:
        InputError: If data is missing or broken; it names the file.
    """
    if isinstance(config, SpeakersConfig):
        root = Path(config.root)
        return MixedSpeakers(
            [(load_speakers(root, each.path, config.sample_rate, on_file), each.weight) for each in config.train],
            config,
            load_noise(root, config.training_noise, config.sample_rate) if config.training_noise else None,
            load_rooms(root, config.training_rooms, config.sample_rate) if config.training_rooms else None,
            seed,
        )
    if isinstance(config, PairedConfig):
        pairs = check_pairs(find_pairs(config, "train"), Path(config.root))
        return PairedSegments(pairs, config.segment_samples, config.sample_rate, seed)
    if isinstance(config, SongsConfig):
        known = MUSDB_SOURCES if isinstance(config, MUSDBConfig) else ()
        others = tuple(name for name in known if name not in sources)
        return RemixedSongs(whole_songs(config, (*sources, *others), "train"), sources, config, seed, others)
    raise TypeError(f"expected a known kind of data, found {type(config).__name__}")


def load_list(config: DataConfig, sources: Sequence[str], split: str = "test", name: str | None = None) -> ExampleSet:
    """Return the fixed list of validation or of the final score, or a variation of it.

    Args:
        config: The recipe's data section.
        sources: Names of the sources, in order.
        split: "valid" or "test".
        name: A key of `data.lists`; None is the split's own list.

    Raises:
        InputError: If the recipe names no such list, or data is missing or broken.
    """
    if isinstance(config, SpeakersConfig):
        root, chosen = Path(config.root), config.list_config(split, name)
        return MixtureList(
            chosen,
            load_speakers(root, chosen.path, config.sample_rate),
            config.num_speakers,
            config.sample_rate,
            load_noise(root, chosen.noise, config.sample_rate) if chosen.noise else None,
            load_rooms(root, chosen.rooms, config.sample_rate) if chosen.rooms else None,
            root,
            config.noise_is_source,
        )
    if name is not None:
        raise InputError(f"data.lists: expected data of the kind speakers, found {type(config).__name__}")
    if isinstance(config, PairedConfig):
        found = find_pairs(config, split)[: config.max_valid if split == "valid" else None]
        return PairedList(check_pairs(found, Path(config.root)), config.sample_rate)
    if isinstance(config, SongsConfig):
        songs = whole_songs(config, sources, split)
        excerpts = config.valid_excerpts if split == "valid" else None
        return SongList(songs, sources, config.sample_rate, config.channels, excerpts, config.valid_seconds)
    raise TypeError(f"expected a known kind of data, found {type(config).__name__}")


def find_pairs(config: PairedConfig, split: str) -> list[Pair]:
    """The mixtures of a split, their files not yet looked at."""
    if isinstance(config, LibriMixConfig):
        return find_librimix(config, split)
    if isinstance(config, WSJ0MixConfig):
        return find_wsj0_mix(config, split)
    raise TypeError(f"expected a known kind of data, found {type(config).__name__}")


def look_for_songs(config: SongsConfig, sources: Sequence[str], split: str) -> tuple[list[Song], list[str]]:
    """The songs of a split, and a line for each problem."""
    if isinstance(config, MUSDBConfig):
        return find_musdb(config, sources, split)
    if isinstance(config, StemsConfig):
        folder = {"train": config.train, "valid": config.valid, "test": config.test}[split]
        if folder is None:
            raise InputError("data.test is missing; expected a test list")
        return find_songs(Path(config.root) / folder, sources)
    raise TypeError(f"expected a known kind of data, found {type(config).__name__}")


def whole_songs(config: SongsConfig, sources: Sequence[str], split: str) -> list[Song]:
    """The songs of a split, all of which are whole.

    Raises:
        InputError: Naming the first problem and how many there are.
    """
    songs, problems = look_for_songs(config, sources, split)
    if problems:
        more = f" (and {len(problems) - 1} more: separator prepare --check lists all)" if len(problems) > 1 else ""
        raise InputError(f"{problems[0]}{more}")
    return songs

"""Test sets that a model can be scored on: a recipe's lists, a tree of tracks, a CSV list, a folder of speakers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from separator.data.config import DataConfig
from separator.data.csv_list import is_list
from separator.data.lists import ALL_LISTS, MixtureListConfig
from separator.data.speaker_files import SET_NAME
from separator.data.speakers import SpeakersConfig, SpeakerSet
from separator.errors import InputError
from separator.inference import Separator
from separator.recipe import load_recipe
from separator.scoring.assignment import NOISE
from separator.scoring.finding import find_tracks, mixture_layout
from separator.scoring.layouts import Layout
from separator.scoring.separating import TestSet, TrackSet
from separator.scoring.tracks import ACCOMPANIMENT


def find_lists(data: Path, names: Iterable[str], overrides: Iterable[str] = ()) -> list[str]:
    """Return the variations of a recipe's list that are asked for, each once.

    Args:
        data: The recipe.
        names: Keys of its `data.lists`; `all` stands for all of them.
        overrides: `key.path=value` settings of the recipe.

    Raises:
        InputError: If the recipe has no such list, or there is no recipe.
    """
    if data.is_dir():
        raise InputError("--list names a list of a recipe, but --data is a folder")
    known = list(load_recipe(data, overrides).data.list_names)
    names = list(dict.fromkeys(names))
    if ALL_LISTS in names and known:
        return known
    for name in names or [""]:
        if name not in known:
            raise InputError(f"--list: expected one of {', '.join(known) or 'none'} in {data}, found {name!r}")
    return names


def load_test_set(
    data: Path,
    separator: Separator | None,
    split: str = "test",
    list_name: str | None = None,
    overrides: Sequence[str] = (),
    sources: tuple[str, ...] | None = None,
    sample_rate: int | None = None,
) -> tuple[TestSet, dict[str, Any]]:
    """Load the examples of a recipe or a folder, and the settings that they depend on.

    Args:
        data: A recipe, a folder of tracks, a CSV list, or a folder of speakers.
        separator: The model, which a folder without a recipe is made to fit; None is an oracle.
        split: "test" or "valid" of a recipe; "test", "valid", "train" or "all" of a tree of tracks.
        list_name: A key of the recipe's `data.lists`; None is the split's own list.
        overrides: `key.path=value` settings of the recipe.
        sources: Of a tree of tracks: the sources to score.
        sample_rate: Of a tree of tracks: the rate in Hz to resample to.

    Raises:
        InputError: If there are none, or an option does not go with this kind of data.
    """
    settings: dict[str, Any] = {"data": str(data.resolve()), "split": split}
    if overrides and (is_list(data) or data.is_dir()):
        raise InputError(f"--set changes a recipe, but --data is a {'CSV list' if is_list(data) else 'folder'}")
    if (layout := mixture_layout(data)) is not None:
        test_set = _load_tracks(data, layout, separator, split, sources, sample_rate)
        return test_set, settings | {"sample_rate": sample_rate}
    if sample_rate is not None or sources is not None:
        raise InputError("--sample-rate and --sources are for a folder of tracks; a recipe names its own")
    if split not in ("test", "valid"):
        raise InputError(f"--split {split} is for a folder of tracks; a recipe has test and valid")
    if data.is_dir():
        config, names = _all_speakers(data, separator)
    else:
        recipe = load_recipe(data, overrides)
        config, names = recipe.data, recipe.sources
    try:
        test_set = load_list_of(config, names, f"{data}, {list_name}" if list_name else str(data), split, list_name)
    except InputError as error:
        raise InputError(str(error) if data.is_dir() else f"{data}: {error}") from None
    return test_set, settings | {
        "root": str(Path(config.root).resolve()),
        "list_name": list_name,
        "list": config.list_settings(split, list_name),
        "sample_rate": config.sample_rate,
    }


def load_list_of(
    config: DataConfig, sources: tuple[str, ...], name: str, split: str = "test", list_name: str | None = None
) -> TestSet:
    """Load a list of a recipe's data section.

    Args:
        config: The data section.
        sources: Names of the sources, in order.
        name: For headings.
        split: "valid" or "test".
        list_name: A key of `data.lists`; None is the split's own list.

    Raises:
        InputError: If the recipe names no such list, or data is missing or broken.
    """
    examples = config.load_list(sources, split, list_name)
    is_meeting = config.list_settings(split, list_name).get("scene") == "meeting"
    names = config.list_sources(sources, list_name)
    folders = tuple(config.folders)
    return TestSet(examples, names, name, original_rate=examples.original_rate, is_meeting=is_meeting, folders=folders)


def _all_speakers(folder: Path, separator: Separator | None) -> tuple[DataConfig, tuple[str, ...]]:
    """Mix everybody below a folder, as many at a time as the model has outputs for."""
    talkers = 2 if separator is None else sum(source != NOISE for source in separator.sources)
    everybody = MixtureListConfig(path=".")
    config = SpeakersConfig(
        root=str(folder),
        sample_rate=16_000 if separator is None else separator.sample_rate,
        train=(SpeakerSet("."),),
        valid=everybody,
        test=everybody,
        num_speakers=talkers,
    )
    return config, tuple(f"speaker{each}" for each in range(1, talkers + 1))


def _load_tracks(
    folder: Path,
    layout: Layout,
    separator: Separator | None,
    split: str,
    chosen: tuple[str, ...] | None,
    sample_rate: int | None,
) -> TestSet:
    tracks = list(find_tracks(folder, None if split == "all" else split, layout).values())
    if several := next((track.mixtures for track in tracks if track.has_open_mixture), None):
        raise InputError(
            f"{folder}: expected one mixture of each track, found {', '.join(several)}: name a recipe with data.kind "
            "librimix, wsj0_mix or whamr"
        )
    sets = sorted({part for track in tracks for part in track.name.split("/")[:-1] if SET_NAME.fullmatch(part)})
    if split != "all" and len(sets) > 1:
        raise InputError(
            f"{folder}: expected the tracks of one split, found those of {', '.join(sets)}: name the folder of one, a "
            "recipe with data.kind librimix, wsj0_mix or whamr, or --split all"
        )
    sources = chosen or tuple(dict.fromkeys(name for track in tracks for name in track.sources))
    if separator is not None and chosen is None and set(separator.sources) <= {*sources, ACCOMPANIMENT}:
        sources = separator.sources  # a model of vocals and accompaniment, say
    examples = TrackSet(tracks, sources, sample_rate)
    return TestSet(
        examples,
        sources,
        folder.name or str(folder),
        tuple(track.subset for track in tracks),
        examples.original_rate,
        folders=(folder,),
    )

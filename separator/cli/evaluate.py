"""`separator evaluate MODEL --data ...`: separates a test set and scores it, in one pass."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from separator.inference import Separator
    from separator.scoring.separating import TestSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    from separator.cli.scoring import add_scoring_arguments

    parser.add_argument(
        "model",
        metavar="MODEL",
        help="name of a released model, a model folder, a Hub id, or the ideal ratio mask oracle-irm1 or oracle-irm2",
    )
    parser.add_argument(
        "--data",
        metavar="RECIPE_OR_ROOT",
        type=Path,
        required=True,
        help="a recipe, whose test list is scored; a folder of TRACK/{mixture,SOURCE}.wav, such as MUSDB18-HQ; or a "
        "folder of SPEAKER/**/*.{flac,wav,opus,ogg}, of which mixtures are made",
    )
    parser.add_argument(
        "--split",
        choices=("test", "valid", "train", "all"),
        default="test",
        help="which list of the recipe, or which half of a tree that has the folders train and test",
    )
    parser.add_argument(
        "--list",
        metavar="NAME",
        action="append",
        default=[],
        dest="lists",
        help="a variation of that list, by its name in the recipe's data.lists; several, comma-separated, or all of "
        "them, all, write DIR/NAME each",
    )
    parser.add_argument(
        "--set",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one setting of the recipe, such as data.root=DIR",
    )
    parser.add_argument(
        "--save-audio",
        action="store_true",
        help="also write DIR/audio/references and DIR/audio/estimates, as `separator score` takes them",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16")
    add_scoring_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Separate and score every example of every list; one that fails is reported and the others are still done."""
    from separator.cli.main import describe, print_error
    from separator.errors import InputError
    from separator.inference import Separator
    from separator.scoring.oracle import ORACLES

    names = named_lists(args)
    separator = None if args.model in ORACLES else Separator.from_pretrained(args.model, args.device, args.precision)
    if len(names) < 2:
        return score_list(args, separator, names[0] if names else None)
    code = 0
    for name in names:
        print(f"{name}:")
        try:
            code |= score_list(args, separator, name, args.output / name)
        except InputError as error:
            print_error(f"{name}: {describe(error)}")
            code = 1
    return code


def named_lists(args: argparse.Namespace) -> list[str]:
    """Return the names in `--list`, each once.

    Raises:
        InputError: If the recipe has no such list, or there is no recipe.
    """
    from separator.data.config import ALL_LISTS, SpeakersConfig
    from separator.errors import InputError
    from separator.recipe import load_recipe

    if not args.lists:
        return []
    parts = [part.strip() for each in args.lists for part in each.split(",")]
    names = list(dict.fromkeys(filter(None, parts)))
    if args.data.is_dir():
        raise InputError("--list names a list of a recipe, but --data is a folder")
    data = load_recipe(args.data, args.overrides).data
    known = list(data.lists) if isinstance(data, SpeakersConfig) else []
    if ALL_LISTS in names and known:
        return known
    for name in names or [""]:
        if name not in known:
            raise InputError(f"--list: expected one of {', '.join(known) or 'none'} in {args.data}, found {name!r}")
    return names


def score_list(
    args: argparse.Namespace, separator: "Separator | None", name: str | None = None, output: Path | None = None
) -> int:
    """Separate and score every example of one list.

    Args:
        args: The options.
        separator: The model; None is the oracle that the options name.
        name: The list's name in the recipe; None is the split's own.
        output: Folder for the scores, where it is not that of the options.

    Returns:
        The exit code.
    """
    from separator.cli.scoring import choose_config, score_jobs
    from separator.data.mixture_list import MixtureList
    from separator.replacing import replace_file
    from separator.scoring.separating import (
        separate_with_model,
        separate_with_oracle,
        separation_jobs,
        weights_digest,
    )

    args = argparse.Namespace(**{**vars(args), "output": output or args.output})
    test_set, settings = load_test_set(args, separator, name)
    if separator is None:
        separate, outputs, test_set = separate_with_oracle(args.model, test_set)
        settings["model"] = args.model
    else:
        separate, outputs, test_set = separate_with_model(separator, test_set)
        settings |= {
            "model": args.model,
            "weights": weights_digest(separator),
            "precision": str(separator.dtype).removeprefix("torch."),
            "chunk_seconds": separator.chunk_seconds,
        }
    settings |= {
        "sources": test_set.sources,
        "data_sample_rate": test_set.examples.sample_rate,
        "save_audio": args.save_audio,
    }
    config = choose_config(args, test_set.sources)
    jobs = separation_jobs(test_set, separate, outputs, args.output / "audio" if args.save_audio else None)
    names = {job.key: name for job, name in zip(jobs, test_set.examples.names, strict=True)}
    code = score_jobs(args, jobs, config, f"{args.model} on {test_set.name}", settings, names)
    if isinstance(test_set.examples, MixtureList):
        replace_file(args.output / "mixtures.csv", test_set.examples.write_csv)
    return code


def load_test_set(
    args: argparse.Namespace, separator: "Separator | None", name: str | None = None
) -> "tuple[TestSet, dict[str, Any]]":
    """The examples that the options name, and the settings that they depend on.

    Args:
        args: The options.
        separator: The model, which a folder without a recipe is made to fit; None is an oracle.
        name: The list's name in the recipe; None is the split's own.

    Raises:
        InputError: If there are none, or an option does not go with this kind of data.
    """
    from dataclasses import asdict, replace

    from separator.data.config import DataConfig, MixtureListConfig, SpeakersConfig, SpeakerSet
    from separator.data.sets import load_list
    from separator.data.songs import SongList
    from separator.errors import InputError
    from separator.recipe import load_recipe
    from separator.scoring.assignment import NOISE
    from separator.scoring.separating import TestSet

    settings: dict[str, Any] = {"data": str(args.data.resolve()), "split": args.split}
    if args.data.is_dir():
        if args.overrides:
            raise InputError("--set changes a recipe, but --data is a folder")
        if (test_set := _load_tracks(args, separator)) is not None:
            return test_set, settings | {"sample_rate": args.sample_rate}
    if args.sample_rate is not None or args.sources is not None:
        raise InputError("--sample-rate and --sources are for a folder of tracks; a recipe names its own")
    if args.split not in ("test", "valid"):
        raise InputError(f"--split {args.split} is for a folder of tracks; a recipe has test and valid")
    if args.data.is_dir():
        talkers = 2 if separator is None else sum(source != NOISE for source in separator.sources)
        number, rate = talkers, 16_000 if separator is None else separator.sample_rate
        everybody = MixtureListConfig(path=".")
        speakers = SpeakersConfig(
            root=str(args.data), train=(SpeakerSet("."),), valid=everybody, test=everybody, num_speakers=number
        )
        data: DataConfig = replace(speakers, sample_rate=rate)
        sources = tuple(f"speaker{each}" for each in range(1, number + 1))
    else:
        recipe = load_recipe(args.data, args.overrides)
        data, sources = recipe.data, recipe.sources
    try:
        examples = load_list(data, sources, args.split, name)
    except InputError as error:
        raise InputError(f"{args.data}: {error}") from None
    settings |= {
        "root": str(Path(data.root).resolve()),
        "list_name": name,
        "list": asdict(data.list_config(args.split, name) if isinstance(data, SpeakersConfig) else data),
        "sample_rate": data.sample_rate,
    }
    original_rate = examples.original_rate if isinstance(examples, SongList) else None
    title = f"{args.data}, {name}" if name else str(args.data)
    return TestSet(examples, sources, title, original_rate=original_rate), settings


def _load_tracks(args: argparse.Namespace, separator: "Separator | None") -> "TestSet | None":
    """A tree of tracks with mixtures; None if it is none."""
    from separator.cli.scoring import named_sources
    from separator.scoring.separating import TestSet, TrackSet
    from separator.scoring.tracks import ACCOMPANIMENT, find_tracks, has_mixtures

    if not has_mixtures(args.data):
        return None
    tracks = list(find_tracks(args.data, None if args.split == "all" else args.split).values())
    sources = named_sources(args) or tuple(dict.fromkeys(name for track in tracks for name in track.sources))
    if separator is not None and args.sources is None and set(separator.sources) <= {*sources, ACCOMPANIMENT}:
        sources = separator.sources  # a model of vocals and accompaniment, say
    examples = TrackSet(tracks, sources, args.sample_rate)
    subsets = tuple(track.subset for track in tracks)
    return TestSet(examples, sources, args.data.name or str(args.data), subsets, examples.original_rate)

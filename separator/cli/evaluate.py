"""`separator evaluate MODEL --data ...`: separates a test set and scores it, in one pass."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.main import print_error
from separator.cli.options import add_device, add_no_voices, add_overrides
from separator.errors import InputError, describe

if TYPE_CHECKING:
    from separator.cluster.pool import ClusterPool
    from separator.inference import Separator
    from separator.recipe import VoiceRecipe


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
        help="a recipe, whose test list is scored; a folder of TRACK/{mixture,SOURCE}.wav, such as MUSDB18-HQ, or of "
        "{mix,SOURCE}/TRACK.wav; a CSV list of files (mixture,SOURCE,...); or a folder of "
        "SPEAKER/**/*.{flac,wav,opus,mp3,...}, of which mixtures are made",
    )
    parser.add_argument(
        "--split",
        choices=("test", "valid", "train", "all"),
        default="test",
        help="which list of the recipe, or which part of a tree that has the folders train, valid or test",
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
    add_overrides(parser, "data.root=DIR")
    parser.add_argument(
        "--save-audio",
        action="store_true",
        help="also write DIR/audio/references and DIR/audio/estimates, as `separator score` takes them",
    )
    add_device(parser, "where the model runs")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16 or int8")
    parser.add_argument(
        "--no-consistency",
        action="store_true",
        help="score what the model gives, without making its sources sum to the mixture",
    )
    parser.add_argument(
        "--talkers", metavar="auto|2..6", help="of a list of meetings: how many there are (default: auto, finds it)"
    )
    add_no_voices(parser)
    add_scoring_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Separate and score every example of every list; one that fails is reported and the others are still done."""
    from separator.cli.scoring import cluster_workers
    from separator.inference import Separator
    from separator.recipe import VoiceRecipe, load_any_recipe
    from separator.scoring.oracle import ORACLES
    from separator.scoring.sets import find_lists

    is_recipe = args.data.suffix in (".yaml", ".yml") and not args.data.is_dir()
    recipe = load_any_recipe(args.data, args.overrides) if is_recipe else None
    if isinstance(recipe, VoiceRecipe):
        if args.cluster is not None:
            raise InputError("--cluster: expected a recipe of a model that separates, found one of a voice model")
        return _evaluate_voices(args, recipe)
    chosen = [part.strip() for each in args.lists for part in each.split(",")]
    names = find_lists(args.data, filter(None, chosen), args.overrides) if args.lists else []
    with cluster_workers(args) as workers:
        model: Separator | str = args.model
        if args.model not in ORACLES:
            consistency = False if args.no_consistency else None  # as the model says
            precision = args.precision if workers is None else workers.precision(args.precision)
            model = Separator.from_pretrained(
                args.model, args.device, precision, mixture_consistency=consistency, voices=not args.no_voices
            )
        if len(names) < 2:
            return _evaluate(args, model, names[0] if names else None, args.output, workers)
        against = args.against
        code = 0
        for name in names:
            print(f"{name}:")
            args.against = against and against / name  # of the same lists
            try:
                code |= _evaluate(args, model, name, args.output / name, workers)
            except InputError as error:
                print_error(f"{name}: {describe(error)}")
                code = 1
        return code


def _evaluate_voices(args: argparse.Namespace, recipe: "VoiceRecipe") -> int:
    """Score a voice model on every list of its recipe, or on those of `--list`."""
    from separator.data.lists import ALL_LISTS
    from separator.inference import Separator
    from separator.inference.voices import VoiceModel
    from separator.output_folders import check_outside
    from separator.scoring.voices import VoiceScores, evaluate_voices, write_voice_summary

    check_outside(args.output, recipe.data.folders)
    chosen = [name for each in args.lists for part in each.split(",") if (name := part.strip())]
    names = chosen if chosen and ALL_LISTS not in chosen else list(recipe.data.list_names)
    model = VoiceModel.from_pretrained(args.model, args.device)
    together = [name for name in names if name in recipe.data.lists and recipe.data.lists[name].scene == "together"]
    separated_by, device = recipe.data.separated_by, args.device
    separator = Separator.from_pretrained(separated_by, device, voices=False) if together else None
    scores: dict[str, VoiceScores] = {}
    for name in names:
        try:
            scores[name] = evaluate_voices(model.embed, recipe.data, args.split, name, separator, args.output / name)
        except InputError as error:
            print_error(f"{name}: {describe(error)}")
            continue
        found = scores[name]
        print(
            f"{name}: equal error rate {found.eer_percent:.2f} %, minDCF {found.min_dcf:.3f} "
            f"({found.num_same} of {found.num_trials} trials of one voice, {found.num_speakers} speakers)"
        )
    write_voice_summary(args.output, args.model, args.split, recipe.data, scores)
    return 1 if len(scores) < len(names) else 0


def _evaluate(
    args: argparse.Namespace,
    model: "Separator | str",
    list_name: str | None,
    output: Path,
    workers: "ClusterPool | None",
) -> int:
    from separator.cli.options import number_of
    from separator.cli.scoring import print_summary, scoring_options, watch
    from separator.scoring import evaluate

    with watch(args.debug) as watcher:
        summary = evaluate(
            model,
            args.data,
            output,
            model_name=args.model,
            overrides=args.overrides,
            split=args.split,
            list_name=list_name,
            save_audio=args.save_audio,
            talkers=number_of(args.talkers),
            watcher=watcher,
            workers=workers,
            **scoring_options(args),
        )
    return print_summary(summary, output)

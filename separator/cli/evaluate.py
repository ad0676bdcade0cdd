"""`separator evaluate MODEL --data RECIPE`: separates a fixed list of mixtures and scores it."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument("model", metavar="MODEL", help="name of a released model, a model folder, or a Hub id")
    parser.add_argument(
        "--data",
        metavar="RECIPE_OR_ROOT",
        type=Path,
        required=True,
        help="a recipe, whose test list is scored, or a folder of SPEAKER/**/*.{flac,wav,opus,ogg}",
    )
    parser.add_argument("--split", choices=("test", "valid"), default="test", help="which list of the recipe")
    parser.add_argument(
        "--set",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one setting of the recipe, such as data.root=DIR",
    )
    parser.add_argument("--save-audio", action="store_true", help="also write mixtures, sources and estimates as WAV")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="folder for the scores")


def run(args: argparse.Namespace) -> int:
    """Write DIR/mixtures.csv, DIR/scores.csv and DIR/summary.json, and print the summary."""
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from separator.data.config import DataConfig, MixtureListConfig, SpeakersConfig, SpeakerSet
    from separator.data.sets import load_list
    from separator.errors import InputError
    from separator.experiments.run import score_model
    from separator.inference import Separator
    from separator.recipe import load_recipe

    separator = Separator.from_pretrained(args.model, device=args.device, precision=args.precision)
    if args.data.is_dir():
        if args.overrides:
            raise InputError("--set changes a recipe, but --data is a folder")
        chosen = MixtureListConfig(path=".")
        data: DataConfig = SpeakersConfig(
            root=str(args.data),
            train=(SpeakerSet("."),),
            valid=chosen,
            test=chosen,
            num_speakers=len(separator.sources),
            sample_rate=separator.sample_rate,
        )
        sources = separator.sources
    else:
        recipe = load_recipe(args.data, args.overrides)
        data, sources = recipe.data, recipe.sources
    try:
        mixtures = load_list(data, sources, args.split)
    except InputError as error:
        raise InputError(f"{args.data}: {error}") from None

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("separating", total=len(mixtures))
        summary = score_model(
            separator,
            mixtures,
            args.output,
            about={"model": args.model, "data": str(args.data), "list": asdict(data)},
            save_audio=args.save_audio,
            on_mixture=lambda: progress.advance(task),
        )
    print(
        f"{summary['num_mixtures']} mixtures, {len(sources)} sources: SI-SDR {summary['si_sdr_db']:.2f} dB, "
        f"SI-SDRi {summary['si_sdri_db']:.2f} dB (median {summary['si_sdri_db_median']:.2f} dB)"
    )
    print(f"scores are in {args.output}", file=sys.stderr)
    return 0

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
    import csv
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from separator.data.config import MixtureListConfig
    from separator.data.mixture_list import MixtureList
    from separator.data.speakers import load_speakers
    from separator.errors import InputError
    from separator.evaluation.mixtures import evaluate_mixtures, summarise
    from separator.inference import Separator
    from separator.recipe import load_recipe

    separator = Separator.from_pretrained(args.model, device=args.device, precision=args.precision)
    if args.data.is_dir():
        if args.overrides:
            raise InputError("--set changes a recipe, but --data is a folder")
        root, config = args.data, MixtureListConfig(path=".")
        sample_rate, num_speakers = separator.sample_rate, len(separator.sources)
    else:
        data = load_recipe(args.data, args.overrides).data
        chosen = data.test if args.split == "test" else data.valid
        if chosen is None:
            raise InputError(f"{args.data}: data.test is missing; expected it, or --split valid")
        root, config = Path(data.root), chosen
        sample_rate, num_speakers = data.sample_rate, data.num_speakers
    mixtures = MixtureList(config, load_speakers(root, config.path, sample_rate), num_speakers, sample_rate)

    args.output.mkdir(parents=True, exist_ok=True)
    mixtures.write_csv(args.output / "mixtures.csv")
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("separating", total=len(mixtures))
        scores = evaluate_mixtures(
            separator,
            mixtures,
            audio_folder=args.output / "audio" if args.save_audio else None,
            on_mixture=lambda: progress.advance(task),
        )
    with (args.output / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(scores[0])))
        writer.writeheader()
        writer.writerows(asdict(score) for score in scores)
    summary = {"model": args.model, "data": str(args.data), "list": asdict(config), **summarise(scores)}
    (args.output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(
        f"{summary['num_mixtures']} mixtures, {num_speakers} talkers: SI-SDR {summary['si_sdr_db']:.2f} dB, "
        f"SI-SDRi {summary['si_sdri_db']:.2f} dB (median {summary['si_sdri_db_median']:.2f} dB)"
    )
    print(f"scores are in {args.output}", file=sys.stderr)
    return 0

"""`separator prepare DATASET ROOT -o DIR`: converts a data set once into what training reads fast, or checks it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.options import add_jobs, add_output, add_overrides, check_jobs

if TYPE_CHECKING:
    from separator.data.config import DataConfig
    from separator.data.prepare import ConversionResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="speakers, librimix, wsj0_mix (and WHAM!), whamr, musdb, stems, csv, or a recipe",
    )
    parser.add_argument("root", metavar="ROOT", type=Path, help="the data set's folder")
    add_output(parser, "the prepared tree", required=False)
    parser.add_argument("--sample-rate", type=int, help="in Hz (default: the recipe's, or 16000)")
    parser.add_argument("--format", choices=("flac", "wav"), default="flac", help="of the files (default: flac)")
    add_jobs(parser, "files converted at the same time (default: one for each core)")
    parser.add_argument("--check", action="store_true", help="convert nothing: list everything that is wrong")
    add_overrides(parser, "data.task=sep_noisy", "the data")


def run(args: argparse.Namespace) -> int:
    """Return 0 when all is converted, or nothing is wrong; 1 when some files failed, or something is wrong."""
    from dataclasses import replace

    from separator.data.config import DataConfig
    from separator.errors import InputError
    from separator.recipe import load_data_section, load_recipe

    if args.dataset.endswith((".yaml", ".yml")):
        recipe = load_recipe(args.dataset, args.overrides)
        config: DataConfig = replace(recipe.data, root=str(args.root))
        sources: tuple[str, ...] = recipe.sources
    else:
        config = load_data_section(args.dataset, args.root, args.overrides)
        sources = config.default_sources
    if args.sample_rate is not None and not 1000 <= args.sample_rate <= 1_000_000:
        raise InputError(f"--sample-rate: expected from 1000 to 1000000 Hz, found {args.sample_rate}")
    sample_rate = args.sample_rate or config.sample_rate
    if args.check:
        return _check(replace(config, sample_rate=sample_rate), sources)
    if args.output is None:
        raise InputError("expected -o DIR, the folder for the prepared tree, or --check")
    check_jobs(args.jobs)
    return _convert(args, sample_rate)


def _check(config: "DataConfig", sources: tuple[str, ...]) -> int:
    wrong: set[str] = set()  # what is wrong with the whole tree is so with every split
    for split, num_whole, problems in config.find_problems(sources):
        for problem in problems:
            if problem not in wrong:
                print(problem)
        wrong.update(problems)
        print(f"{split}: {num_whole} whole, {len(problems)} problems", file=sys.stderr)
    return 1 if wrong else 0


def _convert(args: argparse.Namespace, sample_rate: int) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from separator.cli.main import print_error
    from separator.data.prepare import find_conversions, prepare

    console = Console(stderr=True)
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("preparing", total=len(find_conversions(args.root, f".{args.format}")))

        def report(done: "ConversionResult") -> None:
            progress.advance(bar)
            if done.error:
                print_error(done.error)
            if done.clipped:
                path = done.conversion.source
                print(f"{path}: {done.clipped} samples over full scale after resampling were limited", file=sys.stderr)

        results = prepare(args.root, args.output, sample_rate, args.format, args.jobs, report)
    failed = sum(bool(done.error) for done in results)
    kept = sum(done.was_there for done in results)
    print(
        f"{len(results) - failed - kept} files converted, {kept} there already, {failed} failed, at {sample_rate} Hz",
        file=sys.stderr,
    )
    print(args.output)
    return 1 if failed else 0

"""`separator compare RECIPES... -o DIR`: trains recipes alike, scores them alike, writes one table and one plot."""

import argparse
import re
import shlex
import sys
import traceback
from pathlib import Path

from separator.cli.main import print_error
from separator.cli.options import add_output, add_overrides
from separator.errors import InputError, describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "recipes",
        metavar="RECIPES",
        nargs="+",
        type=Path,
        help="recipes, or folders of them (base.yaml, what the others build on, is not compared)",
    )
    add_output(parser, "folder for runs and results")
    add_overrides(parser, "training.max_steps=500", "all recipes")
    parser.add_argument("--only", metavar="NAME,...", default="", help="compare only the recipes of these names")
    parser.add_argument(
        "--vary",
        metavar="SECTION,...",
        default="",
        help="let the recipes differ in these too: data (the test mixtures must be the same all the same), loss, "
        "examples (number of steps, batches, validations), seed; model, optimizer and trainer may differ in any case",
    )
    parser.add_argument(
        "--seeds",
        metavar="N,...",
        default="",
        help="train each recipe with each of these seeds, such as 0,1,2, into DIR/NAME/seed-N: the table gives the "
        "mean and standard deviation",
    )


def run(args: argparse.Namespace) -> int:
    """Return 0 when all are done, 1 when some failed, 130 when stopped with the state saved."""
    from separator.comparison.compare import Stopped, compare
    from separator.comparison.fairness import load_recipes
    from separator.comparison.page import write_report
    from separator.comparison.plot import plot_table
    from separator.comparison.table import make_table, write_csv
    from separator.output_folders import check_outside, make_folder
    from separator.replacing import replace_file

    only, vary = ([name for name in names.split(",") if name] for names in (args.only, args.vary))
    seeds = _read_seeds(args.seeds)
    first_seed = [f"training.seed={seed}" for seed in seeds[:1]]  # whatever seeds the recipes have
    recipes = load_recipes(args.recipes, [*args.overrides, *first_seed], only, vary)
    command = shlex.join(
        [
            *("separator", "compare", *map(str, args.recipes)),
            *(part for override in args.overrides for part in ("--set", override)),
            *(("--only", args.only) if only else ()),
            *(("--vary", args.vary) if vary else ()),
            *(("--seeds", args.seeds) if seeds else ()),
            *("-o", str(args.output)),
        ]
    )
    check_outside(args.output, [folder for recipe in recipes for folder in recipe.data.folders])
    make_folder(args.output)
    try:
        results, failures = compare(recipes, args.output, lambda line: print(line, file=sys.stderr, flush=True), seeds)
    except Stopped:
        print(f"stopped; go on with the same command: {command}", file=sys.stderr)
        return 130
    reasons = {name: describe(error) for name, error in failures.items()}
    for name, reason in reasons.items():
        if args.debug:
            traceback.print_exception(failures[name])
        print_error(f"{name}: {reason}")
    if not results:
        return 1
    table = make_table(results, recipes[0], with_runs=bool(seeds))
    write_csv(table, args.output / "results.csv")
    replace_file(args.output / "results.png", lambda path: plot_table(table, path))
    num_mixtures = len(results[0].runs[0].items)
    write_report(args.output / "results.md", table, recipes[0], seeds, num_mixtures, reasons, command)
    print(f"best: {table[0].mean.name}, SI-SDRi {table[0].mean.si_sdri_db:.2f} dB", file=sys.stderr)
    print(args.output / "results.md")
    return 1 if failures else 0


def _read_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that `--seeds` names; none where it is left out."""
    seeds = tuple(map(int, text.split(","))) if re.fullmatch(r"\d+(,\d+)*", text) else ()
    if (text and not seeds) or len(set(seeds)) != len(seeds) or max(seeds, default=0) >= 2**32:
        raise InputError(f"--seeds: expected different whole numbers from 0, such as 0,1,2, found {text!r}")
    return seeds

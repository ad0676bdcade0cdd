"""`separator compare RECIPES... -o DIR`: trains recipes alike, scores them alike, writes one table and one plot."""

import argparse
import sys
from pathlib import Path

from separator.cli.options import add_output, add_overrides


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


def run(args: argparse.Namespace) -> int:
    """Return 0 when all are done, 1 when some failed, 130 when stopped with the state saved."""
    import shlex
    import traceback

    from separator.cli.main import print_error
    from separator.comparison.compare import Stopped, compare
    from separator.comparison.fairness import load_recipes, other_differences
    from separator.comparison.page import write_report
    from separator.comparison.plot import plot_rows
    from separator.comparison.table import make_rows, write_csv
    from separator.errors import describe
    from separator.replacing import replace_file

    only = [name for name in args.only.split(",") if name]
    recipes = load_recipes(args.recipes, args.overrides, only)
    command = shlex.join(
        [
            *("separator", "compare", *map(str, args.recipes)),
            *(part for override in args.overrides for part in ("--set", override)),
            *(("--only", args.only) if only else ()),
            *("-o", str(args.output)),
        ]
    )
    args.output.mkdir(parents=True, exist_ok=True)
    try:
        results, failures = compare(recipes, args.output, lambda line: print(line, file=sys.stderr, flush=True))
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
    rows = make_rows(results)
    replace_file(args.output / "results.csv", lambda path: write_csv(rows, path))
    replace_file(args.output / "results.png", lambda path: plot_rows(rows, path))
    num_mixtures = len(results[0].items)
    differences = other_differences(recipes)
    write_report(args.output / "results.md", rows, recipes[0], num_mixtures, differences, reasons, command)
    print(f"best: {rows[0].name}, SI-SDRi {rows[0].si_sdri_db:.2f} dB", file=sys.stderr)
    print(args.output / "results.md")
    return 1 if failures else 0

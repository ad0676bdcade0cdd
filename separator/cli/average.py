"""`separator average RUN`: the mean of the best models that a run has kept, scored beside the best of them."""

import argparse
import json
from pathlib import Path

from separator.cli.main import print_result
from separator.cli.options import add_json, add_output, add_overrides
from separator.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument(
        "run", metavar="RUN_DIR", type=Path, help="folder of a run that keeps several models (training.keep_best)"
    )
    parser.add_argument("-k", dest="num_models", metavar="K", type=int, help="how many of the best (default: all kept)")
    add_overrides(parser, "data.root=DATA", "the run's recipe")
    add_output(parser, "write the mean there as a model folder (default: score it, and write nothing)", required=False)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Score, and write if asked; 0 when done."""
    from separator.checkpoint import CONFIG_NAME, WEIGHTS_NAME
    from separator.output_folders import check_writable
    from separator.training.averaging import average_run, save_average

    if args.num_models is not None and args.num_models < 2:
        raise InputError(f"-k: expected at least 2, found {args.num_models}")
    if args.output is not None and any((args.output / name).exists() for name in (CONFIG_NAME, WEIGHTS_NAME)):
        raise InputError(f"{args.output}: expected a folder without a model, found one in it: give another -o")
    if args.output is not None:
        check_writable(args.output)
    averaged = average_run(args.run, args.num_models, args.overrides)
    steps = [each.step for each in averaged.kept]
    if args.json:
        if args.output is not None:
            save_average(averaged, args.output)
        facts = {
            "steps": steps,
            "best_si_sdri_db": averaged.best_db,
            "mean_si_sdri_db": averaged.mean_db,
            "model": None if args.output is None else str(args.output),
        }
        print_result(json.dumps(facts))
        return 0
    statistics = f", {averaged.num_statistics} running statistics of batch norms too" if averaged.num_statistics else ""
    print_result(f"best: step {steps[0]}, SI-SDRi on validation {averaged.best_db:.2f} dB")
    print_result(f"mean of steps {', '.join(map(str, steps))}{statistics}: {averaged.mean_db:.2f} dB")
    if args.output is not None:
        save_average(averaged, args.output)
    print_result(str(args.output) if args.output is not None else "not written: add -o DIR")
    return 0

"""`separator train RECIPE`: trains a recipe, or goes on with a run."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe, such as recipes/speech-2spk.yaml")
    parser.add_argument(
        "--set",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="change one setting of the recipe, such as training.batch_size=4; may be repeated",
    )
    parser.add_argument("-o", "--output", metavar="RUN_DIR", type=Path, help="run folder (default: runs/RECIPE_NAME)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in RUN_DIR")


def run(args: argparse.Namespace) -> int:
    """Train; 0 when finished, 130 when stopped by Ctrl-C or SIGTERM with the state saved."""
    import shlex

    from separator.experiments.run import RECIPE_NAME, train_recipe
    from separator.recipe import load_recipe

    recipe = load_recipe(args.recipe, args.overrides)
    run_folder = args.output or Path("runs") / recipe.name
    outcome = train_recipe(recipe, run_folder, args.resume)
    if outcome.stopped_by_signal:
        print(
            f"stopped at step {outcome.steps} of {recipe.training.max_steps}; go on with: "
            f"separator train {shlex.quote(str(run_folder / RECIPE_NAME))} -o {shlex.quote(str(run_folder))} --resume",
            file=sys.stderr,
        )
        return 130
    print(f"step {outcome.steps}, best SI-SDRi on validation {outcome.best_si_sdri_db:.2f} dB", file=sys.stderr)
    print(outcome.model_folder)
    return 0

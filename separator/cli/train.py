"""`separator train RECIPE`: trains a recipe, or goes on with a run."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from separator.cli.options import add_output, add_overrides

if TYPE_CHECKING:
    from separator.recipe import AnyRecipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; imports nothing heavy."""
    parser.add_argument("recipe", metavar="RECIPE", type=Path, help="a recipe, such as recipes/speech-2spk.yaml")
    add_overrides(parser, "training.batch_size=4")
    add_output(parser, "run folder (default: runs/RECIPE_NAME)", "RUN_DIR", required=False)
    parser.add_argument(
        "--dry-run", action="store_true", help="check recipe, data and memory, time a few steps, and leave nothing"
    )
    going_on = parser.add_mutually_exclusive_group()
    going_on.add_argument("--resume", action="store_true", help="go on with the run in RUN_DIR")
    going_on.add_argument(
        "--resume-from",
        metavar="MODEL",
        help="go back to a model that the run in RUN_DIR has kept (models/step-N, model, or its step) and go on from "
        "there, with a new optimiser; what the run has made since is moved to RUN_DIR/abandoned",
    )


def run(args: argparse.Namespace) -> int:
    """Train; 0 when finished, 130 when stopped by Ctrl-C or SIGTERM with the state saved."""
    from separator.comparison.run import train_recipe
    from separator.recipe import load_any_recipe
    from separator.training.run import RECIPE_NAME

    recipe = load_any_recipe(args.recipe, args.overrides)
    if args.dry_run:
        return _print_plan(recipe)
    run_folder = args.output or Path("runs") / recipe.name
    outcome = train_recipe(recipe, run_folder, args.resume, args.resume_from)
    if not outcome.is_main:
        return 130 if outcome.stopped_by_signal else 0
    if outcome.stopped_by_signal:
        print(
            f"stopped at step {outcome.steps} of {recipe.training.max_steps}; go on with: "
            f"separator train {shlex.quote(str(run_folder / RECIPE_NAME))} -o {shlex.quote(str(run_folder))} --resume",
            file=sys.stderr,
        )
        return 130
    print(f"step {outcome.steps}, on validation at best {outcome.score.describe(outcome.best)}", file=sys.stderr)
    print(outcome.model_folder)
    return 0


def _print_plan(recipe: "AnyRecipe") -> int:
    from separator.training.dry_run import dry_run
    from separator.training.parts import describe_batch

    estimate = dry_run(recipe, show_progress=sys.stderr.isatty())
    training, trainer = recipe.training, recipe.trainer
    devices = trainer.devices * trainer.num_nodes
    batches = f"{training.accumulate_batches} batches" if training.accumulate_batches > 1 else "a batch"
    seconds = estimate.audio_seconds_per_step
    lines = {
        "recipe": f"{recipe.name}: {recipe.network}, {estimate.parameters / 1e6:.2f} M parameters",
        "loss": str(recipe.loss),
        "a step": f"{batches} of {describe_batch(recipe)}" + (f" on each of {devices} devices" if devices > 1 else ""),
        "all steps": f"{training.max_steps}, {seconds * devices * training.max_steps / 3600:.1f} hours of mixtures",
        "device": f"{estimate.device}, {trainer.precision}{', compiled' if trainer.compile else ''}",
        "memory": f"{estimate.peak_memory_mb / 1000:.2f} GB at the most in the first steps",
        "time": f"{estimate.step_seconds:.3f} s a step ({seconds / estimate.step_seconds:.0f} s of audio a second), "
        f"{estimate.loader_seconds:.3f} s of them waiting for examples; the first {estimate.first_step_seconds:.1f} s",
        "loader": f"{estimate.loader_examples_per_second:.0f} examples a second on its own, where training takes "
        f"{training.batch_size * training.accumulate_batches / estimate.step_seconds:.1f}",
        "validation": f"{estimate.validation_seconds:.1f} s, every {training.validate_every_steps} steps "
        f"({_duration(training.validate_every_steps * estimate.step_seconds)})",
        "whole run": _duration(estimate.total_seconds),
    }
    if estimate.examples_per_epoch is not None:
        per_step = training.batch_size * training.accumulate_batches * devices
        steps = -(-estimate.examples_per_epoch // per_step)
        lines["epoch"] = f"{steps} steps, {_duration(steps * estimate.step_seconds)}"
    for line in estimate.contents:
        print(f"{'data':<12}{line}")
    for name, text in lines.items():
        print(f"{name:<12}{text}")
    return 0


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"

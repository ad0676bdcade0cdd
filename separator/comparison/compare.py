"""Several recipes trained alike, scored on the same mixtures, and measured on the same machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from separator.comparison.mixtures import load_test_mixtures, score_best
from separator.comparison.run import read_outcome, train_recipe
from separator.errors import InputError
from separator.inference import Separator
from separator.recipe import Recipe, find_differences, load_recipe, recipe_to_dict
from separator.replacing import replace_text
from separator.scoring.item_scores import ItemScores
from separator.scoring.separating import TestSet
from separator.training.best import MODEL_NAME
from separator.training.record import OUTCOME_NAME
from separator.training.run import RECIPE_NAME, STATE_NAME

SCORES_FOLDER = "scores"
COST_NAME = "cost.json"

FREE_TO_CHANGE = (
    *("data.root", "data.num_workers", "training.max_steps", "training.validate_every_steps"),
    *("training.sample_every_validations", "training.num_samples", "training.keep_best"),
    *("trainer.compile", "trainer.accelerator", "trainer.deterministic", "trainer.loggers"),
)
"""Settings in which a run may differ from its recipe: they change neither the model nor its examples."""


@dataclass(frozen=True)
class Run:
    """One training of a recipe.

    Attributes:
        recipe: The recipe, with the seed of this run.
        folder: Its run folder.
        label: What it is called: the recipe's name, and the seed where there are several.
    """

    recipe: Recipe
    folder: Path
    label: str


@dataclass(frozen=True)
class ScoredRun:
    """A run that is finished.

    Attributes:
        seed: Its seed.
        outcome: `outcome.json` of the run.
        items: The scores of every mixture.
    """

    seed: int
    outcome: dict[str, Any]
    items: list[ItemScores]


@dataclass(frozen=True)
class Result:
    """Result of one recipe at the end of a comparison.

    Attributes:
        recipe: The recipe.
        runs: Its finished runs, one for each seed.
        cost: What `separator info --measure --json` printed of its model.
    """

    recipe: Recipe
    runs: tuple[ScoredRun, ...]
    cost: dict[str, Any]


class Stopped(Exception):
    """Ctrl-C or SIGTERM ended a training; its state is saved."""


def compare(
    recipes: list[Recipe], folder: Path, report: Callable[[str], None], seeds: Sequence[int] = ()
) -> tuple[list[Result], dict[str, Exception]]:
    """Train what is not yet trained, score what is not yet scored, and measure what all of them cost.

    Each recipe has its run folder, `folder/NAME`, or with seeds one for each, `folder/NAME/seed-0`. What is there from
    an earlier call is kept: a comparison that was stopped goes on where it was. A run that fails does not stop the
    others.

    Args:
        recipes: As `separator.comparison.fairness.load_recipes` gives them.
        folder: Made if missing.
        report: Called with a line for each step.
        seeds: Train each recipe with each of these in place of its own; all recipes first with the first seed.

    Returns:
        The results, in the order of the recipes, and the failures by the run's label.

    Raises:
        InputError: If the test data is missing or not the same for all, or a run in the folder is of another recipe.
        Stopped: If a signal ended a training.
    """
    runs = _plan(recipes, folder, seeds)
    for run in runs:
        _check_same_recipe(run)
    test_set = load_test_mixtures(recipes)
    failures: dict[str, Exception] = {}
    scored: dict[str, list[ScoredRun]] = {recipe.name: [] for recipe in recipes}
    for number, run in enumerate(runs, start=1):
        report(f"[{number}/{len(runs)}] {run.label}")
        try:
            scored[run.recipe.name].append(_train_and_score(run, test_set, report))
        except Stopped:
            raise
        except Exception as error:  # the others still get done
            failures[run.label] = error
    results = []
    for recipe in recipes:
        finished = next((run for run in runs if run.recipe.name == recipe.name and run.label not in failures), None)
        if finished is not None:
            try:
                results.append(Result(recipe, tuple(scored[recipe.name]), _measure(finished.folder)))
            except Exception as error:
                failures[recipe.name] = error
    return results, failures


def _plan(recipes: list[Recipe], folder: Path, seeds: Sequence[int]) -> list[Run]:
    if not seeds:
        return [Run(recipe, folder / recipe.name, recipe.name) for recipe in recipes]
    return [
        Run(
            replace(recipe, training=replace(recipe.training, seed=seed)),
            folder / recipe.name / f"seed-{seed}",
            f"{recipe.name}, seed {seed}",
        )
        for seed in seeds
        for recipe in recipes
    ]


def _check_same_recipe(run: Run) -> None:
    """Refuse to go on with a run of another recipe; a later end of training, or data moved, is no other recipe."""
    path = run.folder / RECIPE_NAME
    if not any((run.folder / name).exists() for name in (STATE_NAME, OUTCOME_NAME)):
        return  # nothing to go on with: it starts anew
    if not path.exists():
        raise InputError(f"{path}: expected the recipe of the run in this folder, found nothing; give another -o")
    earlier = load_recipe(path)
    if earlier.training.max_steps > run.recipe.training.max_steps:
        raise InputError(
            f"{path}: expected training.max_steps of at most {run.recipe.training.max_steps}, as in the recipe, "
            f"found {earlier.training.max_steps}; delete it, or give another -o"
        )
    for key, (found, expected) in find_differences(recipe_to_dict(earlier), recipe_to_dict(run.recipe)).items():
        if key not in FREE_TO_CHANGE:
            raise InputError(
                f"{run.folder}: expected a run of {run.label} as it is now, with {key} {expected!r}, "
                f"found {found!r}; delete it, or give another -o"
            )


def _train_and_score(run: Run, test_set: TestSet, report: Callable[[str], None]) -> ScoredRun:
    outcome = _train(run.recipe, run.folder, report)
    separator = Separator.from_pretrained(run.folder / MODEL_NAME, precision="float32", voices=False)
    settings = {"root": str(Path(run.recipe.data.root).resolve()), "steps": outcome["steps"]}
    items = score_best(separator, run.recipe.name, test_set, settings, run.folder / SCORES_FOLDER, report)
    return ScoredRun(run.recipe.training.seed, outcome, items)


def _train(recipe: Recipe, run_folder: Path, report: Callable[[str], None]) -> dict[str, Any]:
    if (run_folder / OUTCOME_NAME).exists():
        outcome = read_outcome(run_folder)
        if outcome["steps"] >= recipe.training.max_steps:
            report(f"  trained already: {outcome['steps']} steps")
            return outcome
    torch.compiler.reset()  # the graphs of the recipe before
    if train_recipe(recipe, run_folder, resume=(run_folder / STATE_NAME).exists()).signal_received:
        raise Stopped
    return read_outcome(run_folder)


def _measure(run_folder: Path) -> dict[str, Any]:
    """Measure what a run's model costs, in a process of its own: memory is a process's."""
    # -P: a folder here that is called `separator` is not this package. Absolute: no path that looks like an option.
    command = [sys.executable, "-P", "-m", "separator", "info", str((run_folder / MODEL_NAME).absolute())]
    package_parent = str(Path(__file__).parents[2])
    python_path = os.pathsep.join(path for path in (package_parent, os.environ.get("PYTHONPATH")) if path)
    measured = subprocess.run(
        [*command, "--measure", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": python_path},
    )
    if measured.returncode != 0:
        reason = measured.stderr.strip() or f"it ended with exit code {measured.returncode}"
        raise InputError(f"cannot measure {run_folder / MODEL_NAME}: {reason}")
    replace_text(run_folder / COST_NAME, measured.stdout)
    cost: dict[str, Any] = json.loads(measured.stdout)
    return cost

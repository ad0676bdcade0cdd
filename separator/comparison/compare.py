"""Several recipes trained alike, scored on the same mixtures, and measured on the same machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from separator.comparison.fairness import first_difference
from separator.comparison.run import read_outcome, train_recipe
from separator.errors import InputError
from separator.inference import Separator
from separator.recipe import Recipe, load_recipe, recipe_to_dict
from separator.replacing import replace_text
from separator.scoring.assignment import NOISE
from separator.scoring.item_scores import ItemScores
from separator.scoring.run import evaluate_test_set
from separator.scoring.separating import TestSet
from separator.scoring.sets import load_list_of
from separator.training.best import MODEL_NAME
from separator.training.record import OUTCOME_NAME
from separator.training.run import RECIPE_NAME, STATE_NAME

SCORES_FOLDER = "scores"
COST_NAME = "cost.json"

FREE_TO_CHANGE = (
    *(("data", "root"), ("data", "num_workers"), ("training", "max_steps"), ("training", "validate_every_steps")),
    *(("training", "sample_every_validations"), ("training", "num_samples"), ("training", "keep_best")),
    *(("trainer", "compile"), ("trainer", "accelerator"), ("trainer", "deterministic"), ("trainer", "loggers")),
)
"""Settings in which a run may differ from its recipe: they change neither the model nor its examples."""


@dataclass(frozen=True)
class Result:
    """Result of one recipe at the end of a comparison.

    Attributes:
        recipe: The recipe.
        outcome: `outcome.json` of its run.
        cost: What `separator info --json` printed of its model.
        items: The scores of every mixture.
    """

    recipe: Recipe
    outcome: dict[str, Any]
    cost: dict[str, Any]
    items: list[ItemScores]


class Stopped(Exception):
    """Ctrl-C or SIGTERM ended a training; its state is saved."""


def compare(
    recipes: list[Recipe], folder: Path, report: Callable[[str], None]
) -> tuple[list[Result], dict[str, Exception]]:
    """Train what is not yet trained, score what is not yet scored, and measure what all of them cost.

    Each recipe has its run folder, `folder/NAME`. What is there from an earlier call is kept: a comparison that was
    stopped goes on where it was. One recipe's failure does not stop the others.

    Args:
        recipes: As `separator.comparison.fairness.load_recipes` gives them.
        folder: Made if missing.
        report: Called with a line for each step.

    Returns:
        The results, in the order of the recipes, and the failures by name.

    Raises:
        InputError: If the test data is missing, or a run in the folder is of another recipe.
        Stopped: If a signal ended a training.
    """
    for recipe in recipes:
        _check_same_recipe(recipe, folder / recipe.name)
    try:
        test_set = load_list_of(recipes[0].data, recipes[0].sources, "the test list")
    except InputError as error:
        raise InputError(f"{recipes[0].name}: {error}") from None
    failures: dict[str, Exception] = {}
    scored: dict[str, list[ItemScores]] = {}
    for number, recipe in enumerate(recipes, start=1):
        report(f"[{number}/{len(recipes)}] {recipe.name}")
        try:
            outcome = _train(recipe, folder / recipe.name, report)
            separator = Separator.from_pretrained(folder / recipe.name / MODEL_NAME, precision="float32")
            settings = {"root": str(Path(recipe.data.root).resolve()), "steps": outcome["steps"]}
            scored[recipe.name] = score_best(
                separator, recipe.name, test_set, settings, folder / recipe.name / SCORES_FOLDER, report
            )
        except Stopped:
            raise
        except Exception as error:  # the other recipes still get done
            failures[recipe.name] = error
    results = []
    for recipe in recipes:
        if recipe.name not in failures:
            try:
                results.append(_measure(recipe, folder / recipe.name, scored[recipe.name]))
            except Exception as error:
                failures[recipe.name] = error
    return results, failures


def _check_same_recipe(recipe: Recipe, run_folder: Path) -> None:
    """Refuse to go on with a run of another recipe; a later end of training, or data moved, is no other recipe."""
    path = run_folder / RECIPE_NAME
    if not any((run_folder / name).exists() for name in (STATE_NAME, OUTCOME_NAME)):
        return  # nothing to go on with: it starts anew
    if not path.exists():
        raise InputError(f"{path}: expected the recipe of the run in this folder, found nothing; give another -o")
    earlier, now = (recipe_to_dict(each) for each in (load_recipe(path), recipe))
    if earlier["training"]["max_steps"] > now["training"]["max_steps"]:
        raise InputError(
            f"{path}: expected training.max_steps of at most {now['training']['max_steps']}, as in the recipe, "
            f"found {earlier['training']['max_steps']}; delete it, or give another -o"
        )
    for section, key in FREE_TO_CHANGE:
        del earlier[section][key], now[section][key]
    for section, value in now.items():
        if value != earlier[section]:
            key, found, expected = first_difference(section, earlier[section], value)
            raise InputError(
                f"{run_folder}: expected a run of {recipe.name} as it is now, with {key} {expected!r}, "
                f"found {found!r}; delete it, or give another -o"
            )


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


def score_best(
    separator: Separator,
    name: str,
    test_set: TestSet,
    settings: dict[str, Any],
    folder: Path,
    report: Callable[[str], None] = lambda line: None,
) -> list[ItemScores]:
    """Score a model as `separator evaluate` does, by SI-SDR alone and without noise, which many mixtures have none of.

    What an earlier call has scored with the same weights is kept; other scores in the folder are done away with.

    Args:
        separator: The model.
        name: What to call it.
        test_set: The mixtures.
        settings: What they depend on.
        folder: For the scores; made if missing.
        report: Called with a line that says what came out.

    Raises:
        InputError: If the model does not fit the mixtures, or one of them cannot be scored.
    """
    scored_sources = tuple(source for source in test_set.sources if source != NOISE)
    without_noise = replace(test_set, sources=scored_sources, delivered=test_set.sources)
    scored = evaluate_test_set(separator, name, without_noise, settings, folder, metrics="si_sdr", jobs=1, replace=True)
    for item, reason in scored.summary["failed"].items():
        raise InputError(f"{item}: {reason}")
    if scored.summary.get("si_sdri_db") is None:
        raise InputError("expected test mixtures whose sources sound, found silence in all")
    again = "scored already: " if scored.num_kept == len(scored.items) else ""
    report(f"  {again}SI-SDRi {scored.summary['si_sdri_db']:.2f} dB on {len(scored.items)} mixtures")
    return scored.items


def _measure(recipe: Recipe, run_folder: Path, items: list[ItemScores]) -> Result:
    """Measure what a run's model costs, in a process of its own: memory is a process's."""
    # -P: a folder here that is called `separator` is not this package. Absolute: no path that looks like an option.
    command = [sys.executable, "-P", "-m", "separator", "info", str((run_folder / MODEL_NAME).absolute()), "--json"]
    package_parent = str(Path(__file__).parents[2])
    python_path = os.pathsep.join(path for path in (package_parent, os.environ.get("PYTHONPATH")) if path)
    measured = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": python_path}
    )
    if measured.returncode != 0:
        raise InputError(f"cannot measure {run_folder / MODEL_NAME}: {measured.stderr.strip()}")
    replace_text(run_folder / COST_NAME, measured.stdout)
    return Result(
        recipe=recipe,
        outcome=read_outcome(run_folder),
        cost=json.loads(measured.stdout),
        items=items,
    )

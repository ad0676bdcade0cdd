"""A recipe's run: train it into a folder, and read what it left there."""

import json
from pathlib import Path
from typing import Any

import yaml

from separator.errors import InputError
from separator.output_folders import check_outside, make_folder
from separator.recipe import AnyRecipe, find_differences, recipe_to_dict
from separator.replacing import replace_text
from separator.training.record import OUTCOME_NAME
from separator.training.run import RECIPE_NAME, Outcome, check_run_folder, train
from separator.training.state import is_main_process


def train_recipe(recipe: AnyRecipe, run_folder: Path, resume: bool = False, resume_from: str | None = None) -> Outcome:
    """Train a recipe; the folder also holds the recipe with every default, and `outcome.json` once it is finished.

    Args:
        recipe: What to train.
        run_folder: Made if missing.
        resume: Go on from the state in the folder.
        resume_from: Go on from a model that the run has kept, with a new optimiser.

    Raises:
        InputError: As `separator.training.run.train`, or if the folder lies in the data.
    """
    check_outside(run_folder, recipe.data.folders)
    goes_on = resume or resume_from is not None
    check_run_folder(run_folder, resume, resume_from)
    make_folder(run_folder)
    resolved = run_folder / RECIPE_NAME
    text = yaml.safe_dump(recipe_to_dict(recipe), sort_keys=False)
    if not goes_on and is_main_process():
        replace_text(resolved, text)
    outcome = train(run_folder, recipe, resume, _changes(resolved, text) if goes_on else None, resume_from)
    if not outcome.is_main:
        return outcome
    replace_text(resolved, text)  # of a resumed run only now: one that could not start changes nothing
    if not outcome.stopped_by_signal:
        facts = {
            "steps": outcome.steps,
            outcome.score.key: outcome.best,
            "training_seconds": round(outcome.training_seconds, 1),
        }
        replace_text(run_folder / OUTCOME_NAME, json.dumps(facts, indent=2) + "\n")
    return outcome


def _changes(resolved: Path, text: str) -> dict[str, tuple[Any, Any]]:
    """Return the settings in which a recipe differs from a run's, each with what it was and what it is."""
    try:
        before = yaml.safe_load(resolved.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):  # nothing to compare with
        return {}
    return find_differences(before, yaml.safe_load(text))


def read_outcome(run_folder: Path) -> dict[str, Any]:
    """Read what `train_recipe` wrote of a finished run.

    Raises:
        InputError: If it is damaged.
    """
    path, numbers = run_folder / OUTCOME_NAME, ("steps", "valid_si_sdri_db", "training_seconds")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no JSON, or no text at all
        facts = None
    if not isinstance(facts, dict) or not all(isinstance(facts.get(key), int | float) for key in numbers):
        raise InputError(
            f"{path}: expected JSON with the numbers {', '.join(numbers)}, found something else; "
            "delete it, and this part is done again"
        )
    return facts

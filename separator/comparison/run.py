"""A recipe's run: train it into a folder, score a model on its list of mixtures."""

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from separator.data.example import ExampleSet
from separator.data.mixture_list import MixtureList
from separator.errors import InputError
from separator.inference import Separator
from separator.recipe import Recipe, recipe_to_dict
from separator.replacing import replace_file, replace_text
from separator.scoring.mixtures import SourceScore, evaluate_mixtures, summarise
from separator.training.run import RECIPE_NAME, Outcome, check_run_folder, train
from separator.training.state import is_main_process

OUTCOME_NAME = "outcome.json"
SCORES_NAME = "scores.csv"
SUMMARY_NAME = "summary.json"


def train_recipe(recipe: Recipe, run_folder: Path, resume: bool = False) -> Outcome:
    """Train a recipe; the folder also holds the recipe with every default, and `outcome.json` once it is finished.

    Args:
        recipe: What to train.
        run_folder: Made if missing.
        resume: Go on from the state in the folder.

    Raises:
        InputError: As `separator.training.run.train`.
    """
    check_run_folder(run_folder, resume)
    run_folder.mkdir(parents=True, exist_ok=True)
    resolved = run_folder / RECIPE_NAME
    text = yaml.safe_dump(recipe_to_dict(recipe), sort_keys=False)
    if not resume and is_main_process():
        replace_text(resolved, text)
    outcome = train(run_folder, recipe, resume, _changes(resolved, text) if resume else None)
    if not outcome.is_main:
        return outcome
    replace_text(resolved, text)  # of a resumed run only now: one that could not start changes nothing
    if not outcome.stopped_by_signal:
        facts = {
            "steps": outcome.steps,
            "valid_si_sdri_db": outcome.best_si_sdri_db,
            "training_seconds": round(outcome.training_seconds, 1),
        }
        replace_text(run_folder / OUTCOME_NAME, json.dumps(facts, indent=2) + "\n")
    return outcome


def _changes(resolved: Path, text: str) -> dict[str, tuple[Any, Any]]:
    """Settings in which a recipe differs from a run's, each with what it was and what it is."""
    try:
        before, now = (_flat(yaml.safe_load(each)) for each in (resolved.read_text(encoding="utf-8"), text))
    except (OSError, ValueError, yaml.YAMLError):  # nothing to compare with
        return {}
    return {key: (before.get(key), now.get(key)) for key in {**before, **now} if before.get(key) != now.get(key)}


def _flat(content: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        return {prefix.removesuffix("."): content}
    return {key: value for name, inner in content.items() for key, value in _flat(inner, f"{prefix}{name}.").items()}


def read_outcome(run_folder: Path) -> dict[str, Any]:
    """What `train_recipe` wrote of a finished run.

    Raises:
        InputError: If it is damaged.
    """
    return _read_facts(run_folder / OUTCOME_NAME, ("steps", "valid_si_sdri_db", "training_seconds"))


def score_model(
    separator: Separator,
    mixtures: ExampleSet,
    folder: Path,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Score a model; write `mixtures.csv`, `scores.csv` and, last, `summary.json`.

    Args:
        separator: The model.
        mixtures: The list.
        folder: Made if missing.
        about: What was scored, the first keys of the summary.

    Returns:
        The summary.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(mixtures, MixtureList):
        replace_file(folder / "mixtures.csv", mixtures.write_csv)
    scores = evaluate_mixtures(separator, mixtures)
    replace_file(folder / SCORES_NAME, lambda path: _write_scores(path, scores))
    summary = {**about, **summarise(scores)}
    replace_text(folder / SUMMARY_NAME, json.dumps(summary, indent=2) + "\n")
    return summary


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary that `score_model` wrote about a run's steps.

    Raises:
        InputError: If it is damaged.
    """
    return _read_facts(folder / SUMMARY_NAME, ("steps", "si_sdri_db"))


def read_scores(folder: Path, mixtures: ExampleSet, num_sources: int) -> list[SourceScore]:
    """The scores that `score_model` wrote.

    Raises:
        InputError: If they are damaged, or not those of every source of every mixture of the list.
    """
    path = folder / SCORES_NAME
    expected = [(name, number) for name in mixtures.names for number in range(1, num_sources + 1)]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            scores = [_read_score(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        scores = []
    if [(score.mixture, score.source) for score in scores] != expected:
        raise InputError(
            f"{path}: expected a score for each of the {len(expected)} sources of the test list, found "
            f"something else or a damaged file; delete {folder}, and it is scored again"
        )
    return scores


def _write_scores(path: Path, scores: list[SourceScore]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(scores[0])))
        writer.writeheader()
        writer.writerows(asdict(score) for score in scores)


def _read_score(row: dict[str, str]) -> SourceScore:
    values = [float(row[key]) for key in ("si_sdr_db", "input_si_sdr_db", "si_sdri_db")]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"expected finite scores, found {values}")
    return SourceScore(row["mixture"], int(row["source"]), *values)


def _read_facts(path: Path, numbers: tuple[str, ...]) -> dict[str, Any]:
    """A JSON object that holds these numbers."""
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

"""A recipe's run: train it into a folder, score a model on its list of mixtures."""

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from separator.data.config import DataConfig, MixtureListConfig
from separator.data.mixture_list import MixtureList
from separator.data.speakers import load_speakers
from separator.errors import InputError
from separator.evaluation.mixtures import SourceScore, evaluate_mixtures, summarise
from separator.inference import Separator
from separator.recipe import Recipe, recipe_to_dict
from separator.training.run import Outcome, check_run_folder, train

RECIPE_NAME = "recipe.yaml"
OUTCOME_NAME = "outcome.json"


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
    if not resume:
        resolved.write_text(text, encoding="utf-8")
    outcome = train(
        run_folder,
        name=recipe.name,
        sources=recipe.sources,
        model=recipe.model,
        loss=recipe.loss,
        data=recipe.data,
        optimizer=recipe.optimizer,
        training=recipe.training,
        resume=resume,
    )
    resolved.write_text(text, encoding="utf-8")  # of a resumed run only now: one that could not start changes nothing
    if not outcome.stopped_by_signal:
        facts = {
            "steps": outcome.steps,
            "valid_si_sdri_db": outcome.best_si_sdri_db,
            "training_seconds": round(outcome.training_seconds, 1),
        }
        (run_folder / OUTCOME_NAME).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return outcome


@dataclass(frozen=True)
class EvaluationSet:
    """A list of mixtures and where its recordings are.

    Attributes:
        root: Data root.
        config: The list.
        num_speakers: Talkers in a mixture.
        sample_rate: In Hz.
    """

    root: Path
    config: MixtureListConfig
    num_speakers: int
    sample_rate: int

    def load(self) -> MixtureList:
        """Decode the recordings and draw the list; InputError if data is missing."""
        speakers = load_speakers(self.root, self.config.path, self.sample_rate)
        return MixtureList(self.config, speakers, self.num_speakers, self.sample_rate)


def evaluation_set(data: DataConfig, split: str = "test") -> EvaluationSet:
    """The list that a recipe's data section names.

    Raises:
        InputError: If it names no test list.
    """
    chosen = data.test if split == "test" else data.valid
    if chosen is None:
        raise InputError("data.test is missing; expected it, or --split valid")
    return EvaluationSet(Path(data.root), chosen, data.num_speakers, data.sample_rate)


def score_model(
    separator: Separator,
    mixtures: MixtureList,
    folder: Path,
    about: dict[str, Any],
    save_audio: bool = False,
    on_mixture: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Score a model; write `mixtures.csv`, `scores.csv` and, last, `summary.json`.

    Args:
        separator: The model.
        mixtures: The list.
        folder: Made if missing.
        about: What was scored, the first keys of the summary.
        save_audio: Also write mixtures, sources and estimates below `folder/audio`.
        on_mixture: Called after each mixture, to move a progress bar.

    Returns:
        The summary.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mixtures.write_csv(folder / "mixtures.csv")
    scores = evaluate_mixtures(separator, mixtures, folder / "audio" if save_audio else None, on_mixture)
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(scores[0])))
        writer.writeheader()
        writer.writerows(asdict(score) for score in scores)
    summary = {**about, **summarise(scores)}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def read_scores(folder: Path) -> list[SourceScore]:
    """What `score_model` wrote."""
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        return [
            SourceScore(
                row["mixture"],
                int(row["source"]),
                *(float(row[key]) for key in ("si_sdr_db", "input_si_sdr_db", "si_sdri_db")),
            )
            for row in csv.DictReader(file)
        ]

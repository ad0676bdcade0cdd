"""Models that a run has kept: `models/step-NNNNNN`, and `model`, the best."""

import re
from dataclasses import dataclass
from pathlib import Path

from separator.checkpoint import CONFIG_NAME, read_description
from separator.errors import InputError
from separator.training.best import MODEL_NAME, MODELS_NAME


@dataclass(frozen=True)
class KeptModel:
    """A model folder of a run.

    Attributes:
        step: Steps done when it was kept.
        score_db: Its SI-SDRi on validation.
        folder: The model folder.
    """

    step: int
    score_db: float
    folder: Path


def find_kept(run_folder: Path) -> list[KeptModel]:
    """List the models of a run by step: those in `models/`, and `model` unless it is one of them.

    Raises:
        InputError: If one of them is damaged, or no model of a run.
    """
    kept: dict[int, KeptModel] = {}
    for folder in [*sorted((run_folder / MODELS_NAME).glob("step-*")), run_folder / MODEL_NAME]:
        if (found := read_kept(folder)) is not None:
            kept.setdefault(found.step, found)
    return sorted(kept.values(), key=lambda each: each.step)


def choose_kept(run_folder: Path, wanted: str) -> KeptModel:
    """Find a kept model by its folder, its folder's name, or its step.

    Raises:
        InputError: If the run has kept no such model; those that it has are listed.
    """
    kept = find_kept(run_folder)
    path = Path(wanted)
    inside = (path.resolve().parent, (run_folder / path).resolve().parent)
    if len(path.parts) > 1 and path.exists() and run_folder.resolve() not in (*inside, *(up.parent for up in inside)):
        raise InputError(f"{wanted}: expected a model of {run_folder}; model.initial starts from any other's weights")
    number = re.fullmatch(r"(?:step-)?(\d+)", path.name)
    step = int(number[1]) if number else None
    if path.name == MODEL_NAME and (best := read_kept(run_folder / MODEL_NAME)) is not None:
        step = best.step
    for each in kept:
        if each.step == step:
            return each
    listed = ", ".join(f"{each.folder.relative_to(run_folder)} (step {each.step})" for each in kept) or "none"
    raise InputError(f"{run_folder}: expected a model that this run has kept, {listed}; found {wanted!r}")


def read_kept(folder: Path) -> KeptModel | None:
    """Read what a model folder of a run says about it; None if there is none, or it was not written to its end.

    Raises:
        InputError: If it is damaged, or no model of a run.
    """
    if not (folder / CONFIG_NAME).is_file():  # written last
        return None
    description = read_description(folder)
    step, score = description.training.get("steps"), description.scores.get("valid_si_sdri_db")
    if not isinstance(step, int) or not isinstance(score, int | float):
        raise InputError(f"{folder / CONFIG_NAME}: expected training.steps and scores.valid_si_sdri_db, found neither")
    return KeptModel(step, float(score), folder)

"""Models that a run keeps: decided at each validation, from where the run can go on, and found again."""

import math
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.trainer.states import TrainerFn

from separator.checkpoint import CONFIG_NAME, read_description
from separator.errors import InputError
from separator.training.learning import NotFiniteError, Score
from separator.training.state import save_state

MODEL_NAME = "model"
MODELS_NAME = "models"


class KeepBest(Callback):
    """After each validation: writes the models that are among the best so far, and the resumable state.

    The best is `run_folder/model`; if more than one is kept, each is `run_folder/models/step-NNNNNN`.

    Args:
        run_folder: Where the models go.
        state_path: Where the resumable state is written.
        export: Writes a model folder; called with the folder, the steps done and the score.
        score: What decides.
        num_kept: How many models to keep.
    """

    def __init__(
        self,
        run_folder: Path,
        state_path: Path,
        export: Callable[[Path, int, float], None],
        score: Score,
        num_kept: int = 1,
    ) -> None:
        self.run_folder = run_folder
        self.state_path = state_path
        self.export = export
        self.score = score
        self.num_kept = num_kept
        self.best: float = score.worst
        self.kept: list[tuple[float, int]] = []  # score and step, the best first
        self._seconds_before = 0.0  # of the parts of the run that were stopped
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the time spent training, validations included, over all parts of the run."""
        return self._seconds_before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "seconds": self.seconds, "kept": self.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = float(state_dict["best"])
        self._seconds_before = float(state_dict.get("seconds", 0.0))  # 0.1.0 saved neither this nor the next
        self.kept = [(float(score), int(step)) for score, step in state_dict.get("kept", [])]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._started = time.monotonic()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        if self.score.name not in trainer.callback_metrics:
            raise InputError("expected validation examples that can be scored, found only silent sources")
        score = float(trainer.callback_metrics[self.score.name])
        if not math.isfinite(score):
            raise NotFiniteError(
                f"the validation score is {score} at step {trainer.global_step}; expected a finite number"
            )
        is_best = self.score.is_better(score, self.best)
        self.best = score if is_best else self.best
        dropped = self._rank(score, trainer.global_step)
        if trainer.is_global_zero:
            self._report(trainer, score, is_best)
            if is_best:
                self.export(self.run_folder / MODEL_NAME, trainer.global_step, score)
            if self.num_kept > 1 and (score, trainer.global_step) in self.kept:
                self.export(self._folder(trainer.global_step), trainer.global_step, score)
        if trainer.state.fn == TrainerFn.FITTING:
            save_state(trainer, self.state_path)
        if trainer.is_global_zero:
            for step in dropped:  # last: the saved state no longer counts on them
                shutil.rmtree(self._folder(step), ignore_errors=True)

    def _rank(self, score: float, step: int) -> list[int]:
        """Enter a model into the list of the best; returns the steps of those that fell off it."""
        entered = [each for each in self.kept if each[1] != step]
        sign = -1 if self.score.higher_is_better else 1
        entered = sorted([*entered, (score, step)], key=lambda each: (sign * each[0], each[1]))
        self.kept = entered[: self.num_kept]
        return [step for _, step in entered[self.num_kept :]]

    def _folder(self, step: int) -> Path:
        return self.run_folder / MODELS_NAME / f"step-{step:06d}"

    def _report(self, trainer: lightning.Trainer, score: float, is_best: bool) -> None:
        loss = trainer.callback_metrics.get("train/loss")  # none in the validation after the last step
        loss_part = "" if loss is None else f"loss {float(loss):.2f}  "
        print(
            f"step {trainer.global_step}  {self.seconds / 60:.1f} min  {loss_part}"
            f"valid {self.score.describe(score)}{'  (best so far)' if is_best else ''}",
            file=sys.stderr,
            flush=True,
        )


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

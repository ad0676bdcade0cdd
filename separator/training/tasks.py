"""What differs between the tasks that a recipe may name: the module, its model's folder, callbacks of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from separator.checkpoint import save_model
from separator.recipe import Recipe
from separator.training.learning import LearningModule
from separator.training.module import SeparationModule
from separator.training.parts import build_module, describe_model
from separator.training.samples import ValidationSamples
from separator.training.voice import build_voice_module, export_voice


@dataclass(frozen=True)
class Task:
    """What a run asks of a task.

    Attributes:
        build_module: Called with the recipe and, unless a run goes on, with who is told what `model.initial` gave.
        export: Writes a model folder; called with the folder, the recipe, the module, the steps done and the score.
        callbacks: Called with the run folder and the recipe.
        goes_back: Whether a run can go back to a model that it has kept, which then holds all that is learned.
    """

    build_module: Callable[[Any, Callable[[str], None] | None], LearningModule[Any]]
    export: Callable[[Path, Any, Any, int, float], None]
    callbacks: Callable[[Path, Any], list[Callback]] = lambda run_folder, recipe: []
    goes_back: bool = True


def _export_separator(folder: Path, recipe: Recipe, module: SeparationModule, steps: int, score_db: float) -> None:
    save_model(folder, module.scored_model, describe_model(recipe, module.model, steps, score_db))


def _samples(run_folder: Path, recipe: Recipe) -> list[Callback]:
    training = recipe.training
    if not training.sample_every_validations or not training.num_samples:
        return []
    every = training.sample_every_validations
    return [ValidationSamples(run_folder, recipe.sources, recipe.data.sample_rate, training.num_samples, every)]


TASKS: dict[str, Task] = {
    "separation": Task(build_module, _export_separator, _samples),
    "voice": Task(build_voice_module, export_voice, goes_back=False),
}
"""Every task by its name in a recipe."""

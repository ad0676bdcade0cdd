"""Mean of the best weights that a run has kept, scored on validation beside the single best."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from separator.checkpoint import STATISTICS, ModelDescription, load_model, save_model
from separator.data.module import Examples
from separator.errors import InputError
from separator.recipe import Recipe, load_recipe
from separator.training.best import KeptModel, find_kept
from separator.training.callbacks import Announcements, say
from separator.training.module import SeparationModule
from separator.training.parts import batch_lengths, build_module, build_trainer
from separator.training.run import RECIPE_NAME, quieten_lightning


@dataclass(frozen=True)
class Averaged:
    """A mean of kept models beside the best of them.

    Attributes:
        kept: The models, the best first.
        weights: The mean.
        description: Of the best model.
        best_db: SI-SDRi of the best model on validation, measured anew.
        mean_db: SI-SDRi of the mean.
    """

    kept: tuple[KeptModel, ...]
    weights: dict[str, Tensor]
    description: ModelDescription
    best_db: float
    mean_db: float

    @property
    def num_statistics(self) -> int:
        """Return the number of tensors that are statistics of batch norms."""
        return sum(name.endswith(STATISTICS[:2]) for name in self.weights)


def average_run(run_folder: Path, num_models: int | None = None, overrides: Sequence[str] = ()) -> Averaged:
    """Average the best models that a run has kept, and score the mean and the best on the run's validation list.

    Args:
        run_folder: A run of a recipe with `training.keep_best` above 1.
        num_models: How many of the best; None takes all.
        overrides: `key.path=value` settings of the run's recipe, such as where its data is now.

    Raises:
        InputError: If the run has kept fewer models, they differ in architecture, config, sample rate or sources, one
            is damaged, or the data is missing.
    """
    recipe = load_recipe(run_folder / RECIPE_NAME, overrides)
    kept = sorted(find_kept(run_folder), key=lambda each: (-each.score_db, each.step))[:num_models]
    if len(kept) < (num_models or 2):
        raise InputError(
            f"{run_folder}: expected {num_models or 'at least 2'} kept models, found {len(kept)}; a run keeps "
            f"training.keep_best of its best, here {recipe.training.keep_best}"
        )
    loaded = [load_model(each.folder) for each in kept]
    best, description = loaded[0]
    for each, (_, other) in zip(kept, loaded, strict=True):
        for key in ("architecture", "config", "sample_rate", "sources"):
            expected, found = getattr(description, key), getattr(other, key)
            if found != expected:
                raise InputError(f"{each.folder}: {key}: expected {expected}, as in {kept[0].folder}, found {found}")
    weights = mean_weights([model.state_dict() for model, _ in loaded])
    best_db, mean_db = _scores(recipe, [best.state_dict(), weights])
    return Averaged(tuple(kept), weights, description, best_db, mean_db)


def mean_weights(models: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of weights by name, batch norms' running means and variances too; whole numbers are the first's.

    The mean is computed in float64.
    """
    first = models[0]
    return {
        name: torch.stack([each[name].double() for each in models]).mean(dim=0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor.clone()
        for name, tensor in first.items()
    }


def save_average(averaged: Averaged, folder: Path) -> None:
    """Write the mean as a model folder, whose config says of which steps it is the mean.

    Raises:
        InputError: If the folder cannot be written.
    """
    model, _ = load_model(averaged.kept[0].folder)
    model.load_state_dict(averaged.weights)
    training = averaged.description.training | {"mean_of_steps": sorted(each.step for each in averaged.kept)}
    scores = {"valid_si_sdri_db": round(averaged.mean_db, 3)}
    save_model(folder, model, replace(averaged.description, training=training, scores=scores))


def _scores(recipe: Recipe, models: Sequence[dict[str, Tensor]]) -> list[float]:
    """Score weights on the recipe's validation list, as training does."""
    quieten_lightning()
    training = replace(recipe.training, ema_decay=None)
    plain = replace(recipe, training=training, trainer=replace(recipe.trainer, compile=False))
    module = build_module(plain)
    say(recipe.data.preparation)
    examples = Examples(recipe.data, recipe.sources, batch_lengths(plain))
    examples.setup("validate")
    return [_score(plain, module, examples, weights) for weights in models]


def _score(recipe: Recipe, module: SeparationModule, examples: Examples, weights: dict[str, Tensor]) -> float:
    try:
        module.model.load_state_dict(weights)
    except RuntimeError:
        raise InputError("expected models of the run's own recipe.yaml, found weights of other shapes") from None
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            recipe, Path(folder), [Announcements(compiles=False)], logger=False, devices=1, num_nodes=1
        )
        trainer.validate(module, examples, verbose=False)
    if module.score.name not in trainer.callback_metrics:
        raise InputError("expected validation examples that can be scored, found only silent sources")
    return float(trainer.callback_metrics[module.score.name])

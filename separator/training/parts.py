"""The parts of a run, built from its recipe: the Lightning module, its data, the trainer, where metrics go."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from separator.checkpoint import ModelDescription
from separator.data.module import BatchLengths, Examples
from separator.errors import InputError
from separator.losses import SeparationLoss
from separator.models import config_to_dict
from separator.models.pipeline import MaskingSeparator
from separator.recipe import AnyRecipe, Recipe
from separator.training.callbacks import StepProgressBar, say
from separator.training.initial import load_initial, load_initial_part
from separator.training.module import SeparationModule
from separator.training.state import WholeFiles


def build_module(recipe: Recipe, on_initial: Callable[[str], None] | None = None) -> SeparationModule:
    """Return the Lightning module, with weights that follow from the seed, or from `model.initial` and its parts'.

    Args:
        recipe: The run.
        on_initial: Called with each line about the weights of `model.initial`; None leaves those alone.
    """
    lightning.seed_everything(recipe.training.seed, workers=True, verbose=False)
    separator = recipe.build_model()
    if on_initial is not None:
        rate = recipe.data.sample_rate
        if recipe.model.initial is not None:
            for line in load_initial(separator, recipe.sources, rate, recipe.model.initial):
                on_initial(line)
        for path, name in recipe.model.initial_parts.items():
            load_initial_part(separator, path, rate, name)
            on_initial(f"{path} is the masker of {name}")
    module = SeparationModule(separator, SeparationLoss(recipe.loss, recipe.sources), recipe.optimizer, recipe.training)
    if recipe.trainer.compile:
        separator.masker.compile()
    return module


def batch_lengths(recipe: AnyRecipe) -> BatchLengths:
    """Return number and length of the examples of each batch of a run, on each device."""
    training = recipe.training
    num_batches = training.max_steps * training.accumulate_batches
    return BatchLengths(recipe.data, training.batch_size, num_batches, training.seed)


def describe_batch(recipe: AnyRecipe) -> str:
    """Return what a batch is, on each device, in words."""
    training, data = recipe.training, recipe.data
    if data.segment_range_seconds is None:
        return f"{training.batch_size} x {data.segment_seconds:g} s"
    low, high = data.segment_range_seconds
    return f"about {training.batch_size * data.segment_seconds:g} s in examples of {low:g} to {high:g} s"


def build_data(recipe: AnyRecipe, show_progress: bool = False) -> Examples:
    """Return the data module, its recordings found and checked: InputError names what is wrong."""
    examples = Examples(recipe.data, recipe.sources, batch_lengths(recipe), recipe.training.seed, show_progress)
    say(recipe.data.preparation)
    started = time.monotonic()
    examples.setup("fit")
    say(f"the data is read, in {time.monotonic() - started:.0f} s")
    return examples


def describe_model(recipe: Recipe, model: MaskingSeparator, steps: int, score_db: float) -> ModelDescription:
    """Return what the model folder says about a model of this run."""
    training = recipe.training
    heard = batch_lengths(recipe).audio_seconds(0, steps * training.accumulate_batches)
    devices = recipe.trainer.devices * recipe.trainer.num_nodes
    return ModelDescription(
        architecture=recipe.model.architecture,
        config=config_to_dict(model.config),  # whole: a default that changes later must not change this model
        sample_rate=recipe.data.sample_rate,
        sources=recipe.sources,
        training={
            "recipe": recipe.name,
            "steps": steps,
            "segment_seconds": recipe.data.segment_seconds,
            "hours_of_mixtures": round(heard * devices / 3600, 2),
            "train_sets": recipe.data.training_sets,
        },
        scores={SeparationModule.score.key: round(score_db, 3)},
        sums_to_mixture=recipe.data.sums_to_mixture(recipe.sources),
    )


def build_trainer(recipe: AnyRecipe, folder: Path, callbacks: list[Callback], **options: Any) -> lightning.Trainer:
    """Return Lightning's trainer; `options` replace its arguments.

    Raises:
        InputError: If there is no such device, or not as many.
    """
    on_cpu = recipe.trainer.accelerator == "cpu" or not torch.accelerator.is_available()
    most = max(2, os.cpu_count() or 1)  # Lightning would start any number of processes
    if on_cpu and recipe.trainer.devices > most:
        raise InputError(f"trainer.devices: expected at most {most} on this CPU, found {recipe.trainer.devices}")
    settings: dict[str, Any] = {
        "default_root_dir": folder,
        "accelerator": recipe.trainer.accelerator,
        "devices": recipe.trainer.devices,
        "num_nodes": recipe.trainer.num_nodes,
        "precision": recipe.trainer.precision,
        "deterministic": recipe.trainer.deterministic,
        "use_distributed_sampler": False,  # the data module gives each process its own examples
        "max_steps": recipe.training.max_steps,
        "accumulate_grad_batches": recipe.training.accumulate_batches,
        "val_check_interval": recipe.training.validate_every_steps * recipe.training.accumulate_batches,
        "check_val_every_n_epoch": None,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": min(10, recipe.training.max_steps),
        "callbacks": callbacks,
        "plugins": [WholeFiles()],
        "enable_checkpointing": False,
        "enable_progress_bar": any(isinstance(each, StepProgressBar) for each in callbacks),
        "enable_model_summary": False,
    }
    try:
        return lightning.Trainer(**(settings | options))
    except (MisconfigurationException, RuntimeError) as error:  # no such device, or not as many
        raise InputError(
            f"trainer: cannot use accelerator {recipe.trainer.accelerator}, devices {settings['devices']}, precision "
            f"{recipe.trainer.precision} here: {' '.join(str(error).split())}"
        ) from None


def build_loggers(names: Iterable[str], run_folder: Path, run_name: str, first_step: int = 0) -> list[Logger]:
    """Build Lightning's loggers by name.

    Args:
        names: "tensorboard": `tensorboard/`, of all parts; "wandb": Weights & Biases, which must be installed and
            logged in; "csv" is no logger of Lightning's, but `separator.training.metrics_table`.
        run_folder: Where the files go.
        run_name: Name of the run for Weights & Biases.
        first_step: Step that the run goes on from.

    Raises:
        InputError: If a logger's package is not installed.
    """
    found: list[Logger] = []
    for name in names:
        try:
            if name == "tensorboard":
                hidden_from = first_step + 1 if first_step else None  # what was logged after that step before
                found.append(TensorBoardLogger(run_folder, name="tensorboard", version="", purge_step=hidden_from))
            elif name == "wandb":
                found.append(WandbLogger(run_name, save_dir=run_folder, project="separator"))
        except ModuleNotFoundError as error:
            package = error.name or name
            wanted = "'separator[train]'" if name == "tensorboard" else package
            raise InputError(
                f"trainer.loggers: {name} needs the package {package}: pip install {wanted}, or leave it out"
            ) from None
    return found

"""Sections of a recipe: a dataclass for each, checked; those of data and loss stand beside what they decide."""

import re
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt

from separator.checkpoint import check_source_names
from separator.data.kinds import AnyDataConfig
from separator.errors import InputError
from separator.losses import LossConfig
from separator.models import build_model, find_architecture
from separator.models.pipeline import MaskingSeparator
from separator.section import Count, NotNegative, Positive, section

Decay = Annotated[float, Field(ge=0, lt=1)]
"""Of an average, a step."""


@section()
class ModelChoice:
    """Which architecture, and its own config.

    Args:
        architecture: A name that `separator.models.find_architecture` knows.
        config: Fields of that architecture's config; `num_sources` follows from the recipe's `sources`.
        initial: A model to start from: its weights where names and shapes fit, said layer by layer; null starts anew.
        initial_parts: Parts of the model, by their path in it, that start as the masker of a model of their own, such
            as `masker.denoiser`.
    """

    architecture: str
    config: dict[str, Any] = field(default_factory=dict)
    initial: str | None = None
    initial_parts: dict[str, str] = field(default_factory=dict)


@section()
class TrainingConfig:
    """How long and on what to train: what decides the weights.

    Args:
        max_steps: Optimiser steps in all.
        batch_size: Examples in a batch, on each device.
        accumulate_batches: Batches whose gradients make one step.
        validate_every_steps: Steps between validations; each one also writes the resumable state.
        ema_decay: Validate and keep an exponential moving average of the weights, with this decay a step (at step n at
            most (1 + n)/(10 + n)); null keeps the weights themselves.
        stop_after_validations: End training when so many validations in a row were no better; null never does.
        keep_best: How many of the best models to keep; the very best is `model` in any case.
        sample_every_validations: Write audio and spectrograms of some validation examples at every so many
            validations, the first among them; 0 never does.
        num_samples: Of how many examples.
        seed: Seed of the weights, of the training examples and of whatever else is random.
        learn: Parts of the model that learn, as `separator info --layers` names them; the others stay as they are. If
            there are none, all learn.
    """

    max_steps: Count
    batch_size: Count = 8
    accumulate_batches: Count = 1
    validate_every_steps: Count = 500
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    stop_after_validations: Count | None = None
    keep_best: Count = 1
    sample_every_validations: NonNegativeInt = 5
    num_samples: NonNegativeInt = 2
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    learn: tuple[str, ...] = ()


@section()
class TrainerConfig:
    """On which machine, and how, the steps are computed.

    Args:
        accelerator: Lightning's name: `auto`, `cpu`, `gpu`.
        devices: Devices on each machine; each takes `training.batch_size` examples of its own.
        num_nodes: Machines; start the same command on each with torchrun or SLURM.
        precision: Lightning's name: `32-true`, `bf16-mixed`, `16-mixed`.
        compile: Compile the masker with `torch.compile`.
        deterministic: Only deterministic algorithms: the same machine then gives the same weights on a GPU too.
        loggers: Where metrics go: `csv`, `tensorboard`, `wandb`.
    """

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Count = 1
    num_nodes: Count = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    compile: bool = False
    deterministic: bool = False
    loggers: tuple[Literal["csv", "tensorboard", "wandb"], ...] = ("csv", "tensorboard")


@section()
class OptimizerConfig:
    """An optimiser with a learning rate that rises linearly, and then follows a schedule.

    Args:
        name: "adamw"; "adam" (weight decay is then part of the gradient); or "muon", which orthogonalises the steps of
            matrices and convolutions and takes AdamW for all else.
        learning_rate: The highest rate.
        weight_decay: Decay of the weights.
        beta1, beta2: Decay of the averages of the gradient and of its square.
        warmup_steps: Steps of linear rise.
        schedule: "linear" stays and falls linearly to zero over the last `decay_steps`; "cosine" falls along half a
            cosine, over the last `decay_steps` or, if that is 0, over all steps after the rise; "plateau" is multiplied
            by `plateau_factor` after `plateau_validations` validations in a row that were not better by more than
            `plateau_gain_db`.
        decay_steps: Steps of fall at the end of training; a run may be resumed with another end.
        plateau_validations: See `schedule`.
        plateau_gain_db: See `schedule`.
        plateau_factor: See `schedule`.
        gradient_clip: Largest L2 norm of the gradient.

    Source:
        Halving after 3 epochs without progress, Adam at 1e-3, clipping at 5: Conv-TasNet, arXiv 1809.07454, section
        III-C. Cosine: Loshchilov and Hutter, arXiv 1608.03983.
    """

    name: Literal["adamw", "adam", "muon"] = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.01
    beta1: Decay = 0.9
    beta2: Decay = 0.98
    warmup_steps: NonNegativeInt = 100
    schedule: Literal["linear", "cosine", "plateau"] = "linear"
    decay_steps: NonNegativeInt = 0
    plateau_validations: Count = 3
    plateau_gain_db: NotNegative = 0.0
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    gradient_clip: Annotated[float, Field(gt=0)] = 5.0

    def __post_init__(self) -> None:
        if self.schedule == "plateau" and self.decay_steps:
            raise InputError(f"decay_steps: expected 0 with schedule plateau, found {self.decay_steps}")


@section()
class Recipe:
    """A whole training run, checked: everything that decides it.

    Args:
        name: Name of the run, of its folder, and of the model it makes.
        sources: Names of the model's outputs, in order.
        model: Architecture and its config.
        data: Training, validation and test data.
        training: Length, batch size, which models are kept, seed.
        optimizer: Learning rate and schedule.
        loss: What training makes small.
        trainer: Devices, precision, where metrics go.
        task: "separation".
    """

    name: str
    sources: tuple[str, ...]
    model: ModelChoice
    data: AnyDataConfig
    training: TrainingConfig
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    task: Literal["separation"] = "separation"

    def __post_init__(self) -> None:
        check_name(self.name)
        try:
            find_architecture(self.model.architecture)
        except InputError as error:
            raise InputError(f"model.{error}") from None
        check_source_names(self.sources)
        self.data.check(self.sources, self.model.config.get("channels", 1))
        longest, batch_seconds = self.data.segment_range_seconds, self.training.batch_size * self.data.segment_seconds
        if longest is not None and longest[1] > batch_seconds:
            raise InputError(
                "data.segment_range_seconds: expected lengths up to training.batch_size x data.segment_seconds, "
                f"{batch_seconds:g} s, found {longest[1]:g} s"
            )
        if "num_sources" in self.model.config:
            raise InputError("model.config.num_sources follows from `sources`: leave it out of the recipe")

    @property
    def network(self) -> str:
        """Return the name of what is trained."""
        return self.model.architecture

    def build_model(self) -> MaskingSeparator:
        """Return an untrained model, with an output for each source.

        Raises:
            InputError: If its config is wrong; one line that names the key.
        """
        try:
            return build_model(self.model.architecture, {**self.model.config, "num_sources": len(self.sources)})
        except InputError as error:
            raise InputError(f"model.config: {error}") from None


def check_name(name: str) -> None:
    """Raise `InputError` if a recipe's name cannot be that of a folder."""
    if not re.fullmatch(r"\w[\w. -]*", name):
        raise InputError(
            "name: expected letters, digits, '_', '-', '.' and spaces, the first a letter, a digit or '_', "
            f"found {name!r}"
        )

"""What a recipe's `model`, `training` and `trainer` sections may say."""

from dataclasses import dataclass, field
from typing import Any, Literal

from separator.errors import InputError


@dataclass(frozen=True)
class ModelChoice:
    """Which architecture, and its own config.

    Args:
        architecture: A name that `separator.models.find_architecture` knows.
        config: Fields of that architecture's config; `num_sources` follows from the recipe's `sources`.
        initial: A model to start from: its weights where names and shapes fit, said layer by layer; null starts anew.
    """

    architecture: str
    config: dict[str, Any] = field(default_factory=dict)
    initial: str | None = None


@dataclass(frozen=True)
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
    """

    max_steps: int
    batch_size: int = 8
    accumulate_batches: int = 1
    validate_every_steps: int = 500
    ema_decay: float | None = None
    stop_after_validations: int | None = None
    keep_best: int = 1
    sample_every_validations: int = 5
    num_samples: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        names = ("max_steps", "batch_size", "accumulate_batches", "validate_every_steps", "keep_best")
        for name in (*names, *(("stop_after_validations",) if self.stop_after_validations is not None else ())):
            if getattr(self, name) < 1:
                raise InputError(f"training.{name} must be at least 1, found {getattr(self, name)}")
        for name in ("sample_every_validations", "num_samples"):
            if getattr(self, name) < 0:
                raise InputError(f"training.{name} must be 0 or more, found {getattr(self, name)}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise InputError(f"training.ema_decay must be above 0 and below 1, found {self.ema_decay}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"training.seed must be from 0 to 4294967295, found {self.seed}")


@dataclass(frozen=True)
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
    devices: int = 1
    num_nodes: int = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    compile: bool = False
    deterministic: bool = False
    loggers: tuple[Literal["csv", "tensorboard", "wandb"], ...] = ("csv", "tensorboard")

    def __post_init__(self) -> None:
        for name in ("devices", "num_nodes"):
            if getattr(self, name) < 1:
                raise InputError(f"trainer.{name} must be at least 1, found {getattr(self, name)}")

"""What a recipe's `model`, `optimizer` and `training` sections may say."""

from dataclasses import dataclass, field
from typing import Any, Literal

from separator.errors import InputError


@dataclass(frozen=True)
class ModelChoice:
    """Which architecture, and its own config.

    Args:
        architecture: A name in `separator.models.ARCHITECTURES`.
        config: Fields of that architecture's config; `num_sources` follows from the recipe's `sources`.
    """

    architecture: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with a learning rate that warms up linearly, stays, and falls linearly to zero.

    Args:
        learning_rate: The plateau's rate.
        weight_decay: Decoupled weight decay.
        beta2: Decay of the squared-gradient average.
        warmup_steps: Steps of linear rise.
        decay_steps: Steps of linear fall at the end of training; a run may be resumed with a later end.
        gradient_clip: Largest L2 norm of the gradient.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    beta2: float = 0.98
    warmup_steps: int = 100
    decay_steps: int = 0
    gradient_clip: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"optimizer.learning_rate must be above 0 and finite, found {self.learning_rate}")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"optimizer.weight_decay must be 0 or more and finite, found {self.weight_decay}")
        if not 0 <= self.beta2 < 1:
            raise InputError(f"optimizer.beta2 must be at least 0 and below 1, found {self.beta2}")
        if self.warmup_steps < 0 or self.decay_steps < 0:
            raise InputError(
                "optimizer.warmup_steps and optimizer.decay_steps must be 0 or more, "
                f"found {self.warmup_steps} and {self.decay_steps}"
            )
        if not self.gradient_clip > 0:
            raise InputError(f"optimizer.gradient_clip must be above 0, found {self.gradient_clip}")

    def learning_rate_factor(self, step: int, max_steps: int) -> float:
        """The learning rate at a step, relative to the plateau."""
        rise = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        fall = min(1.0, max(0, max_steps - step) / self.decay_steps) if self.decay_steps else 1.0
        return min(rise, fall)


@dataclass(frozen=True)
class TrainingConfig:
    """How long and on what to train.

    Args:
        max_steps: Optimiser steps in all.
        batch_size: Examples a step (on each device).
        validate_every_steps: Steps between validations; each one also writes the resumable state.
        precision: Lightning's name: `32-true`, `bf16-mixed`, `16-mixed`.
        compile: Compile the masker with `torch.compile`.
        seed: Seed of the weights and of the training examples.
        accelerator: Lightning's name: `auto`, `cpu`, `gpu`.
        devices: Number of devices; more than one is not supported yet.
    """

    max_steps: int
    batch_size: int = 8
    validate_every_steps: int = 500
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    compile: bool = False
    seed: int = 0
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1

    def __post_init__(self) -> None:
        for name in ("max_steps", "batch_size", "validate_every_steps", "devices"):
            if getattr(self, name) < 1:
                raise InputError(f"training.{name} must be at least 1, found {getattr(self, name)}")
        if self.devices > 1:
            raise InputError(f"training.devices: expected 1, the only number supported so far, found {self.devices}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"training.seed must be from 0 to 4294967295, found {self.seed}")

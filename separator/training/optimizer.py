"""What a recipe's `optimizer` section may say: which optimiser, and how its learning rate moves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from separator.errors import InputError
from separator.training.muon import Muon

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": Muon,
}


@dataclass(frozen=True)
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
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.98
    warmup_steps: int = 100
    schedule: Literal["linear", "cosine", "plateau"] = "linear"
    decay_steps: int = 0
    plateau_validations: int = 3
    plateau_gain_db: float = 0.0
    plateau_factor: float = 0.5
    gradient_clip: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"optimizer.learning_rate must be above 0 and finite, found {self.learning_rate}")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"optimizer.weight_decay must be 0 or more and finite, found {self.weight_decay}")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"optimizer.{name} must be at least 0 and below 1, found {getattr(self, name)}")
        if self.warmup_steps < 0 or self.decay_steps < 0:
            raise InputError(
                "optimizer.warmup_steps and optimizer.decay_steps must be 0 or more, "
                f"found {self.warmup_steps} and {self.decay_steps}"
            )
        if self.schedule == "plateau" and self.decay_steps:
            raise InputError(f"optimizer.decay_steps: expected 0 with schedule plateau, found {self.decay_steps}")
        if self.plateau_validations < 1:
            raise InputError(f"optimizer.plateau_validations must be at least 1, found {self.plateau_validations}")
        if not 0 <= self.plateau_gain_db < float("inf"):
            raise InputError(f"optimizer.plateau_gain_db must be 0 or more and finite, found {self.plateau_gain_db}")
        if not 0 < self.plateau_factor < 1:
            raise InputError(f"optimizer.plateau_factor must be above 0 and below 1, found {self.plateau_factor}")
        if not self.gradient_clip > 0:
            raise InputError(f"optimizer.gradient_clip must be above 0, found {self.gradient_clip}")

    def build(self, network: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of a network's weights."""
        return OPTIMIZERS[self.name](network.parameters(), **self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The optimiser's own settings, which a resumed run takes from its recipe and not from the saved state."""
        return {
            "lr": self.learning_rate,
            "betas": (self.beta1, self.beta2),
            "weight_decay": self.weight_decay,
        }

    def learning_rate_factor(self, step: int, max_steps: int) -> float:
        """The learning rate at a step, relative to the highest; of "plateau", before any reduction."""
        rise = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        decay_steps = self.decay_steps
        if self.schedule == "cosine" and not decay_steps:
            decay_steps = max(1, max_steps - self.warmup_steps)
        left = min(1.0, max(0, max_steps - step) / decay_steps) if decay_steps else 1.0
        fall = (1 - math.cos(math.pi * left)) / 2 if self.schedule == "cosine" else left
        return min(rise, fall)


class Plateau:
    """The factor of the learning rate, reduced when validation stops getting better.

    Args:
        config: How many validations to wait, and the factor of a reduction.
    """

    def __init__(self, config: OptimizerConfig) -> None:
        self.config = config
        self.factor = 1.0
        self.best = -math.inf
        self.waited = 0

    def step(self, score: float) -> None:
        """Take the score of a validation, higher being better."""
        if score > self.best + self.config.plateau_gain_db:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited >= self.config.plateau_validations:
            self.factor, self.waited = self.factor * self.config.plateau_factor, 0

    def state_dict(self) -> dict[str, float]:
        return {"factor": self.factor, "best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.factor, self.best, self.waited = state["factor"], state["best"], int(state["waited"])

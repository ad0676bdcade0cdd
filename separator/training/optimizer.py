"""The optimiser that a recipe names, and how its learning rate moves."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from separator.recipe.sections import OptimizerConfig
from separator.training.muon import Muon

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": Muon,
}


def build_optimizer(config: OptimizerConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a network's weights."""
    return OPTIMIZERS[config.name](network.parameters(), **optimizer_settings(config))


def optimizer_settings(config: OptimizerConfig) -> dict[str, Any]:
    """Return the optimiser's own settings, which a resumed run takes from its recipe and not from the saved state."""
    return {"lr": config.learning_rate, "betas": (config.beta1, config.beta2), "weight_decay": config.weight_decay}


def learning_rate_factor(config: OptimizerConfig, step: int, max_steps: int) -> float:
    """Return the learning rate at a step, relative to the highest; of "plateau", before any reduction."""
    rise = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    decay_steps = config.decay_steps
    if config.schedule == "cosine" and not decay_steps:
        decay_steps = max(1, max_steps - config.warmup_steps)
    left = min(1.0, max(0, max_steps - step) / decay_steps) if decay_steps else 1.0
    fall = (1 - math.cos(math.pi * left)) / 2 if config.schedule == "cosine" else left
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

"""The Lightning module: one separator, one loss, one optimiser."""

from typing import Any

import lightning
import torch
from torch import Tensor, nn

from separator.data.example import Example
from separator.metrics import best_permutation, pairwise_si_sdr
from separator.models.pipeline import MaskingSeparator
from separator.training.config import OptimizerConfig

SILENCE_FLOOR = 1e-4
"""Mixtures quieter than this RMS are not amplified to unit RMS."""


class SeparationModule(lightning.LightningModule):
    """Trains a separator on batches of examples, their mixtures scaled to unit RMS as inference does.

    Args:
        model: Maps `(B, C, T)` to `(B, S, C, T)`.
        loss: Maps `(estimate, reference)`, both `(B, S, C, T)`, to a scalar.
        optimizer: Learning rate and schedule.
        max_steps: Optimiser steps of the whole run.
    """

    def __init__(self, model: MaskingSeparator, loss: nn.Module, optimizer: OptimizerConfig, max_steps: int) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.optimizer_config = optimizer
        self.max_steps = max_steps

    def on_train_start(self) -> None:
        # A resumed run has its state from the checkpoint and its settings from the recipe, which may have changed.
        config = self.optimizer_config
        optimizer, schedule = self.optimizers(use_pl_optimizer=False), self.lr_schedulers()
        for group in optimizer.param_groups:  # type: ignore[union-attr]
            group.update(initial_lr=config.learning_rate, betas=(0.9, config.beta2), weight_decay=config.weight_decay)
            group["lr"] = config.learning_rate * config.learning_rate_factor(self.global_step, self.max_steps)
        schedule.base_lrs = [config.learning_rate for _ in schedule.base_lrs]  # type: ignore[union-attr]

    def training_step(self, batch: Example, batch_idx: int) -> Tensor:
        mixture, sources = unit_level(batch.mixture, batch.sources)
        loss: Tensor = self.loss(self.model(mixture), sources)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Example, batch_idx: int) -> None:
        mixture, sources = unit_level(batch.mixture, batch.sources)
        with torch.compiler.set_stance("force_eager"):  # lengths differ, and compiling for each would take minutes
            estimate = self.model(mixture)
        score, _ = best_permutation(pairwise_si_sdr(estimate, sources))
        before = pairwise_si_sdr(mixture.unsqueeze(1), sources).mean()
        self.log("valid/si_sdri", score.mean() - before, prog_bar=True, batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        config = self.optimizer_config
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            betas=(0.9, config.beta2),
            weight_decay=config.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: config.learning_rate_factor(step, self.max_steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def unit_level(mixture: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    """The mixture at unit RMS, and its sources scaled by the same factor.

    Shape:
        mixture: `(B, C, T)`; sources: `(B, S, C, T)`; returned alike.
    """
    level = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=SILENCE_FLOOR)  # (B, 1, 1)
    return mixture / level, sources / level.unsqueeze(1)

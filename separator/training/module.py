"""The Lightning module: one separator, one loss, one optimiser."""

from typing import Any, cast

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from separator.data.example import Example
from separator.errors import InputError
from separator.losses import SILENT_DB, SeparationLoss
from separator.metrics import pairwise_si_sdr
from separator.models.pipeline import MaskingSeparator
from separator.recipe.sections import OptimizerConfig, TrainingConfig
from separator.training.optimizer import Plateau, build_optimizer, learning_rate_factor, optimizer_settings

QUIETEST_LEVEL = 1e-4
"""Mixtures quieter than this RMS are not amplified to unit RMS."""

SCORE = "valid/si_sdri"
"""Score that models are chosen by, in dB, higher is better."""

SCORE_LIMIT_DB = 30.0
"""Validation takes no SI-SDR, before or after, as further from 0: a bass that plays alone is its own perfect mixture,
and one such excerpt would outweigh all others."""


class NotFiniteError(InputError):
    """Training came to a number that is NaN or infinite."""


class SeparationModule(lightning.LightningModule):
    """Trains a separator on batches of examples, their mixtures scaled to unit RMS as inference does.

    What is random in step `n` follows from the seed and `n` alone, so that a resumed run repeats it.

    Args:
        model: Maps `(B, C, T)` to `(B, S, C, T)`.
        loss: Maps `(estimate, reference)`, both `(B, S, C, T)`, to a scalar.
        optimizer: Learning rate and schedule.
        training: Length of the run, accumulation, averaging, seed.
    """

    def __init__(
        self, model: MaskingSeparator, loss: SeparationLoss, optimizer: OptimizerConfig, training: TrainingConfig
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.config = training
        self.optimizer_config = optimizer
        self.plateau = Plateau(optimizer)
        self.average = (
            AveragedModel(model, multi_avg_fn=self._average_weights, use_buffers=True) if training.ema_decay else None
        )
        self._last: tuple[Tensor, list[str]] = torch.zeros(()), []  # loss and examples of the batch at hand
        self._validated = torch.zeros(4, dtype=torch.float64)
        """Of this device: the sum of SI-SDRi and its examples, the sum of the loss and its examples."""

    @property
    def scored_model(self) -> MaskingSeparator:
        """Return the model that is validated and kept: the average if there is one."""
        return self.model if self.average is None else cast(MaskingSeparator, self.average.module)

    def on_train_start(self) -> None:
        # A resumed run has its state from the checkpoint and its settings from the recipe, which may have changed.
        schedule = self.lr_schedulers()
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group.update(optimizer_settings(self.optimizer_config), initial_lr=self.optimizer_config.learning_rate)
        schedule.base_lrs = [self.optimizer_config.learning_rate for _ in schedule.base_lrs]  # type: ignore[union-attr]
        schedule.last_epoch = self.global_step  # type: ignore[union-attr]
        self._set_learning_rate()

    def on_train_batch_start(self, batch: Example, batch_idx: int) -> None:
        place = (self.global_step, batch_idx % self.config.accumulate_batches, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence((self.config.seed, *place)).generate_state(1)[0]))

    def training_step(self, batch: Example, batch_idx: int) -> Tensor:
        mixture, sources = unit_level(batch.mixture, batch.sources)
        loss: Tensor = self.loss(self.model(mixture), sources)
        self.log("train/loss", loss, prog_bar=True)
        self._last = loss.detach(), list(batch.name)
        return loss

    def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.optimizer_config.gradient_clip)
        self.log("train/gradient_norm", norm)
        loss, names = self._last
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None  # it skips steps that overflow
        if not torch.isfinite(loss if scaled else loss + norm):
            what, value = ("loss", loss) if not torch.isfinite(loss) else ("gradient", norm)
            raise NotFiniteError(
                f"the {what} is {float(value)} at step {self.global_step} (examples {'; '.join(names)}); "
                "expected a finite number"
            )

    def on_train_batch_end(self, outputs: Any, batch: Example, batch_idx: int) -> None:
        if self.average is not None and (batch_idx + 1) % self.config.accumulate_batches == 0:
            self.average.update_parameters(self.model)

    def _average_weights(self, averages: Any, weights: Any, num_averaged: Any) -> None:
        decay = min(self.config.ema_decay or 0.0, (1 + self.global_step) / (10 + self.global_step))
        for average, weight in zip(averages, weights, strict=True):
            if average.is_floating_point():
                average.lerp_(weight, 1 - decay)
            else:
                average.copy_(weight)

    def on_validation_epoch_start(self) -> None:
        self._validated = torch.zeros(4, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: Example, batch_idx: int) -> Tensor:
        """Count the example's score and loss; returns the estimates `(1, S, C, T)` in the order of the sources."""
        mixture, sources = unit_level(batch.mixture, batch.sources)
        with torch.compiler.set_stance("force_eager"):  # lengths differ, and compiling for each would take minutes
            estimate = self.scored_model(mixture)
        estimate = self.loss.assign(estimate, sources)
        energy = sources.square().sum(dim=(2, 3))  # (1, S)
        heard = energy > 10 ** (SILENT_DB / 10) * mixture.square().sum()
        improvement = self._validated.new_zeros(())
        if heard.any():  # a ratio to a silent source says nothing
            after = pairwise_si_sdr(estimate, sources).diagonal(dim1=1, dim2=2).clamp(-SCORE_LIMIT_DB, SCORE_LIMIT_DB)
            before = pairwise_si_sdr(mixture.unsqueeze(1), sources)[:, 0].clamp(-SCORE_LIMIT_DB, SCORE_LIMIT_DB)
            improvement = (after - before)[heard].mean()
        loss = self.loss(estimate, sources)
        self._validated += torch.stack([improvement, heard.any(), loss, torch.ones_like(loss)]).to(self._validated)
        return estimate

    def on_validation_epoch_end(self) -> None:
        self.log("step", float(self.global_step))  # for the loggers: Lightning's own number is one less
        # Sums and numbers of all devices, once and by all of them: one may have had silent sources only.
        improvement, heard, loss, number = self.trainer.strategy.reduce(self._validated, reduce_op="sum").tolist()
        self.log("valid/loss", loss / max(number, 1.0))
        if not heard:
            return
        self.log(SCORE, improvement / heard, prog_bar=True)
        if self.optimizer_config.schedule == "plateau" and not self.trainer.sanity_checking:
            self.plateau.step(improvement / heard)
            self._set_learning_rate()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["plateau"] = self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if "plateau" in checkpoint:  # 0.1.0 did not save it
            self.plateau.load_state_dict(checkpoint["plateau"])

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(self.optimizer_config, self.model)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate_factor(self, step: int) -> float:
        return self.plateau.factor * learning_rate_factor(self.optimizer_config, step, self.config.max_steps)

    def _set_learning_rate(self) -> None:
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group["lr"] = self.optimizer_config.learning_rate * self._learning_rate_factor(self.global_step)


def unit_level(mixture: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    """Scale the mixture to unit RMS, and its sources by the same factor.

    Shape:
        mixture: `(B, C, T)`; sources: `(B, S, C, T)`; returned alike.
    """
    level = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=QUIETEST_LEVEL)  # (B, 1, 1)
    return mixture / level, sources / level.unsqueeze(1)

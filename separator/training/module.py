"""The Lightning module: one separator, one loss, one optimiser."""

import torch
from torch import Tensor, nn

from separator.data.example import Example
from separator.losses import SILENT_DB, SeparationLoss
from separator.metrics import pairwise_si_sdr
from separator.models.pipeline import MaskingSeparator
from separator.recipe.sections import OptimizerConfig, TrainingConfig
from separator.training.deep_clustering import DeepClustering
from separator.training.learning import LearningModule, Score

QUIETEST_LEVEL = 1e-4
"""Mixtures quieter than this RMS are not amplified to unit RMS."""

SCORE_LIMIT_DB = 30.0
"""Validation takes no SI-SDR, before or after, as further from 0: a bass that plays alone is its own perfect mixture,
and one such excerpt would outweigh all others."""


class SeparationModule(LearningModule[MaskingSeparator]):
    """Trains a separator on batches of examples, their mixtures scaled to unit RMS as inference does.

    Args:
        model: Maps `(B, C, T)` to `(B, S, C, T)`.
        loss: Maps `(estimate, reference)`, both `(B, S, C, T)`, to a scalar.
        optimizer, training: As for `LearningModule`.
    """

    score = Score("valid/si_sdri", "valid_si_sdri_db", "SI-SDRi", "dB")

    def __init__(
        self, model: MaskingSeparator, loss: SeparationLoss, optimizer: OptimizerConfig, training: TrainingConfig
    ) -> None:
        super().__init__(model, optimizer, training)
        self.loss = loss
        config = loss.config
        self.clustering = DeepClustering(model, config.clustering_dimensions) if config.clustering_weight else None
        self._validated = torch.zeros(4, dtype=torch.float64)
        """Of this device: the sum of SI-SDRi and its examples, the sum of the loss and its examples."""

    @property
    def learned(self) -> nn.Module:
        return self.model if self.clustering is None else nn.ModuleList([self.model, self.clustering])

    def training_step(self, batch: Example, batch_idx: int) -> Tensor:
        mixture, sources = unit_level(batch.mixture, batch.sources)
        loss: Tensor = self.loss(self.model(mixture), sources)
        if self.clustering is not None:
            clustering = self.clustering(self.model, sources)
            self.log("train/clustering", clustering)
            loss = loss + self.loss.config.clustering_weight * clustering
        self.log("train/loss", loss, prog_bar=True)
        self._last = loss.detach(), list(batch.name)
        return loss

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
        self.log(self.score.name, improvement / heard, prog_bar=True)
        if self.optimizer_config.schedule == "plateau" and not self.trainer.sanity_checking:
            self.plateau.step(improvement / heard)
            self._set_learning_rate()


def unit_level(mixture: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    """Scale the mixture to unit RMS, and its sources by the same factor.

    Shape:
        mixture: `(B, C, T)`; sources: `(B, S, C, T)`; returned alike.
    """
    level = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=QUIETEST_LEVEL)  # (B, 1, 1)
    return mixture / level, sources / level.unsqueeze(1)

"""The task `voice`: a network that brings stretches of one voice together and keeps those of others apart."""

from collections.abc import Callable
from pathlib import Path

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.checkpoint import VoiceDescription, save_voice_network
from separator.data.example import Example
from separator.data.voices import VoiceExample, list_stretches, make_trials
from separator.metrics.verification import equal_error_rate
from separator.models import config_to_dict
from separator.models.voice import VoiceNetwork
from separator.recipe.sections import OptimizerConfig, TrainingConfig
from separator.recipe.voice import MarginConfig, VoiceRecipe
from separator.training.learning import LearningModule, Score
from separator.training.parts import batch_lengths


class AdditiveMarginSoftmax(nn.Module):
    """Cross entropy of the cosines to one learned direction a voice, the own one's lessened by a margin.

    One more direction, learned elsewhere, may be of what is no voice: its number is V.

    Args:
        embedding_size: D.
        num_voices: V.
        scale: Factor of the cosines.

    Shape:
        Vectors `(B, D)` of length 1, voices `(B,)`, the margin, and the one more direction `(D,)`, to a scalar.

    Source:
        Wang et al., arXiv 1801.05599, eq. 6.
    """

    def __init__(self, embedding_size: int, num_voices: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        # (V, 1, D): directions that have nothing to do with each other, which Muon must not make orthogonal.
        self.directions = nn.Parameter(torch.randn(num_voices, 1, embedding_size) / embedding_size**0.5)

    def forward(self, vectors: Tensor, voices: Tensor, margin: float, non_speech: Tensor | None = None) -> Tensor:
        directions = self.directions.flatten(1)
        if non_speech is not None:
            directions = torch.cat([directions, non_speech.unsqueeze(0)])
        cosines = vectors @ functional.normalize(directions, dim=1).T  # (B, V) or (B, V + 1)
        own = functional.one_hot(voices, cosines.shape[1]).to(cosines.dtype)  # (B, V)
        return functional.cross_entropy(self.scale * (cosines - margin * own), voices)


class VoiceModule(LearningModule[VoiceNetwork]):
    """Trains a voice network, and chooses it by its equal error rate on the trials of validation.

    Args:
        model: Maps `(B, T)` to unit vectors `(B, D)`.
        num_voices: Voices of the training set.
        loss: Scale and margin.
        optimizer, training: As for `LearningModule`.
    """

    score = Score("valid/eer", "valid_eer_percent", "equal error rate", "%", higher_is_better=False)

    def __init__(
        self,
        model: VoiceNetwork,
        num_voices: int,
        loss: MarginConfig,
        optimizer: OptimizerConfig,
        training: TrainingConfig,
    ) -> None:
        super().__init__(model, optimizer, training)
        self.loss = loss
        self.margin = AdditiveMarginSoftmax(model.config.embedding_size, num_voices, loss.scale)
        self._vectors = torch.zeros(0)

    @property
    def learned(self) -> nn.Module:
        return nn.ModuleList([self.model, self.margin])

    def training_step(self, batch: VoiceExample, batch_idx: int) -> Tensor:
        margin = self.loss.margin * min(1.0, (self.global_step + 1) / max(1, self.loss.warmup_steps))
        vectors = self.model(batch.waveform)
        loss: Tensor = self.margin(vectors.float(), batch.voice, margin, self.model.non_speech)
        self.log("train/loss", loss, prog_bar=True)
        self._last = loss.detach(), list(batch.name)
        return loss

    def on_validation_epoch_start(self) -> None:
        num_stretches = len(self.trainer.datamodule.valid_set)  # type: ignore[attr-defined]
        self._vectors = torch.zeros(num_stretches, self.model.config.embedding_size, device=self.device)

    def validation_step(self, batch: Example, batch_idx: int) -> None:
        place = batch_idx * self.trainer.world_size + self.global_rank
        self._vectors[place] = self.scored_model(batch.mixture[:, 0])[0].float()

    def on_validation_epoch_end(self) -> None:
        self.log("step", float(self.global_step))  # for the loggers: Lightning's own number is one less
        vectors = self.trainer.strategy.reduce(self._vectors, reduce_op="sum").cpu()
        pairs, same = make_trials(list_stretches(self.trainer.datamodule.valid_set))  # type: ignore[attr-defined]
        scores = (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(dim=1)
        self.log(self.score.name, 100 * equal_error_rate(scores, same), prog_bar=True)


def build_voice_module(recipe: VoiceRecipe, on_initial: Callable[[str], None] | None = None) -> VoiceModule:
    """Return the Lightning module, with weights that follow from the seed.

    Args:
        recipe: The run.
        on_initial: Not called: every run of this task starts anew.
    """
    lightning.seed_everything(recipe.training.seed, workers=True, verbose=False)
    network = recipe.build_model()
    num_voices = recipe.data.count_voices()
    return VoiceModule(network, num_voices, recipe.loss, recipe.optimizer, recipe.training)


def export_voice(folder: Path, recipe: VoiceRecipe, module: VoiceModule, steps: int, score: float) -> None:
    """Write the model folder of a voice network."""
    data, devices = recipe.data, recipe.trainer.devices * recipe.trainer.num_nodes
    heard = batch_lengths(recipe).audio_seconds(0, steps * recipe.training.accumulate_batches)
    description = VoiceDescription(
        config=config_to_dict(module.model.config),
        training={
            "recipe": recipe.name,
            "steps": steps,
            "segment_seconds": data.segment_seconds,
            "hours_of_speech": round(heard * devices / 3600, 2),
            "voices": len(module.margin.directions) // len(data.speeds),
            "train_sets": data.training_sets,
        },
        scores={module.score.key: round(score, 3)},
    )
    save_voice_network(folder, module.scored_model, description)

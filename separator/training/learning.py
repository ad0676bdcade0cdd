"""Learning, whatever the task: one model, one optimiser, an average of the weights, and finite numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from separator.errors import InputError
from separator.recipe.sections import OptimizerConfig, TrainingConfig
from separator.training.optimizer import Plateau, build_optimizer, learning_rate_factor, optimizer_settings

Model = TypeVar("Model", bound=nn.Module)

HALF_PRECISION_SCALE = 1024.0
"""Of the loss where recurrent layers compute in float16, in which the smallest gradients would be rounded to zero. A
power of two changes nothing else."""


@dataclass(frozen=True)
class Score:
    """What models are chosen by.

    Attributes:
        name: Of the metric that validation logs.
        key: In the scores of a released model.
        label: For people.
        unit: As it follows the number.
        higher_is_better: Whether it is.
    """

    name: str
    key: str
    label: str
    unit: str
    higher_is_better: bool = True

    @property
    def worst(self) -> float:
        """Return what every value is better than."""
        return -math.inf if self.higher_is_better else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether one value is better than another."""
        return value > than if self.higher_is_better else value < than

    def describe(self, value: float) -> str:
        """Return label and value in words."""
        return f"{self.label} {value:.2f} {self.unit}"


class NotFiniteError(InputError):
    """Training came to a number that is NaN or infinite."""


class LearningModule(lightning.LightningModule, Generic[Model]):
    """Base of the Lightning modules of all tasks, which add what a step and a validation are.

    What is random in step `n` follows from the seed and `n` alone, so that a resumed run repeats it.

    Args:
        model: What is trained.
        optimizer: Learning rate and schedule.
        training: Length of the run, accumulation, averaging, seed.
    """

    score: ClassVar[Score]

    def __init__(self, model: Model, optimizer: OptimizerConfig, training: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self.config = training
        self.optimizer_config = optimizer
        self.plateau = Plateau(optimizer)
        self.average = (
            AveragedModel(model, multi_avg_fn=self._average_weights, use_buffers=True) if training.ema_decay else None
        )
        if self.average is not None:
            self.average.requires_grad_(False)  # several devices would wait for its gradients
        self._still = freeze(model, training.learn)
        self._last: tuple[Tensor, list[str]] = torch.zeros(()), []  # loss and examples of the batch at hand

    @property
    def scored_model(self) -> Model:
        """Return the model that is validated and kept: the average if there is one."""
        return self.model if self.average is None else cast(Model, self.average.module)

    @property
    def learned(self) -> nn.Module:
        """Return all that the optimiser changes."""
        return self.model

    def train(self, mode: bool = True) -> Self:
        """Set the mode of training; what does not learn keeps the statistics of its norms, too."""
        super().train(mode)
        for part in self._still if mode else ():
            part.eval()
        return self

    def on_train_start(self) -> None:
        # A resumed run has its state from the checkpoint and its settings from the recipe, which may have changed.
        schedule = self.lr_schedulers()
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group.update(optimizer_settings(self.optimizer_config), initial_lr=self.optimizer_config.learning_rate)
        schedule.base_lrs = [self.optimizer_config.learning_rate for _ in schedule.base_lrs]  # type: ignore[union-attr]
        schedule.last_epoch = self.global_step  # type: ignore[union-attr]
        self._set_learning_rate()

    @property
    def loss_scale(self) -> float:
        """Return the factor of the loss that gradients are taken of: autocast on CUDA runs recurrent layers in float16,
        whichever half precision is asked for. 16-mixed has a scale of its own."""
        if self.device.type != "cuda" or self.trainer.precision != "bf16-mixed":
            return 1.0
        is_recurrent = any(isinstance(each, nn.RNNBase) for each in self.model.modules())
        return HALF_PRECISION_SCALE if is_recurrent else 1.0

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        super().backward(loss * self.loss_scale, *args, **kwargs)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        place = (self.global_step, batch_idx % self.config.accumulate_batches, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence((self.config.seed, *place)).generate_state(1)[0]))

    def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        if (scale := self.loss_scale) != 1:
            for weight in self.learned.parameters():
                if weight.grad is not None:
                    weight.grad.div_(scale)
        norm = torch.nn.utils.clip_grad_norm_(self.learned.parameters(), self.optimizer_config.gradient_clip)
        self.log("train/gradient_norm", norm)
        loss, names = self._last
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None  # it skips steps that overflow
        if not torch.isfinite(loss if scaled else loss + norm):
            what, value = ("loss", loss) if not torch.isfinite(loss) else ("gradient", norm)
            raise NotFiniteError(
                f"the {what} is {float(value)} at step {self.global_step} (examples {'; '.join(names)}); "
                "expected a finite number"
            )

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.average is not None and (batch_idx + 1) % self.config.accumulate_batches == 0:
            self.average.update_parameters(self.model)

    def _average_weights(self, averages: Any, weights: Any, num_averaged: Any) -> None:
        decay = min(self.config.ema_decay or 0.0, (1 + self.global_step) / (10 + self.global_step))
        for average, weight in zip(averages, weights, strict=True):
            if average.is_floating_point():
                average.lerp_(weight, 1 - decay)
            else:
                average.copy_(weight)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["plateau"] = self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if "plateau" in checkpoint:  # 0.1.0 did not save it
            self.plateau.load_state_dict(checkpoint["plateau"])

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(self.optimizer_config, self.learned)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate_factor(self, step: int) -> float:
        return self.plateau.factor * learning_rate_factor(self.optimizer_config, step, self.config.max_steps)

    def _set_learning_rate(self) -> None:
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group["lr"] = self.optimizer_config.learning_rate * self._learning_rate_factor(self.global_step)


def freeze(model: nn.Module, learn: Sequence[str]) -> list[nn.Module]:
    """Keep all weights but those of some parts from learning; returns the parts without weights that learn.

    Args:
        model: Any network.
        learn: Names of its modules or weights; none lets all learn.

    Raises:
        InputError: If there is no such part.
    """
    if not learn:
        return []
    weights = dict(model.named_parameters())
    for part in learn:
        if not any(f"{name}.".startswith(f"{part}.") for name in weights):
            known = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in list(weights)[-4:]))
            raise InputError(f"training.learn: expected parts of the model, such as {known}, found {part!r}")
    for name, weight in weights.items():
        weight.requires_grad_(any(f"{name}.".startswith(f"{part}.") for part in learn))
    return [
        module
        for module in model.modules()
        if any(True for _ in module.parameters()) and not any(each.requires_grad for each in module.parameters())
    ]

"""What a run is made of: the sections of its recipe, and the parts that they build."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback

from separator.checkpoint import ModelDescription
from separator.data.config import AnyDataConfig
from separator.data.module import Examples
from separator.errors import InputError
from separator.losses import LossConfig, SeparationLoss
from separator.models import build_model, config_to_dict
from separator.models.pipeline import MaskingSeparator
from separator.training.callbacks import StepProgressBar
from separator.training.config import ModelChoice, TrainerConfig, TrainingConfig
from separator.training.initial import load_initial
from separator.training.module import SeparationModule
from separator.training.optimizer import OptimizerConfig
from separator.training.state import WholeFiles


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run.

    Args:
        name: Name of the run, of its folder, and of the model it makes.
        sources: Names of the model's outputs, in order.
        model: Architecture and its config.
        data: Training, validation and test data.
        training: Length, batch size, which models are kept, seed.
        optimizer: Learning rate and schedule.
        loss: What training makes small.
        trainer: Devices, precision, where metrics go.
    """

    name: str
    sources: tuple[str, ...]
    model: ModelChoice
    data: AnyDataConfig
    training: TrainingConfig
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def build_module(self, on_initial: Callable[[str], None] | None = None) -> SeparationModule:
        """The Lightning module, with weights that follow from the seed, or from `model.initial`.

        Args:
            on_initial: Called with each line about the weights of `model.initial`; None leaves those alone.
        """
        lightning.seed_everything(self.training.seed, workers=True, verbose=False)
        separator = build_model(self.model.architecture, {**self.model.config, "num_sources": len(self.sources)})
        if self.model.initial is not None and on_initial is not None:
            for line in load_initial(separator, self.sources, self.data.sample_rate, self.model.initial):
                on_initial(line)
        module = SeparationModule(separator, SeparationLoss(self.loss, self.sources), self.optimizer, self.training)
        if self.trainer.compile:
            separator.masker.compile()
        return module

    def build_data(self, show_progress: bool = False) -> Examples:
        """The data module, its recordings found and checked: InputError names what is wrong."""
        batches = self.training.max_steps * self.training.accumulate_batches
        seed = self.training.seed
        examples = Examples(self.data, self.sources, self.training.batch_size, batches, seed, show_progress)
        examples.setup("fit")
        return examples

    def describe(self, model: MaskingSeparator, steps: int, score_db: float) -> ModelDescription:
        """What the model folder says about a model of this run."""
        training = self.training
        examples = training.batch_size * training.accumulate_batches * self.trainer.devices * self.trainer.num_nodes
        return ModelDescription(
            architecture=self.model.architecture,
            config=config_to_dict(model.config),  # whole: a default that changes later must not change this model
            sample_rate=self.data.sample_rate,
            sources=self.sources,
            training={
                "recipe": self.name,
                "steps": steps,
                "segment_seconds": self.data.segment_seconds,
                "hours_of_mixtures": round(steps * examples * self.data.segment_seconds / 3600, 2),
                "train_sets": self.data.training_sets,
            },
            scores={"valid_si_sdri_db": round(score_db, 3)},
            sums_to_mixture=self.data.sums_to_mixture(self.sources),
        )

    def build_trainer(self, folder: Path, callbacks: list[Callback], **options: Any) -> lightning.Trainer:
        """Lightning's trainer; `options` replace its arguments.

        Raises:
            InputError: If there is no such device, or not as many.
        """
        on_cpu = self.trainer.accelerator == "cpu" or not torch.accelerator.is_available()
        most = max(2, os.cpu_count() or 1)  # Lightning would start any number of processes
        if on_cpu and self.trainer.devices > most:
            raise InputError(f"trainer.devices: expected at most {most} on this CPU, found {self.trainer.devices}")
        settings: dict[str, Any] = {
            "default_root_dir": folder,
            "accelerator": self.trainer.accelerator,
            "devices": self.trainer.devices,
            "num_nodes": self.trainer.num_nodes,
            "precision": self.trainer.precision,
            "deterministic": self.trainer.deterministic,
            "use_distributed_sampler": False,  # the data module gives each process its own examples
            "max_steps": self.training.max_steps,
            "accumulate_grad_batches": self.training.accumulate_batches,
            "val_check_interval": self.training.validate_every_steps * self.training.accumulate_batches,
            "check_val_every_n_epoch": None,
            "num_sanity_val_steps": 0,
            "log_every_n_steps": min(10, self.training.max_steps),
            "callbacks": callbacks,
            "plugins": [WholeFiles()],
            "enable_checkpointing": False,
            "enable_progress_bar": any(isinstance(each, StepProgressBar) for each in callbacks),
            "enable_model_summary": False,
        }
        try:
            return lightning.Trainer(**(settings | options))
        except (MisconfigurationException, RuntimeError) as error:  # no such device, or not as many
            raise InputError(
                f"trainer: cannot use accelerator {self.trainer.accelerator}, devices {settings['devices']}, precision "
                f"{self.trainer.precision} here: {' '.join(str(error).split())}"
            ) from None

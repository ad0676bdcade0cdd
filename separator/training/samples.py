"""Samples of validation: audio and spectrograms of a few examples, to files and to TensorBoard."""

from pathlib import Path
from typing import Any

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from separator.audio.writing import write_audio
from separator.data.example import Example
from separator.training.module import unit_level
from separator.training.spectrograms import spectrogram_picture

SAMPLES_NAME = "samples"
PEAK = 0.5
"""The loudest sample of the mixture; its sources and estimates are scaled by the same factor."""


class ValidationSamples(Callback):
    """Writes `run_folder/samples/step-NNNNNN/EXAMPLE/{mixture,SOURCE,SOURCE-estimate}.wav` and `spectrograms.png`.

    Args:
        run_folder: Where they go.
        sources: Names of the sources.
        sample_rate: In Hz.
        num_samples: How many of the first validation examples.
        every_validations: At every so many validations, the first among them.
    """

    def __init__(
        self, run_folder: Path, sources: tuple[str, ...], sample_rate: int, num_samples: int, every_validations: int
    ) -> None:
        self.run_folder = run_folder
        self.sources = sources
        self.sample_rate = sample_rate
        self.num_samples = num_samples
        self.every_validations = every_validations
        self.validations = 0

    def state_dict(self) -> dict[str, Any]:
        return {"validations": self.validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.validations = int(state_dict["validations"])

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Example,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        wanted = batch_idx < self.num_samples and self.validations % self.every_validations == 0
        if not wanted or trainer.sanity_checking or not trainer.is_global_zero:
            return
        mixture, sources = unit_level(batch.mixture.float().cpu(), batch.sources.float().cpu())
        gain = PEAK / max(float(mixture.abs().max()), 1e-8)
        sounds = {"mixture": mixture[0] * gain}  # (C, T) each
        for number, name in enumerate(self.sources):
            sounds[name] = sources[0, number] * gain
            sounds[f"{name}-estimate"] = outputs[0, number].detach().float().cpu() * gain
        example = Path(batch.name[0]).name or str(batch_idx)
        picture = spectrogram_picture(sounds, self.sample_rate)
        self._write(trainer.global_step, example, sounds, picture)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                self._log(logger.experiment, trainer.global_step, example, sounds, picture)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.sanity_checking:
            self.validations += 1

    def _write(self, step: int, example: str, sounds: dict[str, Tensor], picture: np.ndarray) -> None:
        from matplotlib.image import imsave

        folder = self.run_folder / SAMPLES_NAME / f"step-{step:06d}" / example
        folder.mkdir(parents=True, exist_ok=True)
        for name, sound in sounds.items():
            write_audio(folder / f"{name}.wav", sound, self.sample_rate)
        imsave(folder / "spectrograms.png", picture)

    def _log(self, writer: Any, step: int, example: str, sounds: dict[str, Tensor], picture: np.ndarray) -> None:
        for name, sound in sounds.items():
            writer.add_audio(f"{example}/{name}", sound.mean(dim=0), step, self.sample_rate)
        writer.add_image(f"{example}/spectrograms", picture, step, dataformats="HWC")

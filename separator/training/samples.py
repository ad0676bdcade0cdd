"""Samples of validation: audio and spectrograms of a few examples, to files and to TensorBoard."""

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from separator.audio.writing import write_audio
from separator.data.example import Example
from separator.training.module import unit_level

SAMPLES_NAME = "samples"
PEAK = 0.5
"""The loudest sample of the mixture; its sources and estimates are scaled by the same factor."""

WINDOW_SECONDS = 0.032
RANGE_DB = 70.0
"""Below the loudest bin of all sounds in a picture, everything is black."""


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


def spectrogram_picture(sounds: dict[str, Tensor], sample_rate: int) -> np.ndarray:
    """Draw the sounds' spectrograms under each other, on one scale.

    Args:
        sounds: Each `(C, T)`, by name; the channels are averaged.
        sample_rate: In Hz.

    Returns:
        Red, green and blue of each pixel, 8 bits each.

    Shape:
        `(height, width, 3)`
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels = {name: _level_db(sound.mean(dim=0), sample_rate) for name, sound in sounds.items()}
    top = max(float(level.max()) for level in levels.values())
    height = 1.6 * len(sounds)  # inches
    figure = Figure(figsize=(8, height), dpi=80)
    canvas = FigureCanvasAgg(figure)
    # Margins of our own: to have them found takes as long as to draw.
    margins = {"left": 0.1, "right": 0.98, "bottom": 0.42 / height, "top": 1 - 0.1 / height, "hspace": 0.1}
    panels = figure.subplots(len(sounds), 1, sharex=True, squeeze=False, gridspec_kw=margins)[:, 0]
    for panel, (name, level) in zip(panels, levels.items(), strict=True):
        seconds = sounds[name].shape[-1] / sample_rate
        panel.imshow(
            level.numpy(),
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, sample_rate / 2000),
            cmap="magma",
            vmin=top - RANGE_DB,
            vmax=top,
            interpolation="nearest",
        )
        panel.set_ylabel(f"{name}\nkHz", fontsize=8)
        panel.tick_params(labelsize=7)
    panels[-1].set_xlabel("seconds", fontsize=8)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3]


def _level_db(sound: Tensor, sample_rate: int) -> Tensor:
    """Return the levels `(F, K)` in dB."""
    size = max(16, round(WINDOW_SECONDS * sample_rate))
    spectrum = torch.stft(
        sound, size, size // 2, window=torch.hann_window(size), pad_mode="constant", return_complex=True
    )
    return 20 * spectrum.abs().clamp(min=1e-10).log10()

"""Pictures of sounds."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WINDOW_SECONDS = 0.032
RANGE_DB = 70.0
"""Below the loudest bin of all sounds in a picture, everything is black."""


def spectrogram_figure(sounds: dict[str, Tensor], sample_rate: int) -> "Figure":
    """Draw the sounds' spectrograms under each other, on one scale.

    Args:
        sounds: Each `(C, T)`, by name; the channels are averaged.
        sample_rate: In Hz.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels = {name: _level_db(sound.mean(dim=0), sample_rate) for name, sound in sounds.items()}
    top = max(float(level.max()) for level in levels.values())
    figure = Figure(figsize=(8, 1.6 * len(sounds)), layout="constrained", dpi=80)
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(sounds), 1, sharex=True, squeeze=False)[:, 0]
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
    return figure


def _level_db(sound: Tensor, sample_rate: int) -> Tensor:
    """Return the levels `(F, K)` in dB."""
    size = max(16, round(WINDOW_SECONDS * sample_rate))
    spectrum = torch.stft(
        sound, size, size // 2, window=torch.hann_window(size), pad_mode="constant", return_complex=True
    )
    return 20 * spectrum.abs().clamp(min=1e-10).log10()

"""Pictures of sounds."""

import numpy as np
import torch
from torch import Tensor

WINDOW_SECONDS = 0.032
RANGE_DB = 70.0
"""Below the loudest bin of all sounds in a picture, everything is black."""


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

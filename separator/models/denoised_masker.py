"""A masker behind one that takes the noise away: both on the same frames, so there is one transform."""

from typing import Any

import torch
from torch import Tensor, nn

from separator.bricks.stepping import Run
from separator.models.spectrogram_masker import SpectrogramMasker

SPEECH_LOGIT = 5.0
"""Of a denoiser that starts as the identity, nearly: it takes 0.7 % as noise, without which it would not learn."""


class Denoiser(SpectrogramMasker):
    """Masks of speech and noise that sum to 1."""

    def start_as_identity(self) -> None:
        """Make all of the sound speech, until it has learned another."""
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.output.bias[: len(self.output.bias) // 2] = SPEECH_LOGIT  # type: ignore[index, arg-type]


class DenoisedMasker(SpectrogramMasker):
    """Masks from frames without the noise that a denoiser masks, which goes to the last source.

    Args:
        denoiser: Masks of speech and noise.
        arguments: Those of `SpectrogramMasker`.

    Shape:
        `(B, C·F, K)` complex to `(B, S, C·F, K)` real; with masks that sum to 1 of their own, those sum to 1.
    """

    def __init__(self, denoiser: Denoiser, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.denoiser = denoiser
        self.receptive_field += denoiser.receptive_field - 1

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        speech, noise = run(self.denoiser, frames).unbind(dim=1)  # (B, C·F, K) each
        masks = super().compose(run, frames * speech) * speech.unsqueeze(1)  # (B, S, C·F, K)
        return torch.cat([masks[:, :-1], (masks[:, -1] + noise).unsqueeze(1)], dim=1)

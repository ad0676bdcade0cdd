"""The short-time Fourier transform of the separators built on it: its sizes, and what their maskers see of it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from separator.bricks.stft import STFTDecoder, STFTEncoder
from separator.models.pipeline import MaskingConfig


@dataclass(frozen=True, kw_only=True)
class FourierConfig(MaskingConfig):
    """A short-time Fourier transform with square-root Hann windows.

    Args:
        window_length: Samples of the window; even.
        hop_length: Samples between frames; divides the window at least twice.
    """

    window_length: int = 512
    hop_length: int = 256

    @property
    def num_bins(self) -> int:
        """Return the number of frequency bins of a frame (F)."""
        return self.window_length // 2 + 1


def make_fourier_transform(config: FourierConfig) -> tuple[STFTEncoder, STFTDecoder]:
    """Build the encoder, `(B, C, T)` to complex frames `(B, C·F, K)`, and the decoder, its inverse."""
    encoder = STFTEncoder(config.window_length, config.hop_length)
    return encoder, STFTDecoder(config.window_length, config.hop_length, config.channels)


MAGNITUDE_FLOOR = 1e-4
"""Added to magnitudes before they are compressed: about 80 dB below the bins of a mixture at unit RMS."""


def log_magnitude(frames: Tensor) -> Tensor:
    """Return the logarithm of the magnitude of complex frames, finite at zero, as is its gradient.

    Shape:
        `(B, N, K)` complex to `(B, N, K)` real.
    """
    # The square root of |X|² + floor² has a gradient everywhere; the modulus has none at zero.
    return 0.5 * torch.log(_floored_power(frames))  # (B, N, K)


def compressed_parts(frames: Tensor) -> Tensor:
    """Return real and imaginary part of complex frames, their magnitude brought to its square root.

    Shape:
        `(B, N, K)` complex to `(B, 2, N, K)` real.
    """
    gain = _floored_power(frames).pow(-0.25)  # (B, N, K)
    return torch.stack([frames.real * gain, frames.imag * gain], dim=1)  # (B, 2, N, K)


def _floored_power(frames: Tensor) -> Tensor:
    return frames.real.square() + frames.imag.square() + MAGNITUDE_FLOOR**2

"""The separators on a short-time Fourier transform: what their maskers see of it, and how long it reaches."""

import torch
from torch import Tensor, nn

from separator.bricks.stft import STFTDecoder, STFTEncoder
from separator.models.config import FourierConfig
from separator.models.pipeline import MaskingSeparator

MAGNITUDE_FLOOR = 1e-4
"""Added to magnitudes before they are compressed: about 80 dB below the bins of a mixture at unit RMS."""


def log_magnitude(frames: Tensor) -> Tensor:
    """Return the logarithm of the magnitude of complex frames, finite at zero, as is its gradient.

    Shape:
        `(B, N, K)` complex to `(B, N, K)` real.
    """
    # The square root of |X|² + floor² has a gradient everywhere; the modulus has none at zero.
    return 0.5 * torch.log(_floored_power(frames))


def compressed_parts(frames: Tensor) -> Tensor:
    """Return real and imaginary part of complex frames, their magnitude brought to its square root.

    Shape:
        `(B, N, K)` complex to `(B, 2, N, K)` real.
    """
    gain = _floored_power(frames).pow(-0.25)
    return torch.stack([frames.real * gain, frames.imag * gain], dim=1)


def _floored_power(frames: Tensor) -> Tensor:
    return frames.real.square() + frames.imag.square() + MAGNITUDE_FLOOR**2


class FourierSeparator(MaskingSeparator):
    """Short-time Fourier transform, a masker, inverse transform.

    Args:
        config: Sizes of the transform.
        masker: Frames `(B, C·F, K)`, complex, to masks `(B, S, C·F, K)`, real or complex.
        masker_receptive_field: Frames that the masker's convolutions see.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.
    """

    def __init__(self, config: FourierConfig, masker: nn.Module, masker_receptive_field: int) -> None:
        window, hop = config.window_length, config.hop_length
        super().__init__(
            STFTEncoder(window, hop),
            masker,
            STFTDecoder(window, hop, config.channels),
            num_sources=config.num_sources,
            channels=config.channels,
            causal=config.causal,
            sums_to_mixture=config.mask == "softmax",
            receptive_field_samples=(masker_receptive_field - 2) * hop + 2 * window - 1,
            latency_samples=window - 2,  # the window's first sample is zero
        )
        self.config = config

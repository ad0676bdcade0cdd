"""The short-time Fourier transform of the separators built on it: its sizes, and what their maskers see of it."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from separator.bricks.norm import make_norm
from separator.bricks.phase import PhaseAdvance
from separator.bricks.stepping import ComposedBrick, Run
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


Features = Literal["magnitude", "magnitude+phase", "complex"]
"""What a 2-D masker sees: the logarithm of magnitudes; also how far the phase advances over a frame and over a bin; or
real and imaginary parts, magnitudes compressed to their square root."""


class FourierMasker(ComposedBrick):
    """A masker of bins and frames: what all of them see.

    Args:
        config: Window, channels, norm, causality and number of sources.
        features: What it sees of the frames.
    """

    def __init__(self, config: FourierConfig, features: Features) -> None:
        super().__init__()
        self.num_bins = config.num_bins
        self.channels = config.channels
        self.num_sources = config.num_sources
        self.complex_features = features == "complex"
        self.num_features = config.channels * (2 if self.complex_features else 1)
        # The gains of this norm, one for each feature and bin, also tell the layers where on the axis they are.
        self.norm = make_norm(config.norm, self.num_features * self.num_bins, config.causal)
        self.phase = PhaseAdvance(config.window_length, config.hop_length) if features == "magnitude+phase" else None
        self.num_features += 0 if self.phase is None else 4 * config.channels
        self.feature_context = 0 if self.phase is None else self.phase.receptive_field - 1
        """Frames beside its own that a frame of the features depends on."""

    def features(self, run: Run, frames: Tensor) -> Tensor:
        """Return what the first layer sees of complex frames `(B, C·F, K)`: `(B, num_features, F, K)`."""
        features = compressed_parts(frames).flatten(1, 2) if self.complex_features else log_magnitude(frames)
        features = run(self.norm, features).unflatten(1, (-1, self.num_bins))  # (B, features, F, K)
        if self.phase is not None:
            phases = run(self.phase, frames).flatten(1, 2)  # (B, 4 · C, F, K)
            features = torch.cat([features, phases], dim=1)
        return features

    def last_layer(self) -> tuple[nn.Module, int]:
        """Return the layer that gives the maps of every bin, and the channels that it sees."""
        raise NotImplementedError

    def make_last_layer(self, channels: int, maps: int) -> nn.Module:
        """Build one more layer like the last: from `channels` in place of what that sees to `(B, maps, F, K)`."""
        raise NotImplementedError


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

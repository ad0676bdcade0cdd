"""Conv-TasNet's masker on a short-time Fourier transform: real masks on its magnitude, the mixture's phase."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from separator.bricks.norm import check_norm
from separator.bricks.stft import STFTDecoder, STFTEncoder
from separator.errors import InputError
from separator.models.pipeline import MaskingSeparator
from separator.models.tcn_masker import TCNMasker

MAGNITUDE_FLOOR = 1e-4
"""Added to magnitudes before the logarithm: about 80 dB below the bins of a mixture at unit RMS."""


@dataclass(frozen=True)
class STFTTCNConfig:
    """Sizes of the model; the letters are those of the Conv-TasNet paper.

    Args:
        window_length: Samples of the square-root Hann window.
        hop_length: Samples between frames; divides the window at least twice.
        bottleneck_channels: B.
        hidden_channels: H.
        skip_channels: Sc.
        block_kernel_size: P.
        num_blocks: X.
        num_repeats: R.
        norm: `gLN` or `cLN`.
        mask: `sigmoid`, `relu` or `softmax` (over sources).
        causal: Whether masks may not depend on later frames.
        num_sources: Outputs.
        channels: Audio channels.
    """

    window_length: int = 512
    hop_length: int = 256
    bottleneck_channels: int = 192
    hidden_channels: int = 384
    skip_channels: int = 192
    block_kernel_size: int = 3
    num_blocks: int = 7
    num_repeats: int = 2
    norm: Literal["gLN", "cLN"] = "gLN"
    mask: Literal["sigmoid", "relu", "softmax"] = "sigmoid"
    causal: bool = False
    num_sources: int = 2
    channels: int = 1

    def __post_init__(self) -> None:
        for name in (
            *("bottleneck_channels", "hidden_channels", "skip_channels", "block_kernel_size"),
            *("num_blocks", "num_repeats", "num_sources", "channels"),
        ):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, found {getattr(self, name)}")
        check_norm(self.norm, self.causal)
        if not self.causal and self.block_kernel_size % 2 == 0:
            raise InputError(f"block_kernel_size: expected an odd number unless causal, found {self.block_kernel_size}")


class LogMagnitudeMasker(nn.Module):
    """Shows a masker the logarithm of the magnitude of complex frames.

    Shape:
        `(B, N, K)` complex to real masks `(B, S, N, K)`.
    """

    def __init__(self, masker: nn.Module) -> None:
        super().__init__()
        self.masker = masker

    def forward(self, frames: Tensor) -> Tensor:
        # The square root of |X|² + floor² has a gradient everywhere; the modulus has none at zero.
        power = frames.real.square() + frames.imag.square() + MAGNITUDE_FLOOR**2
        masks: Tensor = self.masker(0.5 * torch.log(power))
        return masks.float()


class STFTTCN(MaskingSeparator):
    """Short-time Fourier transform, separable TCN on log magnitudes, magnitude masks, inverse transform.

    Sixty frames a second in place of Conv-TasNet's thousand make it a tenth of the work; the mixture's phase bounds
    what it can reach.

    Args:
        config: Sizes.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`.

    Source:
        Masker: Luo and Mesgarani, 2019, arXiv 1809.07454. Magnitude masks trained through the inverse transform:
        Wang et al., 2018, arXiv 1804.10204.
    """

    def __init__(self, config: STFTTCNConfig) -> None:
        encoder = STFTEncoder(config.window_length, config.hop_length)
        masker = TCNMasker(
            num_features=config.channels * encoder.num_bins,
            num_sources=config.num_sources,
            bottleneck_channels=config.bottleneck_channels,
            hidden_channels=config.hidden_channels,
            skip_channels=config.skip_channels,
            block_kernel_size=config.block_kernel_size,
            num_blocks=config.num_blocks,
            num_repeats=config.num_repeats,
            norm=config.norm,
            mask=config.mask,
            causal=config.causal,
        )
        super().__init__(
            encoder,
            LogMagnitudeMasker(masker),
            STFTDecoder(config.window_length, config.hop_length, config.channels),
            num_sources=config.num_sources,
            channels=config.channels,
            causal=config.causal,
            receptive_field_samples=(masker.receptive_field - 2) * config.hop_length + 2 * config.window_length - 1,
            latency_samples=config.window_length - 1,
        )
        self.config = config

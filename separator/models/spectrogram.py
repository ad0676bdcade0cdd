"""Spectrogram separators: a 2-D convolutional network over bins and frames, of any of the 2-D blocks."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from torch import nn

from separator.bricks.conv2d import ConvBlock2d
from separator.bricks.convnext import ConvNeXtBlock2d
from separator.bricks.depthwise import DepthwiseSeparableBlock2d
from separator.bricks.resnet import ResNetBlock, ResNetBottleneck
from separator.errors import InputError
from separator.models.denoised_masker import DenoisedMasker, Denoiser
from separator.models.fourier import Features, FourierConfig, make_fourier_transform
from separator.models.pipeline import MaskingSeparator
from separator.models.spectrogram_masker import SpectrogramMasker


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Sizes of the network that takes noise away: a separator of speech and noise, masks by softmax, in front.

    Args:
        block, level_channels, blocks_per_level, num_blocks, num_repeats, time_gate: As in `SpectrogramConfig`.
    """

    block: Literal["conv", "resnet"] = "conv"
    level_channels: tuple[int, ...] = (8, 16, 24, 32, 48, 64)
    blocks_per_level: int = 1
    num_blocks: int = 6
    num_repeats: int = 1
    time_gate: bool = True


@dataclass(frozen=True, kw_only=True)
class SpectrogramConfig(FourierConfig):
    """Every choice of a spectrogram separator.

    A causal one looks at no later frame in evaluation; in training the batch norm of its blocks takes its statistics
    from whole batches.

    Args:
        features: What the network sees: "magnitude" (its logarithm), "magnitude+phase" (and how far the phase advances
            over a frame and over a bin), or "complex" (real and imaginary part, magnitude compressed to its square
            root).
        mask: "sigmoid", "relu" or "softmax" (over sources) on the magnitude, with the mixture's phase; or "complex",
            unbounded, which changes the phase as well.
        block: The brick that the network is made of, a name in `BLOCKS`.
        level_channels: Channels at each level; each level has half the bins of the one before.
        blocks_per_level: Blocks on the way down and on the way up, at each level but the last.
        num_blocks: Blocks in a repeat at the last level, with dilations 1, 2, 4, ... over frames.
        num_repeats: Repeats at the last level.
        time_gate: Whether each repeat ends with a gate from statistics over all frames.
        block_kernel_size: Taps of a block over bins and over frames; odd.
        expansion: Inner width: of "convnext" blocks, times as wide; of "bottleneck" blocks, times as narrow.
        groups: Groups of the middle convolution of "bottleneck" blocks.
        kernels_per_layer: Kernels for each channel of "depthwise" blocks.
        layer_scale: Value at which the learned gains of the branches of "convnext" blocks start.
        stochastic_depth: Probability of dropping the branch of a "convnext" block in training.
        denoiser: A network before this one that takes the noise away, which goes to the last source; None is none.

    Raises:
        InputError: If a value is out of range, or belongs to another block than the chosen one.
    """

    features: Features = "magnitude"
    mask: Literal["sigmoid", "relu", "softmax", "complex"] = "sigmoid"  # type: ignore[assignment]
    block: str = "resnet"
    level_channels: tuple[int, ...] = (16, 24, 32, 48, 64)
    blocks_per_level: int = 1
    num_blocks: int = 6
    num_repeats: int = 2
    time_gate: bool = False
    block_kernel_size: int = 3
    expansion: int = 4
    groups: int = 1
    kernels_per_layer: int = 1
    layer_scale: float = 1e-6
    stochastic_depth: float = 0.0
    denoiser: DenoiserConfig | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block not in BLOCKS:
            raise InputError(f"block: expected one of {', '.join(BLOCKS)}, found {self.block!r}")
        if not self.level_channels or min(self.level_channels) < 1:
            raise InputError(
                f"level_channels: expected one number or more, each at least 1, found {list(self.level_channels)}"
            )
        if self.block_kernel_size % 2 == 0:
            raise InputError(f"block_kernel_size: expected an odd number, found {self.block_kernel_size}")
        if not 0 <= self.stochastic_depth < 1:
            raise InputError(f"stochastic_depth: expected from 0 up to 1, found {self.stochastic_depth}")
        if self.denoiser is not None and self.mask == "complex":
            raise InputError("denoiser: expected none before a complex mask, found one")
        for key, (neutral, blocks) in _OPTIONS.items():
            if self.block not in blocks and getattr(self, key) != neutral:
                raise InputError(
                    f"{key}: expected {neutral} unless block is {' or '.join(blocks)}, found {getattr(self, key)}"
                )
        if 64 % self.groups:
            raise InputError(f"groups: expected a divisor of 64, found {self.groups}")
        if self.block == "bottleneck":
            for channels in self.level_channels:
                if channels % (self.expansion * self.groups):
                    raise InputError(
                        f"level_channels: expected multiples of expansion × groups ({self.expansion} × {self.groups}) "
                        f"for bottleneck blocks, found {channels}"
                    )


_OPTIONS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "expansion": (4, ("convnext", "bottleneck")),
    "groups": (1, ("bottleneck",)),
    "kernels_per_layer": (1, ("depthwise",)),
    "layer_scale": (1e-6, ("convnext",)),
    "stochastic_depth": (0.0, ("convnext",)),
}
"""Options of single blocks: the value that says nothing, and the blocks that read another."""


MakeBlock = Callable[[SpectrogramConfig, int, int], nn.Module]
"""Makes a block from a config, its channels and its dilation over frames."""


def _maker(block: Callable[..., nn.Module], *options: str) -> MakeBlock:
    """Return what makes a block that takes these options of the config beside what all blocks take."""

    def make(config: SpectrogramConfig, channels: int, dilation: int) -> nn.Module:
        own = {option: getattr(config, option) for option in options}
        return block(channels, channels, config.block_kernel_size, dilation=(1, dilation), causal=config.causal, **own)

    return make


def _bottleneck(config: SpectrogramConfig, channels: int, dilation: int) -> nn.Module:
    # base_width is counted in 64ths: this one makes the middle as wide in all, whatever the groups.
    return ResNetBottleneck(
        channels,
        channels // config.expansion,
        config.block_kernel_size,
        dilation=(1, dilation),
        causal=config.causal,
        expansion=config.expansion,
        groups=config.groups,
        base_width=64 // config.groups,
    )


BLOCKS: dict[str, MakeBlock] = {
    "conv": _maker(ConvBlock2d),
    "depthwise": _maker(DepthwiseSeparableBlock2d, "kernels_per_layer"),
    "resnet": _maker(ResNetBlock),
    "bottleneck": _bottleneck,
    "convnext": _maker(ConvNeXtBlock2d, "expansion", "layer_scale", "stochastic_depth"),
}
"""Name of each 2-D block, and what makes one."""


class Spectrogram(MaskingSeparator):
    """Short-time Fourier transform, a 2-D encoder-decoder over frequency as masker, inverse transform.

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        Encoder-decoder with skips: Ronneberger et al., U-Net, arXiv 1505.04597; on spectrograms: Jansson et al., ISMIR
        2017. Complex masks: Williamson, Wang and Wang, "Complex ratio masking", 2016. Dilations over frames: Luo and
        Mesgarani, arXiv 1809.07454.

    Example:
        >>> import torch
        >>> config = SpectrogramConfig(block="convnext", level_channels=(4, 8), num_blocks=2, num_repeats=1)
        >>> Spectrogram(config)(torch.zeros(1, 1, 8000)).shape
        torch.Size([1, 2, 1, 8000])
    """

    def __init__(self, config: SpectrogramConfig) -> None:
        if config.denoiser is None:
            masker = SpectrogramMasker(**_arguments(config))
        else:
            neutral = {option: value for option, (value, _) in _OPTIONS.items()}
            sizes = neutral | asdict(config.denoiser)
            first = replace(config, features="magnitude", mask="softmax", num_sources=2, denoiser=None, **sizes)
            masker = DenoisedMasker(Denoiser(**_arguments(first)), **_arguments(config))
        encoder, decoder = make_fourier_transform(config)
        super().__init__(config, encoder, masker, decoder, sums_to_mixture=config.mask == "softmax")


def _arguments(config: SpectrogramConfig) -> dict[str, Any]:
    """Return what a masker is built with."""
    return {
        "config": config,
        "make_block": lambda channels, dilation: BLOCKS[config.block](config, channels, dilation),
        "features": config.features,
        "complex_mask": config.mask == "complex",
        "level_channels": config.level_channels,
        "blocks_per_level": config.blocks_per_level,
        "dilations": [[2**block for block in range(config.num_blocks)]] * config.num_repeats,
        "time_gate": config.time_gate,
    }

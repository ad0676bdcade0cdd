"""Band networks: the spectrum in bands of a few bins, one resolution from end to end, masks that sum to the mixture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from separator.bricks.conv2d import Conv2d, ConvBlock2d
from separator.bricks.convnext import ConvNeXtBlock2d
from separator.bricks.full_band import FullBandMixing, TimeGate
from separator.bricks.recurrence import FrameRecurrence
from separator.bricks.resnet import AxialBlock, ResNetBlock
from separator.bricks.stepping import Chain, ComposedBrick, Run
from separator.errors import InputError
from separator.models.fourier import Features, FourierConfig, FourierMasker, make_fourier_transform
from separator.models.pipeline import MaskingSeparator


@dataclass(frozen=True, kw_only=True)
class BandNetworkConfig(FourierConfig):
    """Every choice of a band network.

    Args:
        features: What the network sees: "complex" (real and imaginary part, magnitude compressed to its square root),
            "magnitude" (its logarithm), or "magnitude+phase" (and how far the phase advances over a frame and a bin).
        mask: "complex", unbounded masks that sum to 1 over the sources; or "softmax", real ones that do.
        bands: Pairs of bins in a band and how many such bands there are, from the lowest bin but DC up to the highest.
        band_channels: Channels of every band.
        block: The brick that convolves over bands and frames, a name in `BAND_BLOCKS`; the two convolutions of "axial"
            go over frames and over bands.
        block_kernel_size: Its taps over bands and over frames; odd.
        num_blocks: Blocks in a repeat.
        dilated: Whether their dilations over frames are 1, 2, 4, ...; otherwise all are 1.
        num_repeats: Repeats.
        full_band_channels: Channels of the full-band mixing after each block; null leaves it out.
        recurrent_channels: Channels, each way, of a recurrence over frames after each block; null leaves it out.
        time_gate: Whether each repeat ends with a gate from statistics over all frames.

    Raises:
        InputError: If a value is out of range.
    """

    features: Features = "complex"
    mask: Literal["complex", "softmax"] = "complex"  # type: ignore[assignment]
    bands: tuple[tuple[int, int], ...] = ((4, 32), (16, 8))
    band_channels: int = 48
    block: str = "resnet"
    block_kernel_size: int = 3
    num_blocks: int = 4
    dilated: bool = True
    num_repeats: int = 2
    full_band_channels: int | None = 8
    recurrent_channels: int | None = None
    time_gate: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.block not in BAND_BLOCKS:
            raise InputError(f"block: expected one of {', '.join(BAND_BLOCKS)}, found {self.block!r}")
        if self.block_kernel_size % 2 == 0:
            raise InputError(f"block_kernel_size: expected an odd number, found {self.block_kernel_size}")
        bins = self.window_length // 2
        if any(min(pair) < 1 for pair in self.bands) or sum(width * number for width, number in self.bands) != bins:
            raise InputError(
                f"bands: expected pairs (bins in a band, bands) that hold all {bins} bins but DC, "
                f"found {[list(pair) for pair in self.bands]}"
            )
        for key in ("full_band_channels", "recurrent_channels"):
            if (value := getattr(self, key)) is not None and value < 1:
                raise InputError(f"{key}: expected null or at least 1, found {value}")

    @property
    def num_bands(self) -> int:
        """Return the number of bands of the spectrum."""
        return sum(number for _, number in self.bands)


def _resnet(config: BandNetworkConfig, dilation: int) -> nn.Module:
    channels = config.band_channels
    return ResNetBlock(channels, channels, config.block_kernel_size, dilation=(1, dilation), causal=config.causal)


def _convnext(config: BandNetworkConfig, dilation: int) -> nn.Module:
    channels, kernel = config.band_channels, config.block_kernel_size
    return ConvNeXtBlock2d(channels, kernel_size=kernel, dilation=(1, dilation), causal=config.causal, layer_scale=0.1)


def _axial(config: BandNetworkConfig, dilation: int) -> nn.Module:
    return AxialBlock(config.band_channels, config.block_kernel_size, dilation, config.causal)


BAND_BLOCKS: dict[str, Callable[[BandNetworkConfig, int], nn.Module]] = {
    "resnet": _resnet,
    "axial": _axial,
    "convnext": _convnext,
}
"""Name of each block, and what makes one from a config and its dilation over frames."""


class BandMerge(ComposedBrick, nn.ModuleList):
    """Maps of every bin from bands: a convolution for each width of band gives those of all its bins.

    Args:
        bands: Pairs of bins in a band and how many such bands there are.
        channels: Channels of a band.
        maps: Maps (M).

    Shape:
        `(B, channels, bands, K)` to `(B, M, F, K)`, of all bins, DC as the bin above it.
    """

    def __init__(self, bands: Sequence[tuple[int, int]], channels: int, maps: int) -> None:
        super().__init__(Conv2d(channels, maps * bins, (3, 1)) for bins, _ in bands)
        self.bands = bands

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        parts, first = [], 0
        for merge, (bins, number) in zip(self, self.bands, strict=True):
            maps = run(merge, frames[:, :, first : first + number])  # (B, M · bins, number, K)
            maps = maps.unflatten(1, (-1, bins))  # (B, M, bins, number, K)
            parts.append(maps.transpose(2, 3).flatten(2, 3))  # (B, M, bins · number, K)
            first += number
        return torch.cat([parts[0][:, :, :1], *parts], dim=2)  # (B, M, F, K)


class BandMasker(FourierMasker):
    """Masks for every source from complex frames.

    Args:
        config: Every choice.

    Shape:
        `(B, C·F, K)` complex to `(B, S, C·F, K)`, complex or real; the masks of all sources sum to 1.
    """

    def __init__(self, config: BandNetworkConfig) -> None:
        super().__init__(config, config.features)
        self.is_complex = config.mask == "complex"
        self.bands = config.bands
        self.width = width = config.band_channels
        self.split = nn.ModuleList(
            # Odd, and reaching half a band into the next.
            ConvBlock2d(self.num_features, width, (2 * bins + 1, 3), stride=(bins, 1), causal=config.causal)
            for bins, _ in config.bands
        )
        layers: list[nn.Module] = []
        for _ in range(config.num_repeats):
            for number in range(config.num_blocks):
                layers.append(BAND_BLOCKS[config.block](config, 2**number if config.dilated else 1))
                if config.full_band_channels is not None:
                    layers.append(FullBandMixing(width, config.num_bands, config.full_band_channels))
                if config.recurrent_channels is not None:
                    layers.append(FrameRecurrence(width, config.recurrent_channels, config.causal))
            if config.time_gate:
                layers.append(TimeGate(width, config.causal))
        self.layers = Chain(*layers)
        maps = config.num_sources * config.channels * (2 if self.is_complex else 1)
        self.merge = self.make_last_layer(width, maps)
        with torch.no_grad():
            for merge in self.merge:
                merge.weight.mul_(0.1)  # type: ignore[operator]  # at first about the same share for each source
        reaches: list[Any] = [layer.receptive_field for layer in (self.split[0], *layers)]
        self.receptive_field = 1 + sum(frames - 1 for _, frames in reaches)
        self.receptive_field += self.feature_context
        """Frames that the convolutions see."""

    def last_layer(self) -> tuple[nn.Module, int]:
        return self.merge, self.width

    def make_last_layer(self, channels: int, maps: int) -> BandMerge:
        return BandMerge(self.bands, channels, maps)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        features = self.features(run, frames)  # (B, features, F, K)
        parts, first = [], 1  # DC is left out
        for split, (bins, number) in zip(self.split, self.bands, strict=True):
            parts.append(run(split, features[:, :, first : first + bins * number]))  # (B, width, number, K)
            first += bins * number
        hidden = torch.cat(parts, dim=2).contiguous(memory_format=torch.channels_last)  # (B, width, bands, K)
        hidden = run(self.layers, hidden)  # (B, width, bands, K)
        with torch.autocast(hidden.device.type, enabled=False):  # a faint source's mask is what loud ones leave of 1
            exact = hidden.to(torch.promote_types(hidden.dtype, torch.float32))  # (B, width, bands, K)
            maps = run(self.merge, exact).float()  # (B, maps, F, K)
        if self.is_complex:
            maps = maps.unflatten(1, (self.num_sources, 2, self.channels))  # (B, S, 2, C, F, K)
            mask = torch.complex(maps[:, :, 0], maps[:, :, 1])  # (B, S, C, F, K)
            mask = mask + (1 - mask.sum(dim=1, keepdim=True)) / self.num_sources  # (B, S, C, F, K)
        else:
            mask = torch.softmax(maps.unflatten(1, (self.num_sources, self.channels)), dim=1)  # (B, S, C, F, K)
        return mask.flatten(2, 3)  # (B, S, C·F, K)


class BandNetwork(MaskingSeparator):
    """Short-time Fourier transform, a network of one resolution over bands and frames, masks, inverse transform.

    Each block convolves over near bands and, dilated, over near and far frames; full-band mixing, recurrences and the
    time gate reach what lies further. The sources sum to the mixture.

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        One resolution in bands, narrow-band and cross-band parts in turns: Quan and Li, SpatialNet, arXiv 2307.16516.
        Bands, and a recurrence for all: Luo and Yu, band-split RNN, arXiv 2209.15174. Complex masks: Williamson, Wang
        and Wang, 2016.

    Example:
        >>> model = BandNetwork(BandNetworkConfig(band_channels=4, num_blocks=1, num_repeats=1, num_sources=3))
        >>> mixture = torch.linspace(-1, 1, 8000).view(1, 1, -1)
        >>> sources = model(mixture)
        >>> sources.shape, torch.allclose(sources.sum(dim=1), mixture, atol=1e-4)
        (torch.Size([1, 3, 1, 8000]), True)
    """

    def __init__(self, config: BandNetworkConfig) -> None:
        masker = BandMasker(config)
        encoder, decoder = make_fourier_transform(config)
        super().__init__(config, encoder, masker, decoder, sums_to_mixture=True)

"""The 2-D masker: an encoder-decoder over frequency with skips, dilated over time at its last level."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.conv2d import Conv2d, ConvBlock2d
from separator.bricks.full_band import TimeGate
from separator.bricks.stepping import Chain, Run
from separator.models.fourier import Features, FourierConfig, FourierMasker
from separator.models.pipeline import MASKS

MakeBlock = Callable[[int, int], nn.Module]
"""Channels and dilation over frames to a 2-D brick that keeps channels, bins and frames."""


class DoubledSum(nn.Module):
    """Frames of a level, each bin twice, plus those of the level above, `(B, C, ceil(F / 2), K)` and `(B, C, F, K)`."""

    framewise = True

    def forward(self, frames: Tensor, skip: Tensor) -> Tensor:
        doubled = functional.interpolate(frames, scale_factor=(2.0, 1.0), mode="nearest")
        return doubled[:, :, : skip.shape[2]] + skip  # (B, C, F, K)


class SpectrogramMasker(FourierMasker):
    """Masks for every source from complex frames.

    Each level but the first starts with a strided convolution that halves the bins, and goes back by a 1×1
    convolution, a doubling of the bins, and the sum with what the level above was on the way down. Frames are never
    skipped.

    Args:
        config: Window, channels, norm, causality and number of sources.
        make_block: Makes the blocks.
        features: What the blocks see, as in `SpectrogramConfig`.
        complex_mask: Whether the masks are complex and unbounded; otherwise `config.mask` of one real map.
        level_channels, blocks_per_level, time_gate: As in `SpectrogramConfig`.
        dilations: Dilations over frames of the blocks of the last level, repeat by repeat.

    Shape:
        `(B, C·F, K)` complex to `(B, S, C·F, K)`, real or complex.
    """

    def __init__(
        self,
        config: FourierConfig,
        make_block: MakeBlock,
        features: Features,
        complex_mask: bool,
        level_channels: Sequence[int],
        blocks_per_level: int,
        dilations: Sequence[Sequence[int]],
        time_gate: bool = False,
    ) -> None:
        super().__init__(config, features)
        self.stem = ConvBlock2d(self.num_features, level_channels[0], causal=config.causal)
        self.down = nn.ModuleList(_chain(make_block, each, blocks_per_level) for each in level_channels[:-1])
        self.up = nn.ModuleList(_chain(make_block, each, blocks_per_level) for each in level_channels[:-1])
        pairs = list(itertools.pairwise(level_channels))
        self.halve = nn.ModuleList(ConvBlock2d(above, below, (3, 1), stride=(2, 1)) for above, below in pairs)
        self.widen = nn.ModuleList(ConvBlock2d(below, above, 1) for above, below in pairs)
        self.join = nn.ModuleList(DoubledSum() for _ in pairs)
        last, self.blocks_in_repeat = level_channels[-1], len(dilations[0])
        self.bottom = Chain(*(make_block(last, dilation) for repeat in dilations for dilation in repeat))
        self.gates = nn.ModuleList(TimeGate(last, config.causal) for _ in dilations) if time_gate else None
        maps = config.channels * (2 if complex_mask else 1)
        self.output = self.make_last_layer(level_channels[0], config.num_sources * maps)
        self.mask = None if complex_mask else MASKS[config.mask]()
        blocks = [self.stem, *self.bottom, *(block for chain in (*self.down, *self.up) for block in chain)]
        self.receptive_field = 1 + sum(block.receptive_field[1] - 1 for block in blocks)
        self.receptive_field += self.feature_context
        """Frames that the convolutions see."""

    def last_layer(self) -> tuple[nn.Module, int]:
        return self.output, self.output.in_channels

    def make_last_layer(self, channels: int, maps: int) -> Conv2d:
        return Conv2d(channels, maps, kernel_size=1)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = run(self.stem, self.features(run, frames))  # (B, level_channels[0], F, K)
        # Every block keeps this memory format; depthwise convolutions need it to be fast. Not before the stem: of one
        # channel both formats are the same, and the next layer would be free to choose.
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        skips = []
        for blocks, halve in zip(self.down, self.halve, strict=True):
            hidden = run(blocks, hidden)  # (B, channels of the level, its bins, K)
            skips.append(hidden)
            hidden = run(halve, hidden)  # (B, channels of the next level, half the bins, K)
        for number, block in enumerate(self.bottom, start=1):
            hidden = run(block, hidden)  # (B, level_channels[-1], fewest bins, K)
            if self.gates is not None and number % self.blocks_in_repeat == 0:
                hidden = run(self.gates[number // self.blocks_in_repeat - 1], hidden)
        for blocks, widen, join in zip(reversed(self.up), reversed(self.widen), reversed(self.join), strict=True):
            skip = skips.pop()
            hidden = run(blocks, join(run(widen, hidden), skip))  # the shape of skip
        maps = run(self.output, hidden).float()  # (B, S · maps, F, K)
        if self.mask is None:
            maps = maps.unflatten(1, (self.num_sources, 2, self.channels))  # (B, S, 2, C, F, K)
            return torch.complex(maps[:, :, 0], maps[:, :, 1]).flatten(2, 3)  # (B, S, C·F, K)
        masks: Tensor = self.mask(maps.unflatten(1, (self.num_sources, self.channels)))  # (B, S, C, F, K)
        return masks.flatten(2, 3)  # (B, S, C·F, K)


def _chain(make_block: MakeBlock, channels: int, length: int) -> Chain:
    return Chain(*(make_block(channels, 1) for _ in range(length)))

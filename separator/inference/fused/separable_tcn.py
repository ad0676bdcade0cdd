"""The separable TCN on a CPU: the sums of `separator.bricks.separable_tcn`, ordered so that little memory is moved.

- A frame's channels lie side by side in memory, and a few hundred frames at a time go through a block while they are
  in the cache. The 1×1 convolutions are matrix products with the PReLU in them.
- gLN is never applied: from its two statistics it becomes a gain and a constant in the convolution that follows, a
  depthwise one or a 1×1.
- The residual and the skip 1×1 are one product; the constants of both go to the end of the stack.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.separable_tcn import SeparableTCN
from separator.inference.fused.global_norm import GlobalStatistics, can_be_folded, norm_gain
from separator.inference.fused.pointwise import pointwise

TILE_VALUES = 2**19
"""Values of the hidden channels in a tile, for each thread: 2 MB. Smaller tiles cost more calls than they save."""


class FusedSeparableTCN(nn.Module):
    """A separable TCN with gLN, on a CPU, without gradients.

    Args:
        tcn: Whose weights it takes. Where the norms of an input cannot be folded, it is used itself.
        dtype: Of the products and of what lies between them, float32 or bfloat16; all sums are of float32.

    Shape:
        `(B, K, channels)` to `(B, K, skip_channels)`.
    """

    def __init__(self, tcn: SeparableTCN, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.reference = tcn
        self.dtype = dtype
        self.blocks = nn.ModuleList(_FusedBlock(block, dtype) for block in tcn.blocks)
        first: Any = tcn.blocks[0]
        self.skip_channels, self.hidden_channels = first.skip.out_channels, first.expansion.out_channels

    def forward(self, frames: Tensor) -> Tensor:
        totals = []
        for sample in frames:
            sums = _Sums(sample, self.skip_channels, self.hidden_channels, self.dtype)
            if all(block(sums) for block in self.blocks):
                totals.append(sums.finish())
            else:
                totals.append(self.reference(sample.t().unsqueeze(0))[0].t())
        return torch.stack(totals) if totals else frames.new_zeros(*frames.shape[:2], self.skip_channels)


class _Sums:
    """Sums that the blocks of a stack add to, for one sample: the residual path and the sum of skip outputs.

    They lie side by side, a frame's channels of both. A block's output waits until its gain is known, and is added when
    the next block comes to that tile.

    Args:
        frames: `(K, channels)`.
        skip_channels: Channels of the sum of skip outputs.
        hidden_channels: Channels inside a block.
        dtype: Of what is in a block.
    """

    def __init__(self, frames: Tensor, skip_channels: int, hidden_channels: int, dtype: torch.dtype) -> None:
        num_frames, self.channels = frames.shape
        tile_frames = max(TILE_VALUES * torch.get_num_threads() // hidden_channels, 1)
        self.tiles = [slice(start, min(start + tile_frames, num_frames)) for start in range(0, num_frames, tile_frames)]
        self.both = functional.pad(frames, (0, skip_channels))  # (K, channels + skip_channels)
        self.constants = frames.new_zeros(self.both.shape[1])  # of both, not yet in them
        self.num_frames, self.tile_frames = num_frames, tile_frames
        self.hidden: list[Tensor] = [frames.new_empty(0)] * len(self.tiles)
        """Between a block's first product and its depthwise convolution, tile by tile: `(k, hidden_channels)`."""
        self.filtered = frames.new_empty(min(tile_frames, num_frames), hidden_channels, dtype=dtype)
        self.outputs: list[Tensor | None] = [None] * len(self.tiles)
        """Of the block before, tile by tile, without their gain: of residual and skip path, or of the last of them."""
        self.gain = 0.0
        # A sum of two precisions would make a copy of the coarser one, in new memory each time.
        self.exact = None if dtype == frames.dtype else torch.empty_like(self.both[: min(tile_frames, num_frames)])

    def settle(self, number: int) -> Tensor:
        """Add what waits for a tile, and return both there, `(k, channels + skip_channels)`."""
        both, waiting = self.both[self.tiles[number]], self.outputs[number]
        if waiting is not None:
            if self.exact is not None:
                waiting = self.exact[: len(waiting), : waiting.shape[1]].copy_(waiting)
            both[:, -waiting.shape[1] :].add_(waiting, alpha=self.gain)
            self.outputs[number] = None
        return both

    def hidden_frames(self, start: int, stop: int) -> Iterator[tuple[int, Tensor]]:
        """Give the frames of `hidden` from `start` up to `stop`, a piece of each tile with its first frame's number."""
        while start < stop:
            number = start // self.tile_frames
            tile = self.tiles[number]
            end = min(stop, tile.stop)
            yield start, self.hidden[number][start - tile.start : end - tile.start]
            start = end

    def finish(self) -> Tensor:
        """Add the last block and the constants, and return the sum of skip outputs, `(K, skip_channels)`."""
        for number in range(len(self.tiles)):
            self.settle(number)
        return self.both[:, self.channels :].add_(self.constants[self.channels :])


class _FusedBlock(nn.Module):
    """A block of the stack, which adds to `_Sums`. Its call returns whether its norms could be folded.

    Args:
        block: The `SeparableBlock` whose weights it takes.
        dtype: Of its products.
    """

    def __init__(self, block: Any, dtype: torch.dtype) -> None:
        super().__init__()
        norm, outputs = block.expansion_norm, [each for each in (block.residual, block.skip) if each is not None]
        self.expansion_weight = nn.Buffer(block.expansion.weight[:, :, 0].to(dtype))
        self.expansion_bias = nn.Buffer(block.expansion.bias)
        self.expansion_slope = float(block.expansion_prelu.weight)
        self.expansion_eps = norm.eps
        taps = block.depthwise.weight[:, 0].t().contiguous()  # (P, H)
        self.gains = nn.Buffer(taps * norm.weight)
        self.constants = nn.Buffer(taps * norm.bias)
        self.depthwise_bias = nn.Buffer(block.depthwise.bias)
        self.depthwise_slope = float(block.depthwise_prelu.weight)
        self.depthwise_eps = block.depthwise_norm.eps
        self.dilation = block.depthwise.dilation[0]
        weight = torch.cat([each.weight[:, :, 0] for each in outputs])
        self.output_weight = nn.Buffer((weight * block.depthwise_norm.weight).to(dtype))
        self.output_sum = nn.Buffer(self.output_weight.float().sum(dim=1))
        self.output_bias = nn.Buffer(torch.cat([each.bias for each in outputs]) + weight.mv(block.depthwise_norm.bias))

    def forward(self, sums: _Sums) -> bool:
        weight, dtype = self.expansion_weight, self.expansion_weight.dtype
        bias = (self.expansion_bias + weight.float().mv(sums.constants[: sums.channels])).to(dtype)
        statistics = GlobalStatistics()
        for number in range(len(sums.tiles)):
            residual = sums.settle(number)[:, : sums.channels]
            sums.hidden[number] = pointwise(residual.to(dtype), weight, bias, self.expansion_slope)
            statistics.add(sums.hidden[number])
        mean, variance = statistics.mean_and_variance()
        if not can_be_folded(mean, variance):
            return False
        gain = norm_gain(variance, self.expansion_eps)
        weights = (self.gains * gain).to(dtype)
        constants = self.constants - mean * weights.float()

        statistics, num_outputs = GlobalStatistics(), len(self.output_bias)  # the last block's are skip outputs alone
        for number, tile in enumerate(sums.tiles):
            filtered = sums.filtered[: tile.stop - tile.start]
            self._depthwise(sums, weights, constants, number, filtered)
            statistics.add(filtered)
            sums.outputs[number] = pointwise(filtered, self.output_weight)
        mean, variance = statistics.mean_and_variance()
        if not can_be_folded(mean, variance):
            return False
        sums.gain = norm_gain(variance, self.depthwise_eps)
        sums.constants[-num_outputs:] += self.output_bias - sums.gain * mean * self.output_sum
        return True

    def _depthwise(self, sums: _Sums, weights: Tensor, constants: Tensor, number: int, output: Tensor) -> None:
        """Write a tile of depthwise convolution and PReLU into `output`."""
        start, tile_frames, middle = sums.tiles[number].start, len(output), len(weights) // 2
        constant = (constants.sum(dim=0) + self.depthwise_bias).to(output.dtype)
        torch.addcmul(constant, sums.hidden[number], weights[middle], out=output)
        for tap in range(len(weights)):
            if tap == middle:
                continue
            # Frames whose input at this tap lies inside the signal. Outside it the input is zero after the norm.
            shift = (tap - middle) * self.dilation
            low = min(max(-shift - start, 0), tile_frames)
            high = min(max(sums.num_frames - shift - start, low), tile_frames)
            for first, seen in sums.hidden_frames(start + low + shift, start + high + shift):
                to = first - shift - start
                output[to : to + len(seen)].addcmul_(seen, weights[tap])
            if low > 0:
                output[:low].sub_(constants[tap])
            if high < tile_frames:
                output[high:].sub_(constants[tap])
        functional.leaky_relu_(output, self.depthwise_slope)

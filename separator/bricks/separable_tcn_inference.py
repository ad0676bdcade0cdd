"""The separable TCN without gradients on a CPU: the sums of `separable_tcn`, ordered so that little memory is moved.

- A frame's channels lie side by side in memory, and a few hundred frames at a time go through a block while they are
  in the cache. The 1×1 convolutions are matrix products with the PReLU in them.
- gLN is never applied: from its two statistics `γ (F − m) / s + β` becomes a gain and a constant in the convolution
  that follows, a depthwise one or a 1×1.
- The residual and the skip 1×1 are one product; the constants of both go to the end of the stack.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.rows import Moments, RowLinear

if TYPE_CHECKING:
    from separator.bricks.separable_tcn import SeparableBlock, SeparableTCN

TILE_VALUES = 2**20
"""Values of the hidden channels in a tile: 4 MB. Smaller tiles cost more calls than they save memory traffic."""


def fused_separable_tcn(tcn: "SeparableTCN", frames: Tensor) -> Tensor | None:
    """What `tcn` makes of the frames, to 1e-5; None if the norms of this input cannot be folded.

    Shape:
        `(B, channels, K)` to `(B, skip_channels, K)`, in memory `(B, K, skip_channels)`.
    """
    outputs = []
    for sample in frames:
        output = _separate(tcn, sample.t().clone(memory_format=torch.contiguous_format))
        if output is None:
            return None
        outputs.append(output)
    return (outputs[0].unsqueeze(0) if len(outputs) == 1 else torch.stack(outputs)).transpose(1, 2)


def _separate(tcn: "SeparableTCN", residual: Tensor) -> Tensor | None:
    """One sample, `(K, channels)` (overwritten) to `(K, skip_channels)`."""
    blocks: list[SeparableBlock] = list(tcn.blocks)  # type: ignore[arg-type]
    num_frames, channels = residual.shape
    hidden_channels = blocks[0].expansion.out_channels
    rows = max(TILE_VALUES // hidden_channels, 1)
    tiles = [slice(start, min(start + rows, num_frames)) for start in range(0, num_frames, rows)]
    hidden = residual.new_empty(num_frames, hidden_channels)
    filtered = residual.new_empty(min(rows, num_frames), hidden_channels)
    total = residual.new_zeros(num_frames, blocks[0].skip.out_channels)
    constants = residual.new_zeros(channels + total.shape[1])  # of `residual` and `total`, not yet in them
    outputs: list[Tensor] = []  # of the block before, tile by tile, without the gain of its second norm
    gain = 0.0
    checks = list(tcn._forward_pre_hooks.values())  # `BetweenLayers` all of them

    for block in blocks:
        expand = _expansion(block, constants[:channels])
        moments = Moments()
        for index, tile in enumerate(tiles):
            for check in checks:
                check(tcn, ())
            if outputs:
                residual[tile].add_(outputs[index][:, :channels], alpha=gain)
                total[tile].add_(outputs[index][:, channels:], alpha=gain)
            expanded = expand(residual[tile])
            moments.add(expanded)
            hidden[tile].copy_(expanded)
        if moments.are_offset:
            return None
        depthwise = _Depthwise(block, *moments.gain_and_mean(block.expansion_norm.eps))

        weight, bias = _output_weights(block)
        weighted = weight * block.depthwise_norm.weight
        project = RowLinear(weighted)
        moments, outputs = Moments(), []
        for tile in tiles:
            for check in checks:
                check(tcn, ())
            values = depthwise(hidden, tile.start, filtered[: tile.stop - tile.start])
            moments.add(values)
            outputs.append(project(values))
        if moments.are_offset:
            return None
        gain, mean = moments.gain_and_mean(block.depthwise_norm.eps)
        constant = torch.addmv(bias, weight, block.depthwise_norm.bias) - gain * mean * weighted.sum(dim=1)
        constants[-len(constant) :] += constant

    for output, tile in zip(outputs, tiles, strict=True):
        total[tile].add_(output[:, -total.shape[1] :], alpha=gain)
    return total.add_(constants[channels:])


def _expansion(block: "SeparableBlock", constant: Tensor) -> "RowLinear":
    """The first 1×1 with its PReLU, of inputs that lack a constant."""
    weight = block.expansion.weight[:, :, 0]
    bias = weight.mv(constant)
    return RowLinear(weight, bias + _bias(block.expansion), float(block.expansion_prelu.weight))


def _output_weights(block: "SeparableBlock") -> tuple[Tensor, Tensor]:
    """Weight and bias of the residual and the skip 1×1 as one."""
    parts = [part for part in (block.residual, block.skip) if part is not None]
    return torch.cat([part.weight[:, :, 0] for part in parts]), torch.cat([_bias(part) for part in parts])


def _bias(convolution: nn.Conv1d) -> Tensor:
    return convolution.weight.new_zeros(convolution.out_channels) if convolution.bias is None else convolution.bias


class _Depthwise:
    """Norm, depthwise convolution and PReLU of a block, tile by tile.

    Args:
        block: Whose parameters they are.
        gain: 1 / s of the norm.
        mean: m of the norm.
    """

    def __init__(self, block: "SeparableBlock", gain: float, mean: float) -> None:
        norm, convolution = block.expansion_norm, block.depthwise
        taps = convolution.weight[:, 0].t().contiguous()  # (P, H)
        weights = taps * (norm.weight * gain)
        constants = taps * (norm.bias - norm.weight * (gain * mean))
        middle = len(taps) // 2
        self.centre = weights[middle]
        self.constant = constants.sum(dim=0) + _bias(convolution)
        self.others = [
            ((tap - middle) * convolution.dilation[0], weights[tap], constants[tap])
            for tap in range(len(taps))
            if tap != middle
        ]
        self.slope = float(block.depthwise_prelu.weight)

    def __call__(self, hidden: Tensor, start: int, output: Tensor) -> Tensor:
        """Write the rows of the result from `start` on into `output`."""
        num_frames, num_rows = len(hidden), len(output)
        torch.addcmul(self.constant, hidden[start : start + num_rows], self.centre, out=output)
        for shift, weight, constant in self.others:
            # Rows whose input at this tap lies inside the signal. Outside it the input is zero after the norm.
            low = min(max(-shift - start, 0), num_rows)
            high = min(max(num_frames - shift - start, low), num_rows)
            output[low:high].addcmul_(hidden[start + low + shift : start + high + shift], weight)
            if high - low < num_rows:
                output[:low].sub_(constant)
                output[high:].sub_(constant)
        return functional.leaky_relu_(output, self.slope)

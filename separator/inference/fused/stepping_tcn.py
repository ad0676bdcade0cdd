"""The step of a causal separable TCN on a CPU: of so few frames a call costs more than what it computes.

The sums of `separator.bricks.separable_tcn`, in a sixth of the calls: a frame's channels lie side by side in memory,
the cumulative sums are numbers of Python, and the residual path and the sum of skip outputs are one matrix that a
product of each block adds to; their constants were added beforehand. Where a single frame comes, what the depthwise
convolutions take from the past is summed for all blocks at once.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.separable_tcn import SeparableTCN


@dataclass(frozen=True)
class SteppingTCNState:
    """State of a `SteppingTCN`.

    Attributes:
        past: What the depthwise convolutions remember, block after block, `(B, frames of all, H)`.
        sums: Frames so far, and over them the sums of mean and power, `(B, 2·blocks, 3)` in float64.
    """

    past: Tensor
    sums: Tensor


class SteppingTCN(nn.Module):
    """A causal separable TCN with cLN and kernels of 2 taps or more, on a CPU in float32, without gradients.

    Args:
        tcn: Whose weights it takes; whole signals go through itself.
    """

    def __init__(self, tcn: SeparableTCN) -> None:
        super().__init__()
        self.reference = tcn
        self.receptive_field = tcn.receptive_field
        first: Any = tcn.blocks[0]
        self.channels = first.expansion.in_channels
        self.blocks: list[_SteppingBlock] = []
        constants = torch.zeros(self.channels + first.skip.out_channels)
        start = 0
        for block in tcn.blocks:
            stepping = _SteppingBlock(block, start, constants[: self.channels])
            constants[-len(stepping.output_bias) :] += stepping.output_bias
            self.blocks.append(stepping)
            start = stepping.end
        self.skip_constants = constants[self.channels :]
        taps = range(len(self.blocks[0].taps) - 1)
        self._seen = torch.tensor([block.start + tap * block.dilation for block in self.blocks for tap in taps])
        self._past_taps = torch.cat([block.taps[:-1] for block in self.blocks])  # (blocks · (P - 1), H)
        self._biases = torch.stack([block.bias for block in self.blocks])  # (blocks, H)

    def forward(self, frames: Tensor) -> Tensor:
        output: Tensor = self.reference(frames)
        return output

    def initial_state(self, batch: int) -> SteppingTCNState:
        """Return the state before the first frame."""
        past = torch.zeros(batch, self.blocks[-1].end, self._biases.shape[1])
        return SteppingTCNState(past, torch.zeros(batch, 2 * len(self.blocks), 3, dtype=torch.float64))

    def step(self, frames: Tensor, state: SteppingTCNState) -> tuple[Tensor, SteppingTCNState]:
        """Return the output of the next frames `(B, C, k)`, `(B, Sc, k)`, and the state behind them."""
        outputs, past, sums = [], torch.empty_like(state.past), state.sums.tolist()
        for number, sample in enumerate(frames):
            outputs.append(self._step_sample(sample.t(), state.past[number], past[number], sums[number]))
        return torch.stack(outputs).transpose(1, 2), SteppingTCNState(past, torch.tensor(sums, dtype=torch.float64))

    def _step_sample(self, frames: Tensor, before: Tensor, after: Tensor, sums: list[list[float]]) -> Tensor:
        """Return the sum of skip outputs `(k, Sc)` of frames `(k, C)`; `after` and `sums` become the new state."""
        num_frames = len(frames)
        both = torch.cat([frames, self.skip_constants.expand(num_frames, -1)], dim=1)  # (k, C + Sc)
        residual = both[:, : self.channels]
        moved = before[num_frames:]
        after[: len(moved)] = moved  # each block's last are written below
        if num_frames == 1:
            taken = before.index_select(0, self._seen).mul_(self._past_taps)  # (blocks · (P - 1), H)
            from_past = taken.unflatten(0, (len(self.blocks), -1)).sum(dim=1).add_(self._biases)  # (blocks, H)
        for number, block in enumerate(self.blocks):
            expanded = block.expand(residual, sums[2 * number])  # (k, H)
            if num_frames == 1:
                filtered = torch.addcmul(from_past[number], expanded, block.taps[-1])
            else:
                filtered = block.filter(before, expanded)
            kept = min(num_frames, block.end - block.start)
            after[block.end - kept : block.end] = expanded[num_frames - kept :]
            block.mix(filtered, sums[2 * number + 1], both)
        return both[:, self.channels :]


class _SteppingBlock:
    """A block of the stack.

    Args:
        block: The `SeparableBlock` whose weights it takes.
        start: Where in the past of all blocks its own begins, in frames.
        constants: Of the residual path before it that are not in its input, `(C,)`.
    """

    def __init__(self, block: Any, start: int, constants: Tensor) -> None:
        outputs = [each for each in (block.residual, block.skip) if each is not None]
        self.expansion_weight = block.expansion.weight[:, :, 0].t().contiguous()  # (C, H)
        self.expansion_bias = block.expansion.bias + constants @ self.expansion_weight
        self.expansion_slope = float(block.expansion_prelu.weight)
        self.expansion_norm = block.expansion_norm
        self.taps = block.depthwise.weight[:, 0].t().contiguous()  # (P, H)
        self.bias = block.depthwise.bias
        self.dilation = block.depthwise.dilation[0]
        self.start, self.end = start, start + block.depthwise.receptive_field - 1
        self.depthwise_slope = float(block.depthwise_prelu.weight)
        self.depthwise_eps = block.depthwise_norm.eps
        weight = torch.cat([each.weight[:, :, 0] for each in outputs])
        self.output_weight = (weight * block.depthwise_norm.weight).t().contiguous()  # (H, C + Sc), of the last Sc
        self.output_sum = self.output_weight.sum(dim=0)
        self.output_bias = torch.cat([each.bias for each in outputs]) + weight.mv(block.depthwise_norm.bias)

    def expand(self, frames: Tensor, sums: list[float]) -> Tensor:
        """Return 1×1, PReLU and norm of frames: `(k, C)` to `(k, H)`."""
        expanded = torch.addmm(self.expansion_bias, frames, self.expansion_weight)
        functional.leaky_relu_(expanded, self.expansion_slope)
        means, gains = _statistics(expanded, sums, self.expansion_norm.eps)
        weight, bias = self.expansion_norm.weight, self.expansion_norm.bias
        if len(gains) == 1:
            normalised = torch.addcmul(bias, expanded, weight, value=gains[0])
            return normalised.add_(weight, alpha=-means[0] * gains[0])
        return torch.addcmul(bias, _normalised(expanded, means, gains), weight)

    def filter(self, past: Tensor, expanded: Tensor) -> Tensor:
        """Return the depthwise convolution of frames `(k, H)` that follow on the past of all blocks, `(k, H)`."""
        filtered = torch.addcmul(self.bias, expanded, self.taps[-1])
        for tap, weight in enumerate(self.taps[:-1]):
            first = self.start + tap * self.dilation
            shift = self.end - first
            from_past = min(shift, len(expanded))
            filtered[:from_past].addcmul_(past[first : first + from_past], weight)
            if shift < len(expanded):
                filtered[shift:].addcmul_(expanded[:-shift], weight)
        return filtered

    def mix(self, filtered: Tensor, sums: list[float], both: Tensor) -> None:
        """Add PReLU, norm and both 1×1 of filtered frames `(k, H)`, which are overwritten, to `both`."""
        functional.leaky_relu_(filtered, self.depthwise_slope)
        means, gains = _statistics(filtered, sums, self.depthwise_eps)
        written = both[:, -len(self.output_bias) :]
        if len(gains) == 1:
            written.addmm_(filtered, self.output_weight, alpha=gains[0])
            written.add_(self.output_sum, alpha=-means[0] * gains[0])
        else:
            written.addmm_(_normalised(filtered, means, gains), self.output_weight)


def _statistics(frames: Tensor, sums: list[float], eps: float) -> tuple[list[float], list[float]]:
    """Return `m` and `1 / s` of the cumulative norm at each of frames `(k, C)`; the sums take them along.

    From a frame on whose power float32 does not hold they are NaN.
    """
    _, frame_means, frame_gains = torch.native_layer_norm(frames, frames.shape[1:], None, None, eps)
    count, mean_sum, power_sum = sums
    means, gains = [], []
    for mean, gain in zip(frame_means.flatten().tolist(), frame_gains.flatten().tolist(), strict=True):
        count += 1
        mean_sum += mean
        power_sum += (1 / gain**2 if gain else math.nan) - eps + mean**2  # variance and squared mean
        average = mean_sum / count
        means.append(average)
        gains.append(1 / math.sqrt(max(power_sum / count - average**2, 0.0) + eps))
    sums[:] = count, mean_sum, power_sum
    return means, gains


def _normalised(frames: Tensor, means: list[float], gains: list[float]) -> Tensor:
    """Apply the norm, but its gains and biases, to frames `(k, C)` in place."""
    columns = torch.tensor([means, gains]).unsqueeze(2)  # (2, k, 1)
    return frames.sub_(columns[0]).mul_(columns[1])

"""The step of a causal separable TCN on a CPU: of so few frames a call costs more than what it computes.

The sums of `separator.bricks.separable_tcn`, in a sixth of the calls: a frame's channels lie side by side in memory,
the cumulative sums are numbers of Python, the second norm of a block is a gain and a constant of the product behind it,
and where a single frame comes, what the depthwise convolutions take from the past is summed for all blocks at once.
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
        self.blocks = [_SteppingBlock(block) for block in tcn.blocks]
        ends = torch.tensor([block.reach for block in self.blocks]).cumsum(dim=0).tolist()
        self.spans = [(end - block.reach, end) for block, end in zip(self.blocks, ends, strict=True)]
        """Of the past, the frames of each block."""
        taps = range(len(self.blocks[0].taps) - 1)
        self._seen = torch.tensor(
            [
                start + tap * block.dilation
                for block, (start, _) in zip(self.blocks, self.spans, strict=True)
                for tap in taps
            ],
            dtype=torch.int64,
        )
        self._past_taps = torch.cat([block.taps[:-1] for block in self.blocks])  # (blocks · (P - 1), H)
        self._biases = torch.stack([block.bias for block in self.blocks])  # (blocks, H)

    def forward(self, frames: Tensor) -> Tensor:
        output: Tensor = self.reference(frames)
        return output

    def initial_state(self, batch: int) -> SteppingTCNState:
        """Return the state before the first frame."""
        frames, hidden_channels = sum(block.reach for block in self.blocks), self.blocks[0].taps.shape[1]
        past, sums = torch.zeros(batch, frames, hidden_channels), torch.zeros(batch, 2 * len(self.blocks), 3)
        return SteppingTCNState(past, sums.double())

    def step(self, frames: Tensor, state: SteppingTCNState) -> tuple[Tensor, SteppingTCNState]:
        """Return the output of the next frames `(B, C, k)`, `(B, Sc, k)`, and the state behind them."""
        outputs, past, sums = [], torch.empty_like(state.past), state.sums.tolist()
        for number, sample in enumerate(frames):
            outputs.append(self._step_sample(sample.t().contiguous(), state.past[number], past[number], sums[number]))
        return torch.stack(outputs).transpose(1, 2), SteppingTCNState(past, torch.tensor(sums, dtype=torch.float64))

    def _step_sample(self, residual: Tensor, before: Tensor, after: Tensor, sums: list[list[float]]) -> Tensor:
        """Return the sum of skip outputs `(k, Sc)` of frames `(k, C)`; `after` and `sums` become the new state."""
        num_frames, total = len(residual), None
        if num_frames == 1:
            taken = before.index_select(0, self._seen).mul_(self._past_taps)  # (blocks · (P - 1), H)
            from_past = taken.unflatten(0, (len(self.blocks), -1)).sum(dim=1).add_(self._biases)  # (blocks, H)
            after[:-1] = before[1:]  # each block's last is written below
        for number, (block, (start, end)) in enumerate(zip(self.blocks, self.spans, strict=True)):
            expanded = block.expand(residual, sums[2 * number])  # (k, H)
            if num_frames == 1:
                filtered = torch.addcmul(from_past[number], expanded, block.taps[-1])
                after[end - 1 : end] = expanded
            else:
                joined = torch.cat([before[start:end], expanded])  # (reach + k, H)
                filtered = block.filter(joined)
                after[start:end] = joined[num_frames:]
            output = block.mix(filtered, sums[2 * number + 1])  # (k, C + Sc), of the last block (k, Sc)
            if block.residual_channels:
                residual = residual + output[:, : block.residual_channels]
            skip = output[:, block.residual_channels :]
            total = skip if total is None else total + skip
        assert total is not None
        return total


class _SteppingBlock:
    """A block of the stack.

    Args:
        block: The `SeparableBlock` whose weights it takes.
    """

    def __init__(self, block: Any) -> None:
        outputs = [each for each in (block.residual, block.skip) if each is not None]
        self.residual_channels = 0 if block.residual is None else block.residual.out_channels
        self.expansion_weight = block.expansion.weight[:, :, 0].t().contiguous()  # (C, H)
        self.expansion_bias = block.expansion.bias
        self.expansion_slope = float(block.expansion_prelu.weight)
        self.expansion_norm = block.expansion_norm
        self.taps = block.depthwise.weight[:, 0].t().contiguous()  # (P, H)
        self.bias = block.depthwise.bias
        self.dilation = block.depthwise.dilation[0]
        self.reach = block.depthwise.receptive_field - 1
        self.depthwise_slope = float(block.depthwise_prelu.weight)
        self.depthwise_eps = block.depthwise_norm.eps
        weight = torch.cat([each.weight[:, :, 0] for each in outputs])
        self.output_weight = (weight * block.depthwise_norm.weight).t().contiguous()  # (H, C + Sc)
        self.output_sum = self.output_weight.sum(dim=0)
        self.output_bias = torch.cat([each.bias for each in outputs]) + weight.mv(block.depthwise_norm.bias)

    def expand(self, frames: Tensor, sums: list[float]) -> Tensor:
        """Return 1×1, PReLU and norm of frames: `(k, C)` to `(k, H)`."""
        expanded = torch.addmm(self.expansion_bias, frames, self.expansion_weight)
        functional.leaky_relu_(expanded, self.expansion_slope)
        gains, constants = _gains_and_constants(expanded, sums, self.expansion_norm.eps)
        weight, bias = self.expansion_norm.weight, self.expansion_norm.bias
        if len(gains) == 1:
            return torch.addcmul(bias, expanded, weight, value=gains[0]).add_(weight, alpha=constants[0])
        return torch.addcmul(bias, expanded * _column(gains) + _column(constants), weight)

    def filter(self, joined: Tensor) -> Tensor:
        """Return the depthwise convolution of frames and those before, `(reach + k, H)`: `(k, H)`."""
        num_frames = len(joined) - self.reach
        filtered = torch.addcmul(self.bias, joined[:num_frames], self.taps[0])
        for tap in range(1, len(self.taps)):
            filtered.addcmul_(joined[tap * self.dilation : tap * self.dilation + num_frames], self.taps[tap])
        return filtered

    def mix(self, filtered: Tensor, sums: list[float]) -> Tensor:
        """Return PReLU, norm and both 1×1 of filtered frames, which are overwritten: `(k, H)` to `(k, C + Sc)`."""
        functional.leaky_relu_(filtered, self.depthwise_slope)
        gains, constants = _gains_and_constants(filtered, sums, self.depthwise_eps)
        output = torch.mm(filtered, self.output_weight)
        if len(gains) == 1:
            constant = torch.add(self.output_bias, self.output_sum, alpha=constants[0])
            return torch.add(constant, output, alpha=gains[0])
        return torch.addcmul(self.output_bias + output * _column(gains), self.output_sum, _column(constants))


def _gains_and_constants(frames: Tensor, sums: list[float], eps: float) -> tuple[list[float], list[float]]:
    """Return `1 / s` and `−m / s` of the cumulative norm of each of frames `(k, C)`; the sums take them along."""
    variances, means = (each.tolist() for each in torch.var_mean(frames, dim=1, correction=0))
    gains, constants = [], []
    for variance, mean in zip(variances, means, strict=True):
        sums[0] += 1
        sums[1] += mean
        sums[2] += variance + mean**2
        average = sums[1] / sums[0]
        gains.append(1 / math.sqrt(max(sums[2] / sums[0] - average**2, 0.0) + eps))
        constants.append(-average * gains[-1])
    return gains, constants


def _column(values: list[float]) -> Tensor:
    return torch.tensor(values).unsqueeze(1)

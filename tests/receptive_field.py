"""Measures by gradients what a module's output depends on."""

import copy
from collections.abc import Callable
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor, nn

from separator.bricks.full_band import TimeGate
from separator.bricks.norm import CumulativeLayerNorm, GlobalLayerNorm
from separator.bricks.recurrence import FrameRecurrence

Span = tuple[int, int]
"""First and last index."""


def _reached(call: Callable[[Tensor], Tensor], signal: Tensor, index: tuple[EllipsisType | int, ...]) -> Tensor:
    """Gradient of a random sum of the outputs at `index`, as large as `signal`."""
    signal = signal.clone().requires_grad_()
    output = call(signal)[index]
    weights = torch.rand(output.shape, dtype=torch.float64) + 0.5
    output = torch.view_as_real(output).sum(dim=-1) if output.is_complex() else output
    (gradient,) = torch.autograd.grad((output * weights).sum(), signal)
    return gradient.abs()


def _span(gradient: Tensor, dimension: int) -> Span:
    reached = gradient.movedim(dimension, 0).flatten(1).amax(dim=1).nonzero().flatten()
    return int(reached[0]), int(reached[-1])


def seen(call: Callable[[Tensor], Tensor], signal: Tensor, position: int) -> Span:
    """First and last index of `signal` (last dimension) that the output at `position` depends on."""
    return _span(_reached(call, signal, (..., position)), -1)


def seen_2d(call: Callable[[Tensor], Tensor], signal: Tensor, position: tuple[int, int]) -> tuple[Span, Span]:
    """First and last bin, and first and last frame, of `(B, C, F, K)` that the output at (bin, frame) depends on."""
    gradient = _reached(call, signal, (..., *position))
    return _span(gradient, -2), _span(gradient, -1)


def measured_receptive_field(call: Callable[[Tensor], Tensor], signal: Tensor, positions: range) -> int:
    """The widest stretch of `signal` that one of these output positions depends on."""
    spans = [seen(call, signal, position) for position in positions]
    return max(last - first + 1 for first, last in spans)


class _FrameByFrame(nn.Module):
    """In place of an LSTM: each frame's sum, in every channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, rows: Tensor) -> tuple[Tensor]:
        return (rows.sum(dim=2, keepdim=True).expand(-1, -1, self.channels),)


def without_statistics(module: nn.Module) -> Any:
    """A float64 copy, in evaluation, whose output depends on all that it can reach.

    Norms over time do nothing, gates from statistics over time and memories take the frame at hand. Batch norm is the
    constant gain and offset that it is in evaluation. Layer norm stays: that it looks at no other frame is part of what
    is measured. All weights are positive: given a positive input, no gradient is cut off by a ReLU or cancels.
    """
    module = copy.deepcopy(module).double().eval()
    for part in list(module.modules()):
        if isinstance(part, TimeGate):
            part._statistics = lambda frames: torch.cat([frames, frames], dim=1)  # type: ignore[method-assign]
        if isinstance(part, FrameRecurrence):
            part.lstm = _FrameByFrame(part.project.in_features)  # type: ignore[assignment]
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, GlobalLayerNorm | CumulativeLayerNorm):
                setattr(parent, name, nn.Identity())
            if isinstance(child, nn.BatchNorm2d):
                child.reset_running_stats()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_().clamp_(min=1e-3)
    return module

"""Measures by gradients what a module's output depends on."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from separator.bricks.norm import CumulativeLayerNorm, GlobalLayerNorm


def seen(call: Callable[[Tensor], Tensor], signal: Tensor, position: int) -> tuple[int, int]:
    """First and last index of `signal` (last dimension) that the output at `position` depends on."""
    signal = signal.clone().requires_grad_()
    output = call(signal)[..., position]
    weights = torch.rand(output.shape, dtype=torch.float64) + 0.5
    output = torch.view_as_real(output).sum(dim=-1) if output.is_complex() else output
    (gradient,) = torch.autograd.grad((output * weights).sum(), signal)
    reached = gradient.abs().flatten(0, -2).amax(dim=0).nonzero().flatten()
    return int(reached[0]), int(reached[-1])


def measured_receptive_field(call: Callable[[Tensor], Tensor], signal: Tensor, positions: range) -> int:
    """The widest stretch of `signal` that one of these output positions depends on."""
    spans = [seen(call, signal, position) for position in positions]
    return max(last - first + 1 for first, last in spans)


def without_statistics(module: nn.Module) -> Any:
    """A float64 copy in which norms do nothing and all weights are positive: no gradient is cut off or cancels."""
    module = copy.deepcopy(module).double().eval()
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, GlobalLayerNorm | CumulativeLayerNorm):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_().clamp_(min=1e-3)
    return module

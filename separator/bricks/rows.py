"""What the fast path of inference on a CPU is made of: products and statistics of rows, one row a frame.

With a frame's channels side by side in memory a 1×1 convolution is one matrix product.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

MOST_OFFSET = 30.0
"""Mean over deviation, squared, above which folding a norm into what follows would lose digits."""


def fast_path(module: nn.Module, frames: Tensor) -> bool:
    """Whether a fast path may stand in for `module`: float32 on a CPU, no gradient, and nobody watching its inside."""
    if torch.is_grad_enabled() or module.training or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined]
        return False
    if type(frames) is not Tensor or frames.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    if torch._C._len_torch_dispatch_stack():  # such as a FLOP counter, which knows convolutions alone
        return False
    if frames.dtype != torch.float32 or any(each.dtype != torch.float32 for each in module.parameters()):
        return False
    return not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


class RowLinear:
    """A 1×1 convolution of rows `(k, in)` to `(k, out)`, and the PReLU behind it.

    oneDNN's product is used where there is one: on processors not made by Intel it is twice as fast as MKL's.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, slope: float | None = None) -> None:
        self.bias = bias
        self.slope = slope
        self.weight = weight.contiguous()
        self.onednn = torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled

    def __call__(self, rows: Tensor) -> Tensor:
        if self.onednn:
            activation = ("none", []) if self.slope is None else ("leaky_relu", [self.slope])
            output: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, *activation, "")
            return output
        output = functional.linear(rows, self.weight, self.bias)
        return output if self.slope is None else functional.leaky_relu_(output, self.slope)


class Moments:
    """Mean and deviation of values that come in tiles."""

    def __init__(self) -> None:
        self.count, self.sum, self.sum_of_squares = 0, 0.0, 0.0

    def add(self, values: Tensor) -> None:
        """Take rows `(k, channels)` along."""
        self.count += values.numel()
        self.sum += float(values.sum())
        self.sum_of_squares += float(torch.linalg.vector_norm(values, dim=1).double().square().sum())

    @property
    def are_offset(self) -> bool:
        mean = self.sum / self.count
        return mean**2 > MOST_OFFSET * (self.sum_of_squares / self.count - mean**2)

    def gain_and_mean(self, eps: float) -> tuple[float, float]:
        """1 / sqrt(Var + ε), and the mean."""
        mean = self.sum / self.count
        return 1 / math.sqrt(self.sum_of_squares / self.count - mean**2 + eps), mean

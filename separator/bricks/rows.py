"""What the fast path of inference on a CPU is made of: products and statistics of rows, one row a frame.

With a frame's channels side by side in memory a 1×1 convolution is one matrix product.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional
from torch.nn.modules.module import _has_any_global_hook

MOST_OFFSET = 30.0
"""Mean over deviation, squared, above which folding a norm into what follows would lose digits."""


class BetweenLayers:
    """A forward pre-hook that looks at no values, such as one that ends the work: fast paths call it tile by tile.

    Args:
        check: Called; what it raises ends the computation.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check

    def __call__(self, *_: object) -> None:
        self.check()


def fast_path(module: nn.Module, frames: Tensor) -> bool:
    """Whether a fast path may stand in for `module`: float32 on a CPU, no derivative, and nobody watching its inside.

    Whether its parts are those that the fast path knows is for the caller to ask: `is_plain`.
    """
    if torch.is_grad_enabled() or module.training or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined]
        return False
    if type(frames) is not Tensor or frames.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    if torch._C._len_torch_dispatch_stack():  # such as a FLOP counter, which knows convolutions alone
        return False
    if torch._C._functorch.peek_interpreter_stack() is not None:  # vmap, jvp
        return False
    if forward_ad._current_level >= 0 or frames.numel() == 0:
        return False
    if frames.dtype != torch.float32 or not all(_is_float32(each) for each in module.parameters()):
        return False
    return not _has_any_global_hook() and not any(_is_watched(each) for each in module.modules())


def is_plain(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether a module is of this very class and works as it says: not replaced, wrapped or parametrized."""
    return type(module) is kind and "forward" not in vars(module)


def is_pointwise(module: nn.Module) -> bool:
    """Whether a module is a plain 1×1 convolution."""
    if not isinstance(module, nn.Conv1d) or not is_plain(module, nn.Conv1d):
        return False
    return module.kernel_size == (1,) and module.groups == 1


def _is_float32(parameter: Tensor) -> bool:
    return parameter.dtype == torch.float32 and type(parameter) in (nn.Parameter, Tensor)


def _is_watched(module: nn.Module) -> bool:
    hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    return not all(isinstance(each, BetweenLayers) for each in hooks)


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

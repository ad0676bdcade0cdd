"""PReLU and depthwise convolution whose backward passes take half the time of PyTorch's own, or less, on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class PReLU(nn.PReLU):
    """PReLU with one slope for all channels.

    Shape:
        Any, and the same again.

    Source:
        He et al., "Delving deep into rectifiers", 2015, arXiv 1502.01852, eq. 1, channel-shared.
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, frames: Tensor) -> Tensor:
        if not takes_gradients_here(frames):
            return super().forward(frames)
        activated: Tensor = _PReLUFunction.apply(frames, self.weight)
        return activated


def depthwise_convolution(
    frames: Tensor, weight: Tensor, bias: Tensor | None, padding: int = 0, dilation: int = 1
) -> Tensor:
    """Return `torch.nn.functional.conv1d` with as many groups as channels; `takes_gradients_here` says where to use it.

    Shape:
        frames: `(B, C, K)`; weight: `(C, 1, P)`; bias: `(C,)`.
    """
    filtered: Tensor = _DepthwiseFunction.apply(frames, weight, bias, padding, dilation)
    return filtered


def takes_gradients_here(frames: Tensor) -> bool:
    """Tell whether gradients are taken, on a CPU in full precision, and not by what a compiler makes."""
    is_plain = frames.device.type == "cpu" and frames.dtype in (torch.float32, torch.float64)
    is_taken = torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return is_plain and is_taken and not torch.is_autocast_enabled("cpu")


class _PReLUFunction(torch.autograd.Function):
    """PyTorch's own writes a gradient of the slope for each value, and then adds them up."""

    generate_vmap_rule = True

    @staticmethod
    def forward(frames: Tensor, slope: Tensor) -> Tensor:
        return torch.prelu(frames, slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        frames, slope = ctx.saved_tensors
        of_frames = torch.where(frames > 0, gradient, slope * gradient)
        return of_frames, torch.linalg.vecdot(gradient, frames.clamp(max=0)).sum().view(1)


class _DepthwiseFunction(torch.autograd.Function):
    """Gradients are sums of shifted products, two for each tap."""

    generate_vmap_rule = True

    @staticmethod
    def forward(frames: Tensor, weight: Tensor, bias: Tensor | None, padding: int, dilation: int) -> Tensor:
        return functional.conv1d(frames, weight, bias, padding=padding, dilation=dilation, groups=len(weight))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        frames, weight, bias, ctx.padding, ctx.dilation = inputs
        ctx.save_for_backward(frames, weight)
        ctx.has_bias = bias is not None

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        frames, weight = ctx.saved_tensors  # (B, C, K), (C, 1, P)
        of_frames, of_taps = gradient.new_zeros(frames.shape), []
        for tap in range(weight.shape[2]):
            shift = tap * ctx.dilation - ctx.padding  # frame k of the output sees frame k + shift
            first = max(-shift, 0)
            last = max(first, min(gradient.shape[2], frames.shape[2] - shift))
            of_output, seen = gradient[:, :, first:last], slice(first + shift, last + shift)
            of_frames[:, :, seen].addcmul_(of_output, weight[:, :, tap])
            of_taps.append(torch.linalg.vecdot(of_output, frames[:, :, seen]).sum(dim=0))
        of_weight = torch.stack(of_taps, dim=1).unsqueeze(1)  # (C, 1, P)
        return of_frames, of_weight, gradient.sum(dim=(0, 2)) if ctx.has_bias else None, None, None

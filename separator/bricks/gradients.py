"""PReLU, depthwise and 1×1 convolution whose training passes take half the time of PyTorch's own, or less, on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn


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
        frames, slope = _as_autocast(frames, self.weight)
        activated: Tensor = _PReLUFunction.apply(frames, slope.to(frames.dtype))
        return activated


def depthwise_convolution(
    frames: Tensor, weight: Tensor, bias: Tensor | None, padding: int = 0, dilation: int = 1
) -> Tensor:
    """Return `torch.nn.functional.conv1d` with as many groups as channels; `takes_gradients_here` says where to use it.

    Shape:
        frames: `(B, C, K)`; weight: `(C, 1, P)`; bias: `(C,)`.
    """
    frames, weight, bias = _as_autocast(frames, weight, bias)
    filtered: Tensor = _DepthwiseFunction.apply(frames, weight, bias, padding, dilation)
    return filtered


def pointwise_convolution(frames: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return `torch.nn.functional.conv1d` of one tap, as matrix products; `prefers_products` says where to use it.

    Shape:
        frames: `(B, in, K)`; weight: `(out, in, 1)`; bias: `(out,)`.
    """
    frames, weight, bias = _as_autocast(frames, weight, bias)
    product: Tensor = _PointwiseFunction.apply(frames, weight[:, :, 0], bias)
    return product


def takes_gradients_here(frames: Tensor) -> bool:
    """Tell whether gradients are taken, on a CPU, not in float16, and not by what a compiler makes."""
    if frames.device.type != "cpu" or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    known = (torch.float32, torch.float64, torch.bfloat16)
    is_cast = torch.is_autocast_enabled("cpu")
    return frames.dtype in known and (not is_cast or torch.get_autocast_dtype("cpu") == torch.bfloat16)


def prefers_products(frames: Tensor) -> bool:
    """Tell whether a 1×1 convolution trains faster as matrix products: where they are of bfloat16."""
    is_cast = torch.is_autocast_enabled("cpu")
    return takes_gradients_here(frames) and (is_cast or frames.dtype == torch.bfloat16)


def _as_autocast(*tensors: Tensor | None) -> list[Any]:
    """Return tensors in the precision of autocast, where it is on: it knows what is PyTorch's own only."""
    if not torch.is_autocast_enabled("cpu"):
        return list(tensors)
    return [None if each is None else each.to(torch.get_autocast_dtype("cpu")) for each in tensors]


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
        if torch.is_grad_enabled():  # for gradients of gradients, which are also of the slope
            of_frames = torch.where(frames > 0, gradient, slope * gradient)
        else:  # a tenth of the time
            of_frames = torch.ops.aten.leaky_relu_backward(gradient, frames, slope.item(), False)
        precision = torch.promote_types(slope.dtype, torch.float32)
        of_slope = torch.linalg.vecdot(gradient, frames.clamp(max=0)).sum(dtype=precision)
        return of_frames, of_slope.to(slope.dtype).view(1)


class _PointwiseFunction(torch.autograd.Function):
    """Matrix products; PyTorch's own lay the frames out anew."""

    generate_vmap_rule = True

    @staticmethod
    def forward(frames: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        matrices = weight.expand(len(frames), -1, -1)  # (B, out, in)
        return torch.bmm(matrices, frames) if bias is None else torch.baddbmm(bias.unsqueeze(1), matrices, frames)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        frames, weight, bias = inputs
        ctx.save_for_backward(frames, weight)
        ctx.has_bias = bias is not None

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        frames, weight = ctx.saved_tensors  # (B, in, K), (out, in)
        of_frames = torch.bmm(weight.t().expand(len(frames), -1, -1), gradient)
        of_weight = torch.bmm(gradient, frames.mT).sum(dim=0)
        return of_frames, of_weight, _sum_of_channels(gradient) if ctx.has_bias else None


class _DepthwiseFunction(torch.autograd.Function):
    """Sums of shifted products: one for each tap, and two for its gradients."""

    generate_vmap_rule = True

    @staticmethod
    def forward(frames: Tensor, weight: Tensor, bias: Tensor | None, padding: int, dilation: int) -> Tensor:
        taps = weight.shape[2]
        num_frames = frames.shape[2] + 2 * padding - (taps - 1) * dilation
        # A sum, so that it is mapped over whichever of the inputs torch.func maps.
        constants = torch.zeros_like(weight[:, :, 0]) if bias is None else bias.unsqueeze(1)  # (C, 1)
        start = frames.new_zeros(*frames.shape[:2], 1) + constants
        filtered = start.expand(-1, -1, num_frames).clone()
        for tap in range(taps):
            of_output, seen = _overlap(tap, num_frames, frames.shape[2], padding, dilation)
            filtered[:, :, of_output].addcmul_(frames[:, :, seen], weight[:, :, tap])
        return filtered

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
            of_output, seen = _overlap(tap, gradient.shape[2], frames.shape[2], ctx.padding, ctx.dilation)
            of_frames[:, :, seen].addcmul_(gradient[:, :, of_output], weight[:, :, tap])
            of_taps.append(torch.linalg.vecdot(gradient[:, :, of_output], frames[:, :, seen]).sum(dim=0))
        of_weight = torch.stack(of_taps, dim=1).unsqueeze(1)  # (C, 1, P)
        return of_frames, of_weight, _sum_of_channels(gradient) if ctx.has_bias else None, None, None


def _sum_of_channels(gradient: Tensor) -> Tensor:
    """Return `gradient.sum(dim=(0, 2))`, which in bfloat16 would first make a copy in float32."""
    return gradient.sum(dim=2).sum(dim=0)


def _overlap(tap: int, num_output: int, num_input: int, padding: int, dilation: int) -> tuple[slice, slice]:
    """Return which frames of the output see the input at a tap, and which they see there; both may be empty."""
    shift = tap * dilation - padding  # frame k of the output sees frame k + shift
    first = max(-shift, 0)
    last = max(first, min(num_output, num_input - shift))
    return slice(first, last), slice(first + shift, last + shift)

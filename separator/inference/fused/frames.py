"""Networks on frames `(B, C, K)` on a CPU: a frame's channels lie side by side in memory, whatever the network.

Convolutions and norms are replaced by modules that take and give tensors of the same shapes, but in memory `(B, K, C)`;
what lies between them, value by value, keeps that order by itself.
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from separator.bricks.dilated import DilatedConv1d
from separator.bricks.norm import ChannelAffineNorm, CumulativeLayerNorm, GlobalLayerNorm, RunningSums
from separator.inference.fused.pointwise import pointwise

Network = TypeVar("Network", bound=nn.Module)


def lay_frames(network: Network) -> Network:
    """Return a copy of a network whose convolutions and norms take frames laid so, for a CPU, without gradients.

    Convolutions in groups, but depthwise ones, and SpeechBrain's padding stay as they are.
    """
    laid = copy.deepcopy(network).eval().requires_grad_(False)
    for name, module in list(laid.named_modules()):
        if isinstance(module, DilatedConv1d) and module.padding_of == "zeros":
            if module.depthwise:
                laid.set_submodule(name, _Depthwise(module))
            elif module.groups == 1:
                laid.set_submodule(name, _Convolution(module))
        elif type(module) is GlobalLayerNorm:
            laid.set_submodule(name, _GlobalNorm(module))
        elif type(module) is CumulativeLayerNorm:
            laid.set_submodule(name, _CumulativeNorm(module))
    return laid.eval()


class _Taps(nn.Module):
    """Base of both convolutions: which frames of input and output a tap brings together."""

    def __init__(self, convolution: DilatedConv1d, weight: Tensor) -> None:
        super().__init__()
        before = convolution.reach if convolution.causal else convolution.reach // 2
        self.shifts = [tap * convolution.dilation[0] - before for tap in range(convolution.kernel_size[0])]
        self.now = self.shifts.index(0)  # the tap that sees the frame itself
        self.weight = nn.Buffer(weight.contiguous())  # (taps, ...)
        bias = weight.new_zeros(convolution.out_channels) if convolution.bias is None else convolution.bias
        self.bias = nn.Buffer(bias)

    def other_taps(self, num_frames: int) -> list[tuple[int, slice, slice]]:
        """Return the number of each other tap that sees a frame, where its sums go, and where they come from."""
        return [
            (tap, slice(max(-shift, 0), num_frames - max(shift, 0)), slice(max(shift, 0), num_frames + min(shift, 0)))
            for tap, shift in enumerate(self.shifts)
            if tap != self.now and abs(shift) < num_frames
        ]


class _Depthwise(_Taps):
    """Depthwise convolution: a multiply-add of all frames for each tap."""

    def __init__(self, convolution: DilatedConv1d) -> None:
        super().__init__(convolution, convolution.weight[:, 0].t())  # (P, C)

    def forward(self, frames: Tensor) -> Tensor:
        laid = _laid(frames)  # (B, K, C)
        output = torch.addcmul(self.bias, laid, self.weight[self.now])  # (B, K, C)
        for tap, to, seen in self.other_taps(laid.shape[1]):
            output[:, to].addcmul_(laid[:, seen], self.weight[tap])
        return output.transpose(1, 2)  # (B, C, K)


class _Convolution(_Taps):
    """Convolution across channels: a matrix product of all frames for each tap."""

    def __init__(self, convolution: DilatedConv1d) -> None:
        super().__init__(convolution, convolution.weight.permute(2, 0, 1))  # (P, out, in)

    def forward(self, frames: Tensor) -> Tensor:
        laid = _laid(frames)  # (B, K, in)
        output = pointwise(laid, self.weight[self.now], self.bias)  # (B, K, out)
        for tap, to, seen in self.other_taps(laid.shape[1]):
            output[:, to] += pointwise(laid[:, seen], self.weight[tap])
        return output.transpose(1, 2)  # (B, out, K)


class _Norm(nn.Module):
    """Base of both norms: the gain and the bias of each channel."""

    def __init__(self, norm: ChannelAffineNorm) -> None:
        super().__init__()
        self.eps = norm.eps
        self.weight = nn.Buffer(norm.weight)
        self.bias = nn.Buffer(norm.bias)


class _GlobalNorm(_Norm):
    """Global layer norm."""

    def forward(self, frames: Tensor) -> Tensor:
        laid = _laid(frames)  # (B, K, C)
        count = laid[:1].numel()
        mean = laid.sum(dim=2).double().sum(dim=1) / count  # (B,)
        centred = laid - mean.to(laid.dtype).view(-1, 1, 1)  # (B, K, C)
        variance = torch.linalg.vector_norm(centred, dim=2).double().square().sum(dim=1) / count  # (B,)
        gain = (variance + self.eps).rsqrt().to(laid.dtype).view(-1, 1, 1) * self.weight  # (B, 1, C)
        return torch.addcmul(self.bias, centred, gain).transpose(1, 2)  # (B, C, K)


class _CumulativeNorm(_Norm):
    """Cumulative layer norm."""

    def forward(self, frames: Tensor) -> Tensor:
        laid = _laid(frames)  # (B, K, C)
        frame_mean = laid.mean(dim=2)  # (B, K)
        values = laid - frame_mean.unsqueeze(2)  # (B, K, C)
        frame_variance = torch.linalg.vector_norm(values, dim=2).double().square() / laid.shape[2]  # (B, K)
        frame_power = frame_variance + frame_mean.double().square()  # (B, K)
        mean, variance, _ = RunningSums.initial(self.weight, len(laid), 1).add(frame_mean, frame_power)  # (B, K)
        gain = (variance + self.eps).rsqrt()  # (B, K)
        mean, gain = (each.to(laid.dtype).unsqueeze(2) for each in (mean, gain))  # (B, K, 1)
        normalised = torch.sub(laid, mean, out=values).mul_(gain)  # (B, K, C)
        return torch.addcmul(self.bias, normalised, self.weight).transpose(1, 2)  # (B, C, K)


def _laid(frames: Tensor) -> Tensor:
    """Return frames `(B, C, K)` as `(B, K, C)`, side by side in memory: no copy of what a module here gave."""
    return frames.transpose(1, 2).contiguous()

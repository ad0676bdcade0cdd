"""The ConvNeXt block on frame sequences (1-D) and on spectrograms (2-D), with stochastic depth; a dilated stack."""

import math

import torch
from torch import Tensor, nn

from separator.bricks.conv2d import Conv2d
from separator.bricks.dilated import DilatedConv1d
from separator.bricks.sizes import Size2d, check_sizes
from separator.bricks.stepping import ComposedBrick, Run
from separator.errors import InputError


class StochasticDepth(nn.Module):
    """In training drops the whole residual branch of a sample with probability p, and scales the others by 1/(1 − p).

    In evaluation it does nothing.

    Args:
        probability: p, from 0 up to 1.

    Shape:
        `(B, ...)` to the same.

    Raises:
        InputError: If the probability is not from 0 up to 1.

    Source:
        Huang et al., "Deep Networks with Stochastic Depth", arXiv 1603.09382; scaled in training as torchvision does.
    """

    framewise = True

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise InputError(f"stochastic_depth must be from 0 up to 1, found {probability}")
        self.probability = float(probability)

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return branch
        survival = 1 - self.probability
        kept = branch.new_empty(branch.shape[0], *(1 for _ in branch.shape[1:])).bernoulli_(survival)  # (B, 1, ...)
        return branch * (kept / survival)  # (B, ...)

    def extra_repr(self) -> str:
        return f"{self.probability}"


class _ConvNeXtBlock(ComposedBrick):
    """A ConvNeXt block around its depthwise convolution, whatever the dimensions: `(B, C, ...)` in and out."""

    def __init__(
        self,
        depthwise: DilatedConv1d | Conv2d,
        out_channels: int | None,
        expansion: int,
        layer_scale: float,
        stochastic_depth: float,
    ) -> None:
        super().__init__()
        in_channels = depthwise.in_channels
        out_channels = in_channels if out_channels is None else out_channels
        check_sizes(out_channels=out_channels, expansion=expansion)
        if not math.isfinite(layer_scale):
            raise InputError(f"layer_scale must be finite, found {layer_scale}")
        self.norm = nn.LayerNorm(in_channels, eps=1e-6)
        self.widen = nn.Linear(in_channels, expansion * in_channels)
        self.gelu = nn.GELU()
        self.narrow = nn.Linear(expansion * in_channels, out_channels)
        self.layer_scale = nn.Parameter(torch.full((out_channels,), float(layer_scale)))
        self.stochastic_depth = StochasticDepth(stochastic_depth)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Linear(in_channels, out_channels)
        self.causal = depthwise.causal
        self.depthwise = depthwise
        self.receptive_field = depthwise.receptive_field
        """Frames, or (bins, frames), that one output sees."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = self.norm(run(self.depthwise, frames).movedim(1, -1))  # (B, ..., C)
        # Under autocast the layer scale brings the branch back to float32: a bfloat16 sum would round away a branch
        # whose gain starts at 1e-6.
        hidden = self.layer_scale * self.narrow(self.gelu(self.widen(hidden)))  # (B, ..., out_channels)
        output: Tensor = self.shortcut(frames.movedim(1, -1)) + self.stochastic_depth(hidden)
        return output.movedim(-1, 1)  # (B, out_channels, ...)


class ConvNeXtBlock1d(_ConvNeXtBlock):
    """ConvNeXt block on frames: depthwise dilated conv → LayerNorm → 1×1 → GELU → 1×1 → layer scale, plus the input.

    LayerNorm is over the channels of each frame by itself: it looks neither ahead nor back. Where the numbers of
    channels differ, a 1×1 convolution brings the input to those of the output.

    Args:
        in_channels: Channels of the input and of the depthwise convolution.
        out_channels: Channels of the output; None for as many.
        kernel_size: Taps of the depthwise convolution; odd unless causal.
        dilation: Frames from one tap to the next.
        causal: Whether frame n sees only frames up to n.
        expansion: Width between the 1×1 convolutions, for each input channel.
        layer_scale: Value at which the learned gain of each channel of the branch starts.
        stochastic_depth: Probability of dropping the branch of a sample in training.

    Shape:
        `(B, in_channels, K)` to `(B, out_channels, K)`.

    Raises:
        InputError: If a size is below 1, the kernel is even and centred, the layer scale is not finite, or the
            probability is not from 0 up to 1.

    Source:
        Liu et al., "A ConvNet for the 2020s", arXiv 2201.03545, figure 4, with a dilation; on frames as in Siuzdak,
        Vocos, arXiv 2306.00814.

    Example:
        >>> block = ConvNeXtBlock1d(16, kernel_size=7, dilation=2)
        >>> frames = torch.linspace(-1, 1, 1600).view(1, 16, 100)
        >>> block(frames).shape, block.receptive_field
        (torch.Size([1, 16, 100]), 13)
        >>> torch.allclose(block(frames), frames, atol=1e-4)  # at first, by the layer scale of 1e-6
        True
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        kernel_size: int = 7,
        dilation: int = 1,
        causal: bool = False,
        expansion: int = 4,
        layer_scale: float = 1e-6,
        stochastic_depth: float = 0.0,
    ) -> None:
        depthwise = DilatedConv1d(in_channels, in_channels, kernel_size, dilation, causal, groups=in_channels)
        super().__init__(depthwise, out_channels, expansion, layer_scale, stochastic_depth)


class ConvNeXtBlock2d(_ConvNeXtBlock):
    """ConvNeXt block: 7×7 depthwise conv → LayerNorm → 1×1 → GELU → 1×1 → layer scale, plus the input.

    LayerNorm is over the channels of each bin and frame by itself. Where the numbers of channels differ, a 1×1
    convolution brings the input to those of the output.

    Args:
        kernel_size, dilation, causal: Of the depthwise convolution, as for `Conv2d`.
        in_channels, out_channels, expansion, layer_scale, stochastic_depth: As for `ConvNeXtBlock1d`.

    Shape:
        `(B, in_channels, F, K)` to `(B, out_channels, F, K)`.

    Raises:
        InputError: If a size is below 1, the kernel is even and centred, the layer scale is not finite, or the
            probability is not from 0 up to 1.

    Source:
        Liu et al., "A ConvNet for the 2020s", arXiv 2201.03545, figure 4.

    Example:
        >>> block = ConvNeXtBlock2d(16, kernel_size=7, dilation=(1, 2))
        >>> block(torch.zeros(1, 16, 64, 100)).shape, block.receptive_field
        (torch.Size([1, 16, 64, 100]), (7, 13))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        kernel_size: Size2d = 7,
        dilation: Size2d = 1,
        causal: bool = False,
        expansion: int = 4,
        layer_scale: float = 1e-6,
        stochastic_depth: float = 0.0,
    ) -> None:
        depthwise = Conv2d(in_channels, in_channels, kernel_size, 1, dilation, causal, groups=in_channels)
        super().__init__(depthwise, out_channels, expansion, layer_scale, stochastic_depth)

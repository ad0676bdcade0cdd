"""Dilated convolution that keeps the number of frames, causal or centred."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.gradients import (
    depthwise_convolution,
    pointwise_convolution,
    prefers_products,
    takes_gradients_here,
)
from separator.bricks.sizes import check_groups, check_sizes
from separator.bricks.stepping import PastFrames, refuse_looking_ahead
from separator.errors import InputError

BlockPadding = Literal["zeros", "speechbrain"]

MOST_SHIFTED_TAPS = 8
"""Depthwise kernels of up to this many taps are summed tap by tap where a compiler fuses the sum, and in gradients."""


class DilatedConv1d(nn.Conv1d):
    """Dilated convolution `(x *_d w)(n) = Σ_i w(i) x(n − d·i)`, `i` from 0 to `P − 1`, zeros outside the input.

    Causal: as written. Centred: the same sum, `d (P − 1) / 2` frames later, so that `n` is the middle of what it sees.
    With padding "speechbrain" it is what SpeechBrain's convolution gives: centred, the input is mirrored at both ends
    (`x(−n) = x(n)`); causal, it comes `d (P − 1) / 2` frames too late, so that frame n sees up to `n − d (P − 1) / 2`.

    PyTorch stores a kernel backwards: `weight[:, :, P − 1 − i]` holds `w(i)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: P, in taps; odd unless causal.
        dilation: d, frames from one tap to the next.
        causal: Whether frame n sees only frames up to n.
        groups: Groups of channels that do not mix; equal to both numbers of channels it is a depthwise convolution.
        bias: Whether a learned constant is added to each output channel.
        padding_of: "zeros" or "speechbrain".

    Shape:
        `(B, in_channels, K)` to `(B, out_channels, K)`.

    Raises:
        InputError: If a size is below 1, the groups do not divide the channels, or the kernel is even and centred (or
            of SpeechBrain).

    Source:
        Bai, Kolter and Koltun, arXiv 1803.01271, section 3.2.

    Example:
        >>> convolution = DilatedConv1d(16, 32, kernel_size=3, dilation=4, causal=True)
        >>> convolution(torch.zeros(1, 16, 100)).shape  # as many frames as before
        torch.Size([1, 32, 100])
        >>> convolution.receptive_field  # the frames n, n - 4 and n - 8 within
        9
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int = 1,
        causal: bool = False,
        groups: int = 1,
        bias: bool = True,
        padding_of: BlockPadding = "zeros",
    ) -> None:
        check_groups(in_channels, out_channels, groups)
        check_sizes(kernel_size=kernel_size, dilation=dilation)
        if kernel_size % 2 == 0 and not causal:
            raise InputError(f"kernel_size must be odd for a centred convolution (causal=False), found {kernel_size}")
        if kernel_size % 2 == 0 and padding_of == "speechbrain":
            raise InputError(f"kernel_size must be odd with SpeechBrain's padding, found {kernel_size}")
        reach = (kernel_size - 1) * dilation
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            padding=reach // 2 if not causal and padding_of == "zeros" else 0,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        self.causal = causal
        self.padding_of = padding_of
        self.reach = reach
        self.depthwise = in_channels == out_channels == groups
        self.delay = reach // 2 if causal and padding_of == "speechbrain" else 0
        self.receptive_field = 1 + reach + self.delay
        """Frames from the last that an output frame may see to the first that it does."""

    def forward(self, frames: Tensor) -> Tensor:
        fused = torch.compiler.is_dynamo_compiling() and frames.device.type == "cpu"
        if fused and self.depthwise and self.kernel_size[0] <= MOST_SHIFTED_TAPS and self.padding_of == "zeros":
            return self.shifted_sum(frames)
        if self.causal:
            frames = functional.pad(frames, (self.reach + self.delay, 0))  # (B, in_channels, K + reach + delay)
            frames = frames[:, :, : -self.delay] if self.delay else frames  # (B, in_channels, K + reach)
        elif self.padding_of == "speechbrain":
            frames = mirror(frames, self.reach // 2)  # (B, in_channels, K + reach)
        if self.depthwise and self.kernel_size[0] <= MOST_SHIFTED_TAPS and takes_gradients_here(frames):
            padding, dilation = int(self.padding[0]), self.dilation[0]
            return depthwise_convolution(frames, self.weight, self.bias, padding, dilation)  # (B, out_channels, K)
        if self.kernel_size[0] == 1 and self.groups == 1 and prefers_products(frames):
            return pointwise_convolution(frames, self.weight, self.bias)  # (B, out_channels, K)
        return super().forward(frames)  # (B, out_channels, K)

    def initial_state(self, batch: int) -> PastFrames:
        """Return the state before the first frame; `InputError` if frames ahead are seen."""
        if not self.causal and self.receptive_field > 1:
            raise refuse_looking_ahead(self, "it is centred (causal=False)")
        return PastFrames(self.weight.new_zeros(batch, self.in_channels, self.receptive_field - 1))

    def step(self, frames: Tensor, state: PastFrames) -> tuple[Tensor, PastFrames]:
        """Return the output of the next frames `(B, in_channels, k)`, and the state behind them."""
        if frames.shape[2] == 0:
            return frames.new_zeros(frames.shape[0], self.out_channels, 0), state
        joined = torch.cat([state.frames, frames], dim=2)  # (B, in_channels, reach + delay + k)
        seen = joined[:, :, : self.reach + frames.shape[2]]
        return super().forward(seen), PastFrames(joined[:, :, frames.shape[2] :].clone())

    def shifted_sum(self, frames: Tensor) -> Tensor:
        """Compute the depthwise convolution as one multiply-add of the whole signal a tap: `forward`'s compiled path.

        PyTorch's grouped convolution is slow on a CPU, and a compiler cannot fuse it with its neighbours: this way a
        compiled bfloat16 training step of a `SeparableTCN` takes half the time. Not compiled, neither is the faster.
        """
        num_frames = frames.shape[2]
        before = self.receptive_field - 1 if self.causal else (self.receptive_field - 1) // 2
        padded = functional.pad(frames, (before, self.receptive_field - 1 - before))  # (B, C, K + reach)
        weight = self.weight.to(frames.dtype)  # (C, 1, P)
        total = padded[:, :, :num_frames] * weight[:, :, 0]  # (B, C, K)
        for tap in range(1, self.kernel_size[0]):
            start = tap * self.dilation[0]
            total = total + padded[:, :, start : start + num_frames] * weight[:, :, tap]
        return total if self.bias is None else total + self.bias.to(frames.dtype).unsqueeze(1)


def mirror(frames: Tensor, reach: int) -> Tensor:
    """Continue frames at both ends by their mirror image, again and again where they are fewer than `reach`.

    Shape:
        `(B, C, K)` to `(B, C, reach + K + reach)`.

    Example:
        >>> mirror(torch.tensor([[[1, 2, 3]]]), reach=3)
        tensor([[[2, 3, 2, 1, 2, 3, 2, 1, 2]]])
    """
    last = frames.shape[2] - 1
    places = torch.arange(-reach, last + 1 + reach, device=frames.device) % torch.sym_max(2 * last, 1)
    return frames[:, :, torch.minimum(places, 2 * last - places)]

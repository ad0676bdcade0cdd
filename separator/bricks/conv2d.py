"""2-D convolution over bins and frames of a spectrogram, and the plain block made of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.sizes import Size2d, check_groups, check_sizes, size_pair
from separator.bricks.stepping import ComposedBrick, PastFrames, Run, refuse_looking_ahead
from separator.errors import InputError


class Conv2d(nn.Conv2d):
    """2-D convolution that keeps the number of bins and frames, divided by the stride and rounded up.

    Centred over bins. Over frames centred, or causal: all padding before the first frame.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Taps, (bins, frames); odd over bins, and over frames unless causal.
        stride: Step from one output to the next, (bins, frames).
        dilation: Distance from one tap to the next, (bins, frames).
        causal: Whether frame n sees only frames up to n (up to n · stride of the input).
        groups: Groups of channels that do not mix.
        bias: Whether a learned constant is added to each output channel.

    Shape:
        `(B, in_channels, F, K)` to `(B, out_channels, ceil(F / stride), ceil(K / stride))`.

    Raises:
        InputError: If a size is below 1 or neither one number nor two, the groups do not divide the channels, or the
            kernel is even and centred.

    Source:
        With one group `C_out · (P_F · P_K · C_in)` weights, apart from the bias.

    Example:
        >>> convolution = Conv2d(1, 16, kernel_size=(3, 5), stride=(2, 1), causal=True)
        >>> convolution(torch.zeros(1, 1, 65, 100)).shape  # half the bins, rounded up
        torch.Size([1, 16, 33, 100])
        >>> convolution.receptive_field, convolution.output_size(65, 100)
        ((3, 5), (33, 100))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2d = 3,
        stride: Size2d = 1,
        dilation: Size2d = 1,
        causal: bool = False,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        kernel = size_pair("kernel_size", kernel_size)
        step, spacing = size_pair("stride", stride), size_pair("dilation", dilation)
        check_groups(in_channels, out_channels, groups)
        check_sizes(kernel_size=min(kernel), stride=min(step), dilation=min(spacing))
        if kernel[0] % 2 == 0 or (kernel[1] % 2 == 0 and not causal):
            raise InputError(
                f"kernel_size must be odd for a centred convolution (over frames unless causal), found {kernel_size}"
            )
        reach = (kernel[0] - 1) * spacing[0], (kernel[1] - 1) * spacing[1]
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            step,
            padding=(reach[0] // 2, 0 if causal else reach[1] // 2),
            dilation=spacing,
            groups=groups,
            bias=bias,
        )
        self.causal = causal
        self.receptive_field = 1 + reach[0], 1 + reach[1]
        """(bins, frames) that one output sees."""

    def output_size(self, num_bins: int, num_frames: int) -> tuple[int, int]:
        """Return (bins, frames) of the output."""
        return -(-num_bins // self.stride[0]), -(-num_frames // self.stride[1])

    def forward(self, frames: Tensor) -> Tensor:
        if self.groups > 1 and frames.device.type == "cpu":  # where 7×7 gradients would take 30 times as long
            frames = frames.contiguous(memory_format=torch.channels_last)
        if self.causal:
            frames = functional.pad(frames, (self.receptive_field[1] - 1, 0))  # (B, in_channels, F, K + reach)
        return super().forward(frames)  # (B, out_channels, F / stride, K / stride), rounded up

    @property
    def _remembered(self) -> int:
        """Return the number of frames kept: what an output sees before its last, or what a stride skips."""
        return max(self.receptive_field[1], self.stride[1]) - 1

    def initial_state(self, batch: int) -> PastFrames:
        """Return the state before the first frame; `InputError` if frames ahead are seen."""
        if not self.causal and self.receptive_field[1] > 1:
            raise refuse_looking_ahead(self, "it is centred (causal=False)")
        return PastFrames(self.weight.new_zeros(batch, self.in_channels, 1, self._remembered))

    def step(self, frames: Tensor, state: PastFrames) -> tuple[Tensor, PastFrames]:
        """Return the output of the next frames `(B, in_channels, F, k)`, and the state behind them."""
        if self._remembered == 0 and frames.shape[3]:
            return super().forward(frames), state
        past = state.frames.expand(-1, -1, frames.shape[2], -1)
        joined = torch.cat([past, frames], dim=3)  # (B, in_channels, F, past + k)
        num_outputs = max(0, (joined.shape[3] - self._remembered - 1) // self.stride[1] + 1)
        state = PastFrames(joined[..., num_outputs * self.stride[1] :].clone())
        if num_outputs == 0:
            bins, _ = self.output_size(frames.shape[2], 0)
            return frames.new_zeros(frames.shape[0], self.out_channels, bins, 0), state
        unseen = self._remembered + 1 - self.receptive_field[1]
        last = self._remembered + (num_outputs - 1) * self.stride[1]
        return super().forward(joined[..., unseen : last + 1]), state


class ConvolutionChain2d(ComposedBrick):
    """Base of blocks that are convolutions one after the other, beside whatever keeps bins and frames."""

    def chain(self) -> tuple[Conv2d, ...]:
        """Return the convolutions in order: its own parts, and not those of a shortcut."""
        return tuple(module for module in self.children() if isinstance(module, Conv2d))

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Return (bins, frames) that one output sees."""
        reach, jump = [1, 1], [1, 1]
        for convolution in self.chain():
            for axis in (0, 1):
                reach[axis] += (convolution.receptive_field[axis] - 1) * jump[axis]
                jump[axis] *= convolution.stride[axis]
        return reach[0], reach[1]

    def output_size(self, num_bins: int, num_frames: int) -> tuple[int, int]:
        """Return (bins, frames) of the output."""
        for convolution in self.chain():
            num_bins, num_frames = convolution.output_size(num_bins, num_frames)
        return num_bins, num_frames


class ConvBlock2d(ConvolutionChain2d):
    """Convolution → batch norm → ReLU.

    Batch norm takes its statistics from the batch in training and from what it learned in evaluation: a causal block
    looks at no later frame in evaluation only.

    Args:
        in_channels, out_channels, kernel_size, stride, dilation, causal: As for `Conv2d`.

    Shape:
        `(B, in_channels, F, K)` to `(B, out_channels, ceil(F / stride), ceil(K / stride))`.

    Raises:
        InputError: As `Conv2d`.

    Source:
        Ioffe and Szegedy, "Batch Normalization", arXiv 1502.03167.

    Example:
        >>> block = ConvBlock2d(1, 16, kernel_size=3, dilation=(1, 4))
        >>> block(torch.zeros(1, 1, 65, 100)).shape, block.receptive_field
        (torch.Size([1, 16, 65, 100]), (3, 9))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2d = 3,
        stride: Size2d = 1,
        dilation: Size2d = 1,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride, dilation, causal, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        return self.relu(self.norm(run(self.conv, frames)))  # (B, out_channels, F / stride, K / stride)

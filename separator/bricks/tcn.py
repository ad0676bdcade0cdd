"""The temporal convolutional network of Bai, Kolter and Koltun: causal, dilation doubling at each level."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from separator.bricks.dilated import DilatedConv1d
from separator.bricks.stepping import Chain, ComposedBrick, Run
from separator.errors import InputError


class TemporalBlock(ComposedBrick):
    """Dilated causal convolution → weight norm → ReLU → dropout, twice; then `o = ReLU(x + F(x))`.

    Weight norm writes each filter as `w = g v / |v|`, length and direction learned apart. Where the numbers of channels
    differ, a 1×1 convolution brings `x` to the channels of `F(x)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Taps of both convolutions.
        dilation: Frames from one tap to the next.
        dropout: Share of values set to zero in training, from 0 up to 1.

    Shape:
        `(B, in_channels, K)` to `(B, out_channels, K)`.

    Raises:
        InputError: If a size is below 1, or `dropout` is not from 0 up to 1.

    Source:
        Bai, Kolter and Koltun, arXiv 1803.01271, section 3.4 and figure 1(b).

    Example:
        >>> import torch
        >>> block = TemporalBlock(16, 32, kernel_size=3, dilation=4)
        >>> block(torch.zeros(1, 16, 100)).shape
        torch.Size([1, 32, 100])
        >>> block.receptive_field  # two convolutions, each reaching 8 frames back
        17
    """

    causal = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, dilation: int = 1, dropout: float = 0.2
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be from 0 up to 1, found {dropout}")
        self.first = weight_norm(DilatedConv1d(in_channels, out_channels, kernel_size, dilation, causal=True))
        self.second = weight_norm(DilatedConv1d(out_channels, out_channels, kernel_size, dilation, causal=True))
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.shortcut = nn.Identity() if in_channels == out_channels else DilatedConv1d(in_channels, out_channels, 1)
        self.receptive_field = 1 + 2 * (kernel_size - 1) * dilation
        """Frames that one output frame sees."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = self.dropout(self.relu(run(self.first, frames)))  # (B, out_channels, K)
        hidden = self.dropout(self.relu(run(self.second, hidden)))  # (B, out_channels, K)
        return self.relu(run(self.shortcut, frames) + hidden)  # (B, out_channels, K)


class TemporalConvNet(ComposedBrick):
    """A level for each entry of `level_channels`, level i dilated by `2^i`.

    Args:
        in_channels: Channels of the input.
        level_channels: Output channels of each level, the first level first.
        kernel_size, dropout: As for `TemporalBlock`.

    Shape:
        `(B, in_channels, K)` to `(B, level_channels[-1], K)`.

    Raises:
        InputError: If there is no level, a size is below 1, or `dropout` is not from 0 up to 1.

    Source:
        Bai, Kolter and Koltun, arXiv 1803.01271, section 3.

    Example:
        >>> import torch
        >>> network = TemporalConvNet(16, level_channels=(32, 32, 32), kernel_size=3)
        >>> network(torch.zeros(1, 16, 100)).shape
        torch.Size([1, 32, 100])
        >>> network.receptive_field  # 1 + 2·2·(1 + 2 + 4)
        29
    """

    causal = True

    def __init__(
        self, in_channels: int, level_channels: Sequence[int], kernel_size: int = 3, dropout: float = 0.2
    ) -> None:
        super().__init__()
        if not level_channels:
            raise InputError("level_channels must name at least one level, found none")
        inputs = (in_channels, *level_channels[:-1])
        self.levels = Chain(
            *(
                TemporalBlock(inputs[level], level_channels[level], kernel_size, 2**level, dropout)
                for level in range(len(level_channels))
            )
        )
        self.receptive_field = 1 + 2 * (kernel_size - 1) * (2 ** len(level_channels) - 1)
        """Frames that one output frame sees."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        return run(self.levels, frames)  # (B, level_channels[-1], K)

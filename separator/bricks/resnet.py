"""The two blocks of ResNet: the building block and the bottleneck.

Modules are named as in torchvision's blocks: their weights load as they are.
"""

from torch import Tensor, nn

from separator.bricks.conv2d import Conv2d, ConvolutionChain2d
from separator.bricks.sizes import Size2d, check_sizes, size_pair
from separator.bricks.stepping import Chain, Run
from separator.errors import InputError


class _ResidualBlock(ConvolutionChain2d):
    """Base of the residual blocks: the shortcut."""

    def _make_shortcut(self, in_channels: int, out_channels: int, stride: Size2d) -> nn.Module | None:
        """Build a 1×1 convolution with batch norm where the shape changes, otherwise nothing."""
        if in_channels == out_channels and size_pair("stride", stride) == (1, 1):
            return None
        return Chain(
            Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
        )

    def start_as_identity(self) -> None:
        """Make its branch add nothing until it has learned to: behind a ReLU the block is then the identity."""
        nn.init.zeros_([module for module in self.children() if isinstance(module, nn.BatchNorm2d)][-1].weight)


class ResNetBlock(_ResidualBlock):
    """Building block: conv → BN → ReLU → conv → BN, plus the input, ReLU.

    Where the shape changes, the input goes through a 1×1 convolution and batch norm (option B of the paper).

    Args:
        in_channels, out_channels: Channels of input and output.
        kernel_size: Taps of both convolutions, (bins, frames); 3×3 in the paper.
        stride: Of the first convolution and the shortcut, (bins, frames).
        dilation: Of both convolutions, (bins, frames).
        causal: Whether frame n sees only frames up to n, in evaluation (batch norm learns from whole batches).

    Shape:
        `(B, in_channels, F, K)` to `(B, out_channels, ceil(F / stride), ceil(K / stride))`.

    Raises:
        InputError: As `Conv2d`.

    Source:
        He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385, figure 5 left.

    Example:
        >>> import torch
        >>> block = ResNetBlock(16, 32, stride=(2, 1))
        >>> block(torch.zeros(1, 16, 64, 100)).shape, block.receptive_field
        (torch.Size([1, 32, 32, 100]), (7, 5))
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
        self.conv1 = Conv2d(in_channels, out_channels, kernel_size, stride, dilation, causal, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.conv2 = Conv2d(out_channels, out_channels, kernel_size, 1, dilation, causal, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = self._make_shortcut(in_channels, out_channels, stride)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = self.relu(self.bn1(run(self.conv1, frames)))  # (B, out_channels, F / stride, K / stride)
        hidden = self.bn2(run(self.conv2, hidden))  # the same, as are the lines that follow
        shortcut = frames if self.downsample is None else run(self.downsample, frames)
        return self.relu(hidden + shortcut)


class AxialBlock(_ResidualBlock):
    """Building block whose first convolution goes over frames, and whose second over bins: a third of the work.

    Conv → BN → ReLU → conv → BN, plus the input, ReLU.

    Args:
        channels: Channels of input and output.
        kernel_size: Taps over frames, and over bins.
        dilation: Over frames.
        causal: As for `ResNetBlock`.

    Shape:
        `(B, channels, F, K)` to the same shape.

    Raises:
        InputError: As `Conv2d`.

    Source:
        Residual block: He et al., arXiv 1512.03385. Kernels of one axis at a time: Szegedy et al., arXiv 1512.00567,
        section 3.2.

    Example:
        >>> import torch
        >>> block = AxialBlock(16, kernel_size=3, dilation=4)
        >>> block(torch.zeros(1, 16, 64, 100)).shape, block.receptive_field
        (torch.Size([1, 16, 64, 100]), (3, 9))
    """

    def __init__(self, channels: int, kernel_size: int = 3, dilation: int = 1, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        self.conv1 = Conv2d(channels, channels, (1, kernel_size), 1, (1, dilation), causal, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = Conv2d(channels, channels, (kernel_size, 1), bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = self.relu(self.bn1(run(self.conv1, frames)))  # (B, channels, F, K)
        hidden = self.bn2(run(self.conv2, hidden))  # (B, channels, F, K)
        return self.relu(hidden + frames)  # (B, channels, F, K)


class ResNetBottleneck(_ResidualBlock):
    """Bottleneck: 1×1 conv → BN → ReLU → 3×3 conv → BN → ReLU → 1×1 conv → BN, plus the input, ReLU.

    The 3×3 convolution has `inner_channels · base_width / 64 · groups` channels, the output `inner_channels ·
    expansion`. The stride is on the 3×3 convolution, as in torchvision.

    Args:
        in_channels: Channels of the input.
        inner_channels: Channels that the width and the output are multiples of (the paper's 64, 128, ...).
        kernel_size: Taps of the middle convolution, (bins, frames).
        stride: Of the middle convolution and the shortcut, (bins, frames).
        dilation: Of the middle convolution, (bins, frames).
        causal: As for `ResNetBlock`.
        expansion: Output channels for each inner channel.
        groups: Groups of the middle convolution (ResNeXt's cardinality).
        base_width: Channels of a group, in 64ths of `inner_channels`.

    Shape:
        `(B, in_channels, F, K)` to `(B, inner_channels · expansion, ceil(F / stride), ceil(K / stride))`.

    Raises:
        InputError: As `Conv2d`, or if `expansion` is below 1 or the width comes out below 1.

    Source:
        He et al., arXiv 1512.03385, figure 5 right; Xie et al., ResNeXt, arXiv 1611.05431, figure 3(c).

    Example:
        >>> import torch
        >>> block = ResNetBottleneck(64, inner_channels=16, expansion=4)
        >>> block(torch.zeros(1, 64, 32, 100)).shape, block.receptive_field
        (torch.Size([1, 64, 32, 100]), (3, 3))
    """

    def __init__(
        self,
        in_channels: int,
        inner_channels: int,
        kernel_size: Size2d = 3,
        stride: Size2d = 1,
        dilation: Size2d = 1,
        causal: bool = False,
        expansion: int = 4,
        groups: int = 1,
        base_width: int = 64,
    ) -> None:
        super().__init__()
        check_sizes(groups=groups, expansion=expansion, inner_channels=inner_channels)
        width = inner_channels * base_width // 64 * groups
        if width < 1:
            raise InputError(
                f"base_width must leave the middle convolution a channel or more: expected at least "
                f"{-(-64 // inner_channels)} with inner_channels {inner_channels}, found {base_width}"
            )
        out_channels = inner_channels * expansion
        self.causal = causal
        self.conv1 = Conv2d(in_channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = Conv2d(width, width, kernel_size, stride, dilation, causal, groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = Conv2d(width, out_channels, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.downsample = self._make_shortcut(in_channels, out_channels, stride)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        hidden = self.relu(self.bn1(run(self.conv1, frames)))  # (B, width, F, K)
        hidden = self.relu(self.bn2(run(self.conv2, hidden)))  # (B, width, F / stride, K / stride)
        hidden = self.bn3(run(self.conv3, hidden))  # (B, out_channels, F / stride, K / stride), as below
        shortcut = frames if self.downsample is None else run(self.downsample, frames)
        return self.relu(hidden + shortcut)

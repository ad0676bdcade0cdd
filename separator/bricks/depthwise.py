"""Depthwise-separable convolution, 1-D and 2-D."""

from torch import Tensor, nn

from separator.bricks.conv2d import Conv2d, ConvolutionChain2d
from separator.bricks.dilated import DilatedConv1d
from separator.bricks.sizes import Size2d, check_sizes
from separator.bricks.stepping import ComposedBrick, Run


class DepthwiseSeparableConv1d(ComposedBrick):
    """A convolution in two steps: each channel by itself over time (depthwise), then across channels (1×1, pointwise).

    `S-conv(Y, K, L) = D-conv(Y, K) ⊛ L`: with G input channels, H output channels and P taps, `G·P + G·H` weights
    in place of the `G·H·P` of a full convolution.

    Args:
        in_channels: Channels of the input (G).
        out_channels: Channels of the output (H).
        kernel_size: Taps of the depthwise step (P); odd unless causal.
        dilation: Frames from one tap to the next.
        causal: Whether frame n sees only frames up to n.
        bias: Whether both steps add a learned constant to each channel.

    Shape:
        `(B, in_channels, K)` to `(B, out_channels, K)`.

    Raises:
        InputError: If a size is below 1, or the kernel is even and centred.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, eq. 10-11; Chollet, Xception, arXiv 1610.02357.

    Example:
        >>> import torch
        >>> convolution = DepthwiseSeparableConv1d(128, 256, kernel_size=3, bias=False)
        >>> convolution(torch.zeros(1, 128, 100)).shape
        torch.Size([1, 256, 100])
        >>> sum(weight.numel() for weight in convolution.parameters())  # 128·3 + 128·256; a full one has 98304
        33152
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int = 1,
        causal: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.depthwise = DilatedConv1d(
            in_channels, in_channels, kernel_size, dilation, causal, groups=in_channels, bias=bias
        )
        self.pointwise = DilatedConv1d(in_channels, out_channels, kernel_size=1, bias=bias)
        self.receptive_field = self.depthwise.receptive_field
        """Frames that one output frame sees."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        filtered = run(self.depthwise, frames)  # (B, in_channels, K)
        return run(self.pointwise, filtered)  # (B, out_channels, K)


class DepthwiseSeparableConv2d(ConvolutionChain2d):
    """A 2-D convolution in two steps: each channel by itself over bins and frames, then across channels (1×1).

    With 3×3 taps and one kernel a channel `C_in·(3·3) + C_in·C_out` weights in place of the `C_out·(3·3·C_in)` of a
    full convolution; `kernels_per_layer` times as many with more kernels.

    Args:
        in_channels, out_channels: Channels of input and output.
        kernel_size, stride, dilation, causal: Of the depthwise step, as for `Conv2d`.
        kernels_per_layer: Depthwise kernels for each input channel; all of their outputs go into the 1×1 step.
        bias: Whether both steps add a learned constant to each channel.

    Shape:
        `(B, in_channels, F, K)` to `(B, out_channels, ceil(F / stride), ceil(K / stride))`.

    Raises:
        InputError: If a size is below 1, or the kernel is even and centred.

    Source:
        Chollet, Xception, arXiv 1610.02357; Howard et al., MobileNets, arXiv 1704.04861, section 3.1.

    Example:
        >>> import torch
        >>> convolution = DepthwiseSeparableConv2d(16, 32, kernel_size=3, stride=(2, 1), bias=False)
        >>> convolution(torch.zeros(1, 16, 64, 100)).shape  # half the bins
        torch.Size([1, 32, 32, 100])
        >>> sum(weight.numel() for weight in convolution.parameters())  # 16·9 + 16·32; a full one has 4608
        656
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2d = 3,
        stride: Size2d = 1,
        dilation: Size2d = 1,
        causal: bool = False,
        kernels_per_layer: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_sizes(kernels_per_layer=kernels_per_layer)
        self.causal = causal
        inner_channels = in_channels * kernels_per_layer
        self.depthwise = Conv2d(
            in_channels, inner_channels, kernel_size, stride, dilation, causal, groups=in_channels, bias=bias
        )
        self.pointwise = Conv2d(inner_channels, out_channels, kernel_size=1, bias=bias)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        filtered = run(self.depthwise, frames)  # (B, in_channels · kernels_per_layer, F / stride, K / stride)
        return run(self.pointwise, filtered)  # (B, out_channels, F / stride, K / stride)


class DepthwiseSeparableBlock2d(ConvolutionChain2d):
    """Depthwise step → batch norm → ReLU → 1×1 step → batch norm → ReLU: the block of MobileNets.

    Args:
        in_channels, out_channels, kernel_size, stride, dilation, kernels_per_layer: As for `DepthwiseSeparableConv2d`.
        causal: Whether frame n sees only frames up to n, in evaluation (see `ConvBlock2d`).

    Shape:
        `(B, in_channels, F, K)` to `(B, out_channels, ceil(F / stride), ceil(K / stride))`.

    Raises:
        InputError: As `DepthwiseSeparableConv2d`.

    Source:
        Howard et al., MobileNets, arXiv 1704.04861, figure 3.

    Example:
        >>> import torch
        >>> block = DepthwiseSeparableBlock2d(16, 32, kernel_size=3)
        >>> block(torch.zeros(1, 16, 64, 100)).shape, block.receptive_field
        (torch.Size([1, 32, 64, 100]), (3, 3))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size2d = 3,
        stride: Size2d = 1,
        dilation: Size2d = 1,
        causal: bool = False,
        kernels_per_layer: int = 1,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.conv = DepthwiseSeparableConv2d(
            in_channels, out_channels, kernel_size, stride, dilation, causal, kernels_per_layer, bias=False
        )
        self.depthwise_norm = nn.BatchNorm2d(self.conv.depthwise.out_channels)
        self.pointwise_norm = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()

    def chain(self) -> tuple[Conv2d, ...]:
        """Return the convolutions in order."""
        return self.conv.chain()

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        frames = self.relu(self.depthwise_norm(run(self.conv.depthwise, frames)))  # (B, inner, F / stride, K / stride)
        frames = self.relu(self.pointwise_norm(run(self.conv.pointwise, frames)))  # (B, out_channels, same)
        return frames

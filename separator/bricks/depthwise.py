"""Depthwise-separable 1-D convolution."""

from torch import Tensor, nn

from separator.bricks.dilated import DilatedConv1d


class DepthwiseSeparableConv1d(nn.Module):
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

    @property
    def receptive_field(self) -> int:
        """Frames that one output frame sees."""
        return self.depthwise.receptive_field

    def output_length(self, num_frames: int) -> int:
        return num_frames

    def forward(self, frames: Tensor) -> Tensor:
        frames = self.pointwise(self.depthwise(frames))
        return frames

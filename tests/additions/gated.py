"""A 2-D brick: a convolution under a gate, beside the input."""

import torch
from torch import Tensor, nn

from separator.bricks.conv2d import Conv2d


class GatedBlock2d(nn.Module):
    """`x + conv(x) · sigmoid(1×1(x))`.

    Shape:
        `(B, channels, F, K)` to the same.
    """

    def __init__(
        self, channels: int, kernel_size: int = 3, dilation: tuple[int, int] = (1, 1), causal: bool = False
    ) -> None:
        super().__init__()
        self.causal = causal
        self.value = Conv2d(channels, channels, kernel_size, dilation=dilation, causal=causal)
        self.gate = Conv2d(channels, channels, 1)
        self.receptive_field = self.value.receptive_field

    def forward(self, frames: Tensor) -> Tensor:
        return frames + self.value(frames) * torch.sigmoid(self.gate(frames))

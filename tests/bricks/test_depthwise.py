"""The depthwise-separable convolution against the full convolution that it factors."""

import pytest
import torch
from torch.nn import functional

from separator.bricks.depthwise import DepthwiseSeparableConv1d
from separator.errors import InputError


@torch.no_grad()
@pytest.mark.parametrize(
    ("kernel_size", "dilation", "causal"), [(1, 1, False), (3, 2, False), (5, 1, True), (4, 3, True)]
)
def test_is_a_full_convolution_with_the_product_of_its_kernels(kernel_size: int, dilation: int, causal: bool) -> None:
    brick = DepthwiseSeparableConv1d(3, 5, kernel_size, dilation, causal, bias=False).double()
    frames = torch.randn(2, 3, 20, dtype=torch.float64)
    kernel = brick.pointwise.weight * brick.depthwise.weight.transpose(0, 1)  # (H, G, 1) × (1, G, P)
    reach = dilation * (kernel_size - 1)
    before = reach if causal else reach // 2
    expected = functional.conv1d(functional.pad(frames, (before, reach - before)), kernel, dilation=dilation)
    torch.testing.assert_close(brick(frames), expected)


def test_has_as_many_weights_as_stated() -> None:
    brick = DepthwiseSeparableConv1d(in_channels=8, out_channels=6, kernel_size=5, bias=False)
    assert sum(parameter.numel() for parameter in brick.parameters()) == 8 * 5 + 8 * 6


def test_even_centred_kernel_is_refused() -> None:
    with pytest.raises(InputError, match="kernel_size must be odd"):
        DepthwiseSeparableConv1d(2, 2, kernel_size=4)

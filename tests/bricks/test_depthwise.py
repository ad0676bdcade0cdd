"""The depthwise-separable convolutions against the full convolution that they factor, and against torchvision's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.ops.misc import Conv2dNormActivation

from separator.bricks.depthwise import (
    DepthwiseSeparableBlock2d,
    DepthwiseSeparableConv1d,
    DepthwiseSeparableConv2d,
)
from separator.errors import InputError
from tests.bricks.same_step import assert_same_step, randomise


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


SIZES_2D: list[dict[str, Any]] = [
    {},
    {"kernel_size": (5, 3), "stride": 2},
    {"kernel_size": 3, "dilation": (2, 3), "stride": (1, 2)},
    {"kernel_size": 7, "kernels_per_layer": 3},
]


def _geometry(kernel_size: Any = 3, stride: Any = 1, dilation: Any = 1, **_: int) -> dict[str, Any]:
    """Arguments of `nn.Conv2d` for a centred convolution that keeps the size."""
    kernel, spacing = ((size, size) if isinstance(size, int) else size for size in (kernel_size, dilation))
    padding = tuple((taps - 1) * step // 2 for taps, step in zip(kernel, spacing, strict=True))
    return {"kernel_size": kernel, "stride": stride, "dilation": spacing, "padding": padding}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", SIZES_2D, ids=str)
def test_2d_is_two_convolutions(sizes: dict[str, Any], bias: bool) -> None:
    torch.manual_seed(0)
    inner = 4 * sizes.get("kernels_per_layer", 1)
    reference = nn.Sequential(
        nn.Conv2d(4, inner, **_geometry(**sizes), groups=4, bias=bias), nn.Conv2d(inner, 6, 1, bias=bias)
    )
    names = {"0": "depthwise", "1": "pointwise"}
    assert_same_step(
        DepthwiseSeparableConv2d(4, 6, **sizes, bias=bias),
        reference,
        torch.randn(3, 4, 9, 12),
        lambda state: {names[name[0]] + name[1:]: value for name, value in state.items()},
    )


@pytest.mark.parametrize("sizes", SIZES_2D, ids=str)
def test_2d_block_is_two_of_torchvisions(sizes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    inner = 4 * sizes.get("kernels_per_layer", 1)
    reference = nn.Sequential(
        Conv2dNormActivation(4, inner, **_geometry(**sizes), groups=4, inplace=False),
        Conv2dNormActivation(inner, 6, 1, inplace=False),
    )
    randomise(reference)
    names = {"0.0": "conv.depthwise", "0.1": "depthwise_norm", "1.0": "conv.pointwise", "1.1": "pointwise_norm"}
    assert_same_step(
        DepthwiseSeparableBlock2d(4, 6, **sizes),
        reference,
        torch.randn(3, 4, 9, 12),
        lambda state: {names[name[:3]] + name[3:]: value for name, value in state.items()},
    )


@pytest.mark.parametrize("kernels_per_layer", [1, 2, 5])
def test_2d_has_as_many_weights_as_stated(kernels_per_layer: int) -> None:
    brick = DepthwiseSeparableConv2d(8, 6, kernel_size=3, kernels_per_layer=kernels_per_layer, bias=False)
    expected = kernels_per_layer * (8 * (3 * 3) + 8 * 6)
    assert sum(parameter.numel() for parameter in brick.parameters()) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernels_per_layer": 0}, "kernels_per_layer must be at least 1, found 0"),
        ({"in_channels": 0}, "in_channels must be at least 1, found 0"),
        ({"out_channels": 0}, "out_channels must be at least 1, found 0"),
        ({"kernel_size": 4}, "kernel_size must be odd .*, found 4"),
        ({"stride": (1, 2, 3)}, r"stride must be a whole number or two, .*, found \(1, 2, 3\)"),
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [DepthwiseSeparableConv2d, DepthwiseSeparableBlock2d])
def test_2d_that_cannot_be_is_refused(make: Callable[..., nn.Module], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        make(**({"in_channels": 4, "out_channels": 6} | arguments))

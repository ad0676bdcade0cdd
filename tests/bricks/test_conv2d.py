"""The 2-D convolution against the sum that defines it, and its block against torchvision's."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops.misc import Conv2dNormActivation

from separator.bricks.conv2d import Conv2d, ConvBlock2d
from separator.errors import InputError
from tests.bricks.same_step import assert_same_step, randomise

GEOMETRIES: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 1},
    {"kernel_size": (1, 5)},
    {"kernel_size": (5, 3), "dilation": (1, 2)},
    {"kernel_size": 3, "stride": 2},
    {"kernel_size": 5, "stride": (3, 2), "dilation": (2, 1)},
    {"kernel_size": (3, 2), "causal": True},
    {"kernel_size": (3, 4), "causal": True, "stride": (1, 3), "dilation": (2, 2)},
    {"kernel_size": (3, 3), "causal": True, "stride": 2},
    {"kernel_size": 21},
    {"kernel_size": (1, 21), "causal": True},
]


def _by_the_sum(brick: Conv2d, frames: Tensor) -> Tensor:
    """Each output, tap and group on its own: taps `dilation` apart, zeros outside the input."""
    batch, _, num_bins, num_frames = frames.shape
    taps, spacing, step = brick.kernel_size, brick.dilation, brick.stride
    before = (
        spacing[0] * (taps[0] - 1) // 2,
        spacing[1] * (taps[1] - 1) // (1 if brick.causal else 2),
    )
    size = -(-num_bins // step[0]), -(-num_frames // step[1])
    output = torch.zeros(batch, brick.out_channels, *size, dtype=frames.dtype)
    inputs, outputs = brick.in_channels // brick.groups, brick.out_channels // brick.groups
    for bin_, frame in ((bin_, frame) for bin_ in range(size[0]) for frame in range(size[1])):
        for i, j in ((i, j) for i in range(taps[0]) for j in range(taps[1])):
            row = bin_ * step[0] - before[0] + i * spacing[0]
            column = frame * step[1] - before[1] + j * spacing[1]
            if 0 <= row < num_bins and 0 <= column < num_frames:
                for group in range(brick.groups):
                    taken = frames[:, group * inputs : (group + 1) * inputs, row, column]
                    rows = slice(group * outputs, (group + 1) * outputs)
                    output[:, rows, bin_, frame] += taken @ brick.weight[rows, :, i, j].T
    return output if brick.bias is None else output + brick.bias[:, None, None]


@torch.no_grad()
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_is_the_defining_sum(geometry: dict[str, Any], groups: int) -> None:
    brick = Conv2d(4, 6, **geometry, groups=groups, bias=groups == 1).double()
    frames = torch.randn(2, 4, 7, 8, dtype=torch.float64)
    torch.testing.assert_close(brick(frames), _by_the_sum(brick, frames))


@pytest.mark.parametrize("stride", [1, 2, (1, 2)])
@pytest.mark.parametrize("kernel_size", [3, (5, 7)])
@pytest.mark.parametrize("dilation", [1, (2, 3)])
def test_block_is_torchvisions(stride: Any, kernel_size: Any, dilation: Any) -> None:
    torch.manual_seed(0)
    reference = Conv2dNormActivation(4, 6, kernel_size, stride, dilation=dilation, inplace=False)
    randomise(reference)
    names = {"0": "conv", "1": "norm"}
    assert_same_step(
        ConvBlock2d(4, 6, kernel_size, stride, dilation),
        reference,
        torch.randn(3, 4, 9, 12),
        lambda state: {re.sub(r"^\d", lambda found: names[found[0]], name): state[name] for name in state},
    )


@pytest.mark.parametrize("kernel_size", [3, 7, (3, 5)])
def test_has_as_many_weights_as_stated(kernel_size: Any) -> None:
    taps = kernel_size**2 if isinstance(kernel_size, int) else kernel_size[0] * kernel_size[1]
    brick = Conv2d(8, 6, kernel_size, bias=False)
    assert sum(parameter.numel() for parameter in brick.parameters()) == 6 * (taps * 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_channels": 0}, "in_channels must be at least 1, found 0"),
        ({"out_channels": -1}, "out_channels must be at least 1, found -1"),
        ({"groups": 0}, "groups must be at least 1, found 0"),
        ({"groups": 3}, r"groups must divide in_channels \(4\) and out_channels \(6\), found 3"),
        ({"kernel_size": (3, 0)}, "kernel_size must be at least 1, found 0"),
        ({"kernel_size": -3}, "kernel_size must be at least 1, found -3"),
        ({"stride": 0}, "stride must be at least 1, found 0"),
        ({"dilation": (0, 1)}, "dilation must be at least 1, found 0"),
        ({"kernel_size": 2}, "kernel_size must be odd .*, found 2"),
        ({"kernel_size": (3, 4)}, r"kernel_size must be odd .*, found \(3, 4\)"),
        ({"kernel_size": (2, 3), "causal": True}, r"kernel_size must be odd .*, found \(2, 3\)"),
        ({"kernel_size": (3,)}, r"kernel_size must be a whole number or two, \(bins, frames\), found \(3,\)"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size must be a whole number or two, .*, found \(3, 3, 3\)"),
        ({"kernel_size": 3.0}, "kernel_size must be a whole number or two, .*, found 3.0"),
        ({"kernel_size": "3"}, "kernel_size must be a whole number or two, .*, found '3'"),
        ({"stride": (2,)}, r"stride must be a whole number or two, .*, found \(2,\)"),
        ({"dilation": None}, "dilation must be a whole number or two, .*, found None"),
    ],
    ids=str,
)
def test_geometry_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        Conv2d(**({"in_channels": 4, "out_channels": 6} | arguments))


def test_batch_norm_follows_the_convolution_without_a_bias() -> None:
    assert [name for name, _ in ConvBlock2d(2, 3).named_parameters()] == ["conv.weight", "norm.weight", "norm.bias"]
    assert isinstance(ConvBlock2d(2, 3).norm, nn.BatchNorm2d)


@pytest.mark.parametrize("causal", [False, True])
def test_grouped_convolution_is_channels_last_on_a_cpu(causal: bool) -> None:
    """There the gradients of a 7×7 depthwise convolution took 36 times as long in the other memory format."""
    brick, frames = Conv2d(4, 4, 7, causal=causal, groups=4), torch.randn(2, 4, 5, 6)
    assert brick(frames).is_contiguous(memory_format=torch.channels_last)
    assert Conv2d(4, 4, 7, causal=causal)(frames).is_contiguous()

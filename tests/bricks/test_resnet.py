"""The ResNet blocks against torchvision's, on copied weights."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from separator.bricks.resnet import ResNetBlock, ResNetBottleneck
from separator.errors import InputError
from tests.bricks.same_step import assert_same_step, randomise


def _downsample(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """As torchvision's `ResNet._make_layer` builds it."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


@pytest.mark.parametrize("size", [(9, 12), (2, 1)], ids=str)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("out_channels", [6, 8])
def test_block_is_torchvisions(out_channels: int, stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    reference = BasicBlock(6, out_channels, stride, _downsample(6, out_channels, stride))
    randomise(reference)
    brick = ResNetBlock(6, out_channels, stride=stride)
    assert_same_step(brick, reference, torch.randn(3, 6, *size))


def test_dilated_block_is_torchvisions_with_dilated_convolutions() -> None:
    torch.manual_seed(0)
    reference = BasicBlock(4, 4)
    reference.conv1 = nn.Conv2d(4, 4, 3, padding=(2, 3), dilation=(2, 3), bias=False)
    reference.conv2 = nn.Conv2d(4, 4, 3, padding=(2, 3), dilation=(2, 3), bias=False)
    randomise(reference)
    assert_same_step(ResNetBlock(4, 4, dilation=(2, 3)), reference, torch.randn(2, 4, 9, 12))


def test_causal_block_is_torchvisions_with_all_padding_before_the_first_frame() -> None:
    torch.manual_seed(0)
    reference = BasicBlock(4, 4)
    brick = ResNetBlock(4, 4, causal=True)
    for name in ("conv1", "conv2"):
        convolution = nn.Conv2d(4, 4, 3, padding=(1, 0), bias=False)
        convolution.register_forward_pre_hook(lambda _, inputs: nn.functional.pad(inputs[0], (2, 0)))
        setattr(reference, name, convolution)
    randomise(reference)
    assert_same_step(brick, reference, torch.randn(2, 4, 9, 12))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"stride": 2},
        {"dilation": 2},
        {"stride": 2, "dilation": 3},
        {"groups": 4},
        {"groups": 4, "base_width": 32, "stride": 2},
        {"base_width": 128},
        {"base_width": 20},
    ],
    ids=str,
)
@pytest.mark.parametrize("in_channels", [8, 32])
def test_bottleneck_is_torchvisions(in_channels: int, arguments: dict[str, Any]) -> None:
    torch.manual_seed(0)
    downsample = _downsample(in_channels, 8 * Bottleneck.expansion, arguments.get("stride", 1))
    reference = Bottleneck(in_channels, 8, downsample=downsample, **arguments)
    randomise(reference)
    brick = ResNetBottleneck(in_channels, 8, **arguments)
    assert (brick.downsample is None) == (downsample is None)
    assert_same_step(brick, reference, torch.randn(3, in_channels, 9, 12))


def test_expansion_sets_the_output_channels() -> None:
    assert ResNetBottleneck(8, 4, expansion=2)(torch.randn(2, 8, 5, 6)).shape == (2, 8, 5, 6)
    assert ResNetBottleneck(8, 4, expansion=2).downsample is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 0}, "groups must be at least 1, found 0"),
        ({"expansion": 0}, "expansion must be at least 1, found 0"),
        ({"inner_channels": -4}, "inner_channels must be at least 1, found -4"),
        ({"base_width": 15}, "base_width must leave .* expected at least 16 with inner_channels 4, found 15"),
        ({"kernel_size": 2}, "kernel_size must be odd"),
        ({"stride": 0}, "stride must be at least 1, found 0"),
    ],
    ids=str,
)
def test_bottleneck_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        ResNetBottleneck(**({"in_channels": 4, "inner_channels": 4} | arguments))
    if message.startswith("base_width"):
        ResNetBottleneck(4, 4, base_width=16)

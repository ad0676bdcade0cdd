"""Packed convolutions against torch's own."""

import pytest
import torch
from torch.nn import functional

from separator.bricks.conv2d import Conv2d
from separator.bricks.resnet import AxialBlock, ResNetBlock, ResNetBottleneck
from separator.inference.fused.batch_norm import fold_batch_norm
from separator.inference.fused.packed import InPlaceDoubledSum, PackedConvolution, PackedResidualBlock, can_be_packed
from tests.inference.fused.grown import grow

CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(not can_be_packed(CPU, torch.float32), reason="needs oneDNN and AVX2")


@torch.inference_mode()
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    "sizes",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "dilation": (1, 4)},
        {"kernel_size": (5, 3), "stride": (2, 1), "bias": False},
        {"kernel_size": 3, "groups": 2},
    ],
)
def test_a_convolution_is_torchs(sizes: dict[str, object], causal: bool, relu: bool) -> None:
    convolution, frames = Conv2d(4, 6, causal=causal, **sizes).eval(), torch.randn(2, 4, 9, 20)  # type: ignore[arg-type]
    reach = convolution.receptive_field[1] - 1 if causal else 0
    expected = functional.conv2d(
        functional.pad(frames, (reach, 0)),
        convolution.weight,
        convolution.bias,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )
    packed, shortcut = PackedConvolution(convolution, relu), torch.randn_like(expected)
    for found, plain in ((packed(frames), expected), (packed.add_to(shortcut.clone(), frames), expected + shortcut)):
        torch.testing.assert_close(found, plain.relu() if relu else plain, rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(
    "block", [ResNetBlock(6, 6), ResNetBlock(6, 8, stride=(2, 1)), AxialBlock(6), ResNetBottleneck(6, 4)]
)
def test_a_residual_block_is_packed_as_a_whole(block: torch.nn.Module) -> None:
    network, frames = torch.nn.Sequential(block), torch.randn(2, 6, 9, 20)
    grow(network)
    expected, packed = network(frames), fold_batch_norm(network, packed=True)
    assert type(packed[0]) is PackedResidualBlock
    torch.testing.assert_close(packed(frames), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("num_bins", [1, 6, 7])
def test_the_sum_of_doubled_bins_in_place(num_bins: int) -> None:
    frames, skip = torch.randn(2, 3, -(-num_bins // 2), 5), torch.randn(2, 3, num_bins, 5)
    expected = skip + frames.repeat_interleave(2, dim=2)[:, :, :num_bins]
    assert torch.equal(InPlaceDoubledSum()(frames, skip), expected)

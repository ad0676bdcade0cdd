"""The ConvNeXt blocks against torchvision's on copied weights, and stochastic depth against what it promises."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.convnext import CNBlock
from torchvision.ops import stochastic_depth

from separator.bricks.convnext import ConvNeXtBlock1d, ConvNeXtBlock2d, StochasticDepth
from separator.bricks.convnext_tcn import ConvNeXtTCN
from separator.errors import InputError
from tests.bricks.same_step import assert_same_step, randomise

NAMES = {"block.0": "depthwise", "block.2": "norm", "block.3": "widen", "block.5": "narrow"}
"""Of torchvision's modules, as the bricks call them."""


def _renamed(state: dict[str, Tensor], one_bin: bool = False) -> dict[str, Tensor]:
    """A `CNBlock`'s weights as the brick's; `one_bin`: on a single bin only the middle row of the kernel is used."""
    result = {}
    for name, value in state.items():
        name = re.sub(r"block\.\d", lambda found: NAMES[found[0]], name)
        value = value.flatten() if name.endswith("layer_scale") else value
        result[name] = value[:, :, 3] if one_bin and name.endswith("depthwise.weight") else value
    return result


def _reference(channels: int, dilation: tuple[int, int] = (1, 1), causal: bool = False, drop: float = 0.0) -> CNBlock:
    """torchvision's block, its convolution with a dilation or all padding before the first frame."""
    block = CNBlock(channels, layer_scale=0.7, stochastic_depth_prob=drop)
    bins, frames = 3 * dilation[0], 3 * dilation[1]
    convolution = nn.Conv2d(
        channels, channels, 7, padding=(bins, 0 if causal else frames), dilation=dilation, groups=channels
    )
    if causal:
        convolution.register_forward_pre_hook(lambda _, inputs: functional.pad(inputs[0], (2 * frames, 0)))
    block.block[0] = convolution
    randomise(block)
    return block


@pytest.mark.parametrize("drop", [0.0, 0.4])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)], ids=str)
def test_block_2d_is_torchvisions(dilation: tuple[int, int], causal: bool, drop: float) -> None:
    torch.manual_seed(0)
    brick = ConvNeXtBlock2d(6, dilation=dilation, causal=causal, stochastic_depth=drop)
    assert_same_step(brick, _reference(6, dilation, causal, drop), torch.randn(8, 6, 9, 12), _renamed)


def test_weights_of_torchvision_are_as_many() -> None:
    brick, reference = ConvNeXtBlock2d(6), CNBlock(6, 1e-6, 0.0)
    assert sum(value.numel() for value in brick.parameters()) == sum(value.numel() for value in reference.parameters())
    torch.testing.assert_close(brick.layer_scale, reference.layer_scale.flatten())


@pytest.mark.parametrize("drop", [0.0, 0.4])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dilation", [1, 2, 8])
def test_block_1d_is_torchvisions_on_one_bin(dilation: int, causal: bool, drop: float) -> None:
    torch.manual_seed(0)
    brick = ConvNeXtBlock1d(6, dilation=dilation, causal=causal, stochastic_depth=drop)
    assert_same_step(
        brick,
        _reference(6, (1, dilation), causal, drop),
        torch.randn(8, 6, 20),
        partial(_renamed, one_bin=True),
        lambda frames: frames.unsqueeze(2),
    )


class _TorchvisionTCN(nn.Module):
    """torchvision's blocks one after the other, dilations 1, 2, 4 twice, and a layer norm over the channels."""

    def __init__(self, causal: bool, rates: list[float]) -> None:
        super().__init__()
        dilations = [1, 2, 4, 1, 2, 4]
        self.blocks = nn.ModuleList(
            _reference(5, (1, dilation), causal, rate) for dilation, rate in zip(dilations, rates, strict=True)
        )
        self.norm = nn.LayerNorm(5, eps=1e-6)

    def forward(self, frames: Tensor) -> Tensor:
        for block in self.blocks:
            frames = block(frames)
        output: Tensor = self.norm(frames.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return output


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rates", [[0.0] * 6, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]], ids=str)
def test_tcn_is_torchvisions_blocks_in_a_row(causal: bool, rates: list[float]) -> None:
    torch.manual_seed(0)
    reference = _TorchvisionTCN(causal, rates)
    randomise(reference)
    brick = ConvNeXtTCN(5, num_blocks=3, num_repeats=2, causal=causal, stochastic_depth=rates[-1])
    assert_same_step(
        brick,
        reference,
        torch.randn(8, 5, 40),
        partial(_renamed, one_bin=True),
        lambda frames: frames.unsqueeze(2),
    )


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "convolve"),
    [
        (ConvNeXtBlock1d, partial(functional.conv1d, padding=4, dilation=2, groups=4)),
        (ConvNeXtBlock2d, partial(functional.conv2d, padding=4, dilation=2, groups=4)),
    ],
)
def test_other_output_channels_is_the_formula_with_a_1x1_shortcut(
    make: Callable[..., nn.Module], convolve: Callable[..., Tensor]
) -> None:
    torch.manual_seed(0)
    block = make(4, 7, kernel_size=5, dilation=2, expansion=3, layer_scale=0.5)
    randomise(block)
    state = block.state_dict()
    frames = torch.randn(2, 4, 12) if make is ConvNeXtBlock1d else torch.randn(2, 4, 9, 12)
    hidden = convolve(frames, state["depthwise.weight"], state["depthwise.bias"])
    mean, variance = hidden.mean(dim=1, keepdim=True), hidden.var(dim=1, keepdim=True, unbiased=False)
    hidden = ((hidden - mean) / (variance + 1e-6).sqrt()).movedim(1, -1)
    hidden = (hidden * state["norm.weight"] + state["norm.bias"]) @ state["widen.weight"].T + state["widen.bias"]
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    hidden = 0.5 * (hidden @ state["narrow.weight"].T + state["narrow.bias"])
    shortcut = frames.movedim(1, -1) @ state["shortcut.weight"].T + state["shortcut.bias"]
    torch.testing.assert_close(block(frames), (shortcut + hidden).movedim(-1, 1), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("out_channels", [None, 4, 7])
@pytest.mark.parametrize("make", [ConvNeXtBlock1d, ConvNeXtBlock2d])
def test_without_a_branch_only_the_shortcut_is_left(make: Callable[..., Any], out_channels: int | None) -> None:
    block = make(4, out_channels, layer_scale=0)
    frames = torch.randn(2, 4, 9) if make is ConvNeXtBlock1d else torch.randn(2, 4, 5, 9)
    assert isinstance(block.shortcut, nn.Linear) == (out_channels == 7)
    expected = block.shortcut(frames.movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(block(frames), expected, rtol=0, atol=0)
    assert block(frames).abs().mean() > 0.1


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(64, 3), (64, 3, 5), (64, 3, 5, 2)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_stochastic_depth_is_torchvisions(probability: float, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    branch, drop = torch.randn(shape, dtype=dtype), StochasticDepth(probability)
    torch.manual_seed(3)
    expected = stochastic_depth(branch, probability, mode="row")
    torch.manual_seed(3)
    torch.testing.assert_close(drop(branch), expected, rtol=0, atol=0)
    assert torch.equal(drop.eval()(branch), branch)


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.8])
def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean(probability: float) -> None:
    torch.manual_seed(0)
    num_samples = 40_000
    output = StochasticDepth(probability)(torch.ones(num_samples, 2, 3))
    gains = output[:, 0, 0]
    assert torch.equal(output, gains[:, None, None].expand_as(output))  # one decision a sample
    kept = gains[gains != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - probability)))
    spread = (probability / (1 - probability) / num_samples) ** 0.5  # of the mean of independent gains
    assert abs(float(gains.mean()) - 1) <= 4 * spread + 1e-6


def test_block_drops_the_branch_and_never_the_shortcut() -> None:
    torch.manual_seed(0)
    block = ConvNeXtBlock1d(4, layer_scale=1.0, stochastic_depth=0.5)
    frames = torch.randn(40, 4, 6)
    branch, output = block.eval()(frames) - frames, block.train()(frames)
    dropped = (output == frames).flatten(1).all(dim=1)
    assert 5 < int(dropped.sum()) < 35
    torch.testing.assert_close(output[~dropped], (frames + 2 * branch)[~dropped], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("num_blocks", "num_repeats"), [(3, 2), (5, 1), (1, 2), (1, 1)])
def test_stochastic_depth_rises_linearly_over_the_tcn(num_blocks: int, num_repeats: int) -> None:
    net: Any = ConvNeXtTCN(2, num_blocks=num_blocks, num_repeats=num_repeats, stochastic_depth=0.4)
    total = num_blocks * num_repeats
    expected = torch.linspace(0, 0.4, total).tolist()
    assert [block.stochastic_depth.probability for block in net.blocks] == pytest.approx(expected)


@pytest.mark.parametrize("out_channels", [None, 7])
def test_under_autocast_a_branch_of_small_gain_is_not_rounded_away(out_channels: int | None) -> None:
    block = ConvNeXtBlock2d(4, out_channels, layer_scale=1e-4)
    frames = torch.randn(2, 4, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        output = block(frames)
        shortcut = block.shortcut(frames.movedim(1, -1)).movedim(-1, 1)
    assert output.dtype == torch.float32
    assert 0 < (output - shortcut).abs().max() < 1e-3
    branch = block(frames) - block.shortcut(frames.movedim(1, -1)).movedim(-1, 1)
    assert (output - shortcut - branch).square().mean() < 0.01 * branch.square().mean()


@pytest.mark.parametrize("make", [ConvNeXtBlock1d, ConvNeXtBlock2d, ConvNeXtTCN])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": 4}, "kernel_size must be odd"),
        ({"kernel_size": 0}, "kernel_size must be at least 1, found 0"),
        ({"expansion": 0}, "expansion must be at least 1, found 0"),
        ({"layer_scale": float("nan")}, "layer_scale must be finite, found nan"),
        ({"stochastic_depth": 1.0}, "stochastic_depth must be from 0 up to 1, found 1.0"),
        ({"stochastic_depth": 1.5}, "stochastic_depth must be from 0 up to 1, found 1.5"),
        ({"stochastic_depth": -0.1}, "stochastic_depth must be from 0 up to 1, found -0.1"),
    ],
    ids=str,
)
def test_block_that_cannot_be_is_refused(make: Callable[..., Any], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        make(4, **arguments)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(InputError, match=r"^out_channels must be at least 1, found 0"):
        ConvNeXtBlock1d(4, 0)
    with pytest.raises(InputError, match=r"^dilation must be at least 1, found 0"):
        ConvNeXtBlock2d(4, dilation=0)
    for name in ("num_blocks", "num_repeats"):
        with pytest.raises(InputError, match=f"^{name} must be at least 1, found 0"):
            ConvNeXtTCN(4, **{name: 0})

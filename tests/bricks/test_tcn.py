"""The TCN of Bai, Kolter and Koltun against its formula written out."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from separator.bricks.tcn import TemporalBlock, TemporalConvNet
from separator.errors import InputError


def _causal_weight_normed(state: dict[str, Tensor], layer: str, frames: Tensor, dilation: int) -> Tensor:
    gain = state[f"{layer}.parametrizations.weight.original0"]
    direction = state[f"{layer}.parametrizations.weight.original1"]
    length = direction.pow(2).sum(dim=(1, 2), keepdim=True).sqrt()
    reach = dilation * (direction.shape[2] - 1)
    padded = functional.pad(frames, (reach, 0))
    return functional.conv1d(padded, gain * direction / length, state[f"{layer}.bias"], dilation=dilation)


@torch.no_grad()
@pytest.mark.parametrize("out_channels", [3, 5])
@pytest.mark.parametrize(("kernel_size", "dilation"), [(2, 1), (3, 4)])
def test_block_is_its_formula(out_channels: int, kernel_size: int, dilation: int) -> None:
    block = TemporalBlock(3, out_channels, kernel_size, dilation).eval()
    for name, parameter in block.named_parameters():
        if name.endswith("original0"):
            parameter.uniform_(0.5, 2)  # a gain that is not the direction's own length
    state, frames = block.state_dict(), torch.randn(2, 3, 25)
    hidden = _causal_weight_normed(state, "first", frames, dilation).relu()
    hidden = _causal_weight_normed(state, "second", hidden, dilation).relu()
    shortcut = frames
    if out_channels != 3:
        shortcut = (
            torch.einsum("oi,bik->bok", state["shortcut.weight"][:, :, 0], frames) + state["shortcut.bias"][:, None]
        )
    torch.testing.assert_close(block(frames), (shortcut + hidden).relu(), rtol=0, atol=1e-5)


def test_weight_norm_sets_the_length_of_each_filter() -> None:
    block = TemporalBlock(3, 4)
    for convolution in (block.first, block.second):
        gain = convolution.parametrizations.weight.original0.flatten()
        torch.testing.assert_close(convolution.weight.flatten(1).norm(dim=1), gain)


def test_shortcut_is_a_convolution_only_where_channels_change() -> None:
    net = TemporalConvNet(4, (4, 6, 6))
    shortcuts = [name for name, _ in net.named_parameters() if "shortcut" in name]
    assert shortcuts == ["levels.1.shortcut.weight", "levels.1.shortcut.bias"]


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("num_levels", [1, 2, 4])
def test_dilation_doubles_a_level(kernel_size: int, num_levels: int) -> None:
    net: Any = TemporalConvNet(2, [2] * num_levels, kernel_size)
    assert [level.first.dilation for level in net.levels] == [(2**level,) for level in range(num_levels)]
    assert net.receptive_field == 1 + 2 * (kernel_size - 1) * (2**num_levels - 1)


def test_dropout_acts_in_training_only() -> None:
    block, frames = TemporalBlock(8, 8, dropout=0.5), torch.randn(1, 8, 100)
    assert not torch.equal(block.train()(frames), block(frames))
    assert torch.equal(block.eval()(frames), block(frames))


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_out_of_range_is_refused(dropout: float) -> None:
    with pytest.raises(InputError, match=f"dropout must be from 0 up to 1, found {dropout}"):
        TemporalBlock(2, 2, dropout=dropout)


def test_no_level_is_refused() -> None:
    with pytest.raises(InputError, match="level_channels must name at least one level"):
        TemporalConvNet(2, [])

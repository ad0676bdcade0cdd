"""The faster separable TCN against the modules it was built from, in float64."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from separator.bricks.separable_tcn import SeparableTCN
from separator.inference.fused import separable_tcn
from separator.inference.fused.separable_tcn import FusedSeparableTCN


def trained(**config: Any) -> SeparableTCN:
    """A stack whose norms, slopes and biases are not those of a new one."""
    torch.manual_seed(0)
    stack = SeparableTCN(**{"channels": 12, "hidden_channels": 20, "skip_channels": 10, "num_repeats": 2, **config})
    for parameter in stack.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return stack.eval().requires_grad_(False)


def assert_agrees(stack: SeparableTCN, frames: Tensor, tolerance: float = 1e-5) -> None:
    """Frames `(B, C, K)`: the same output, and the input is left as it was."""
    given = frames.transpose(1, 2).contiguous()
    found = FusedSeparableTCN(stack)(given).transpose(1, 2)
    assert torch.equal(given, frames.transpose(1, 2))
    expected = copy.deepcopy(stack).double()(frames.double())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize("num_frames", [1, 2, 3, 37, 130])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("config", [{}, {"kernel_size": 5, "num_blocks": 3}, {"kernel_size": 1}])
@pytest.mark.parametrize("tile_values", [20, 20 * 64, 2**19])
def test_agrees_with_the_modules(
    tile_values: int, config: dict[str, int], batch: int, num_frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(separable_tcn, "TILE_VALUES", tile_values)
    assert_agrees(trained(**config), torch.randn(batch, 12, num_frames))


def test_agrees_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert_agrees(trained(), torch.randn(1, 12, 50))


@pytest.mark.parametrize("layer", ["expansion", "depthwise"])
def test_a_large_offset_costs_no_digits(layer: str) -> None:
    """Where the mean outweighs the deviation a hundred times, the modules themselves are used."""
    stack, called = trained(num_blocks=2), []
    getattr(stack.blocks[0], layer).bias.fill_(1000)
    stack.register_forward_hook(lambda *_: called.append(1))
    assert_agrees(stack, torch.randn(2, 12, 50), tolerance=1e-3)
    assert len(called) == 3  # two samples, and the reference

"""Batch norm folded into convolutions: none is left, and a block with parts of another kind stays as it is."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from separator.bricks.resnet import ResNetBlock
from separator.inference.fused import fuse
from separator.models import build_model
from separator.models.pipeline import MaskingSeparator
from tests.inference.fused.grown import grow
from tests.inference.fused.test_contract import CPU, assert_same

BLOCKS = ["conv", "depthwise", "resnet", "bottleneck", "convnext"]


def build(block: str = "resnet", **config: Any) -> MaskingSeparator:
    torch.manual_seed(0)
    sizes = {"window_length": 32, "hop_length": 16, "level_channels": [4, 8], "num_blocks": 2, "num_repeats": 1}
    return grow(build_model("spectrogram", {**sizes, "block": block, **config}))


def count(model: nn.Module) -> int:
    return sum(isinstance(each, nn.BatchNorm2d) for each in model.modules())


@pytest.mark.parametrize("block", BLOCKS)
def test_no_batch_norm_is_left(block: str) -> None:
    model = build(block)
    assert count(model) > 0 and count(fuse(model, CPU, torch.float32)) == 0


def test_statistics_that_training_gathered_are_folded() -> None:
    model = build()
    model.train()
    for _ in range(20):
        model(3 * torch.randn(4, 1, 400))
    assert_same(fuse(model.eval(), CPU, torch.float32), model, torch.randn(2, 1, 500))


def test_in_float64_it_is_exact() -> None:
    model = build().double()
    mixture = torch.randn(1, 1, 500, dtype=torch.float64)
    with torch.inference_mode():
        # The transform and its masks are of float32.
        torch.testing.assert_close(fuse(model, CPU, torch.float64)(mixture), model(mixture), rtol=0, atol=1e-6)


def no_statistics(norm: nn.Module) -> nn.Module:
    return nn.BatchNorm2d(norm.num_features, track_running_stats=False)  # type: ignore[arg-type]


REPLACED = {
    "parametrized": ("conv1", lambda old: register_parametrization(old, "weight", nn.Tanh())),
    "statistics of the input": ("bn2", no_statistics),
    "another norm": ("bn1", lambda old: nn.GroupNorm(2, 8)),
    "no convolution": ("conv1", lambda old: nn.Identity()),
    "activation": ("relu", lambda old: nn.GELU()),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_block_with_a_part_that_was_replaced_stays_as_it_is(name: str) -> None:
    model = build()
    place, replace = REPLACED[name]
    block = model.masker.bottom[1]  # type: ignore[index, union-attr]
    assert isinstance(block, ResNetBlock)
    block.set_submodule(place, replace(block.get_submodule(place)).eval())
    fused = fuse(model, CPU, torch.float32)
    assert count(fused) == count(block)
    assert_same(fused, model, torch.randn(2, 1, 500))

"""Convolutions and norms on frames laid side by side, against the modules they were built from, in float64."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from separator.bricks.dilated import DilatedConv1d
from separator.bricks.norm import CumulativeLayerNorm, GlobalLayerNorm
from separator.inference.fused import fuse
from separator.inference.fused.frames import lay_frames
from tests.inference.fused.grown import grow
from tests.inference.fused.test_contract import CPU, assert_same
from tests.inference.fused.test_tasnets import build

MODULES: dict[str, nn.Module] = {
    "1×1": DilatedConv1d(6, 9, 1),
    "dense": DilatedConv1d(6, 9, 3, dilation=4),
    "dense, causal, no bias": DilatedConv1d(6, 9, 4, dilation=3, causal=True, bias=False),
    "weight norm": weight_norm(DilatedConv1d(6, 9, 3, causal=True)),
    "depthwise": DilatedConv1d(6, 6, 5, dilation=2, groups=6),
    "depthwise, causal, no bias": DilatedConv1d(6, 6, 2, dilation=5, causal=True, groups=6, bias=False),
    "in groups": DilatedConv1d(6, 9, 3, groups=3),
    "SpeechBrain's padding": DilatedConv1d(6, 6, 3, dilation=2, groups=6, padding_of="speechbrain"),
    "gLN": GlobalLayerNorm(6),
    "cLN": CumulativeLayerNorm(6),
}


@torch.no_grad()
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("num_frames", [1, 2, 7, 50])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_agrees_with_the_module(name: str, num_frames: int, offset: float) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(copy.deepcopy(MODULES[name]))
    for parameter in module.parameters():
        parameter += 0.3 * torch.randn_like(parameter)
    laid, frames = lay_frames(module), offset + torch.randn(3, 6, num_frames)
    is_laid = name not in ("in groups", "SpeechBrain's padding")
    assert (type(laid[0]) is not type(module[0])) == is_laid
    found, given = laid(frames), frames.clone()
    expected = module.double()(frames.double())
    tolerance = 1e-5 * (1 + offset) * float(expected.abs().max().clamp(min=1))
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)
    assert torch.equal(frames, given)


@pytest.mark.parametrize(
    "config",
    [
        {"skip_channels": None, "bias": False, "output_prelu": False},
        {"norm": "frameLN", "input_norm": "gLN", "mask": "softmax_over_features"},
        {"norm": "cLN", "causal": True, "block_padding": "speechbrain", "num_sources": 3},
    ],
)
def test_a_conv_tasnet_that_is_not_the_papers(config: dict[str, Any]) -> None:
    model = grow(build(**config))
    fused = fuse(model, CPU, torch.float32)
    assert fused is not model
    for samples in (1, 35, 1003):
        assert_same(fused, model, torch.randn(2, 1, samples))

"""The faster copy of a Conv-TasNet: every choice of a config, and parts that were replaced."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from separator.bricks.norm import CumulativeLayerNorm
from separator.inference.fused import fuse
from separator.models import build_model
from separator.models.pipeline import MaskingSeparator
from tests.inference.fused.grown import grow
from tests.inference.fused.test_contract import CPU, assert_same

SMALL = {"num_filters": 16, "kernel_size": 8, "bottleneck_channels": 6, "hidden_channels": 12, "skip_channels": 5}


def build(**config: Any) -> MaskingSeparator:
    torch.manual_seed(0)
    return build_model("conv_tasnet", {**SMALL, **config}).eval()


@pytest.mark.parametrize("samples", [1, 7, 35, 1003])
@pytest.mark.parametrize(
    "config",
    [
        {"kernel_size": 9, "encoder_activation": "relu", "mask": "relu", "num_sources": 3},
        {"channels": 2, "mask": "softmax", "edge_padding": "asteroid"},
        {"kernel_size": 7, "edge_padding": "asteroid", "block_kernel_size": 5, "num_blocks": 2},
        {"block_kernel_size": 1, "num_blocks": 1, "num_repeats": 1},
    ],
)
def test_agrees_whatever_its_config(config: dict[str, Any], samples: int) -> None:
    model = grow(build(**config))
    fused = fuse(model, CPU, torch.float32)
    assert fused is not model
    for batch in (1, 3):
        assert_same(fused, model, torch.randn(batch, model.channels, samples))


def test_an_empty_batch() -> None:
    with torch.inference_mode():
        assert fuse(build(), CPU, torch.float32)(torch.zeros(0, 1, 100)).shape == (0, 2, 1, 100)


def test_later_weights_are_not_heard() -> None:
    model, mixture = build(), torch.randn(1, 1, 300)
    fused = fuse(model, CPU, torch.float32)
    with torch.inference_mode():
        before = fused(mixture)
    grow(model)
    with torch.inference_mode():
        assert torch.equal(fused(mixture), before)


class Doubled(nn.Conv1d):
    """A convolution whose class says something else."""

    def forward(self, frames: Tensor) -> Tensor:
        return 2 * super().forward(frames)


class DoubledBlock(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        frames, skip = self.block(frames)
        return frames, 2 * skip


def doubled_forward(module: nn.Module) -> nn.Module:
    """A module wrapped in place, as accelerate and others do."""
    original = module.forward
    module.forward = lambda frames: 2 * original(frames)  # type: ignore[method-assign]
    return module


REPLACED: dict[str, tuple[str, Callable[[nn.Module], nn.Module]]] = {
    "encoder": ("encoder.basis", lambda old: Doubled(1, 16, 8, 4, bias=False)),
    "decoder": ("decoder.basis", doubled_forward),
    "first norm": ("masker.norm", lambda old: nn.BatchNorm1d(16)),
    "bottleneck": ("masker.bottleneck", lambda old: nn.Conv1d(16, 6, 3, padding=1)),
    "wrapped bottleneck": ("masker.bottleneck", lambda old: nn.Sequential(old, nn.Tanh())),
    "masks": ("masker.output", lambda old: nn.Conv1d(6, 32, 1, groups=2)),
    "no bias": ("masker.output", lambda old: nn.Conv1d(6, 32, 1, bias=False)),
    "residual": ("masker.tcn.blocks.1.residual", doubled_forward),
    "activation": ("masker.tcn.blocks.1.expansion_prelu", lambda old: nn.GELU()),
    "slopes": ("masker.tcn.blocks.1.depthwise_prelu", lambda old: nn.PReLU(12, init=0.5)),
    "norm": ("masker.tcn.blocks.1.expansion_norm", lambda old: nn.BatchNorm1d(12)),
    "cumulative norm": ("masker.tcn.blocks.1.depthwise_norm", lambda old: CumulativeLayerNorm(12)),
    "depthwise": ("masker.tcn.blocks.1.depthwise", lambda old: nn.Conv1d(12, 12, 5, padding=2, groups=12)),
    "parametrized": ("masker.tcn.blocks.1.skip", weight_norm),
    "block": ("masker.tcn.blocks.1", DoubledBlock),
    "precision": ("masker.tcn", lambda old: old.double()),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_part_that_was_replaced_is_honoured(name: str) -> None:
    """There is no copy: the model itself is what runs."""
    model = build(skip_channels=6)
    place, replace = REPLACED[name]
    model.set_submodule(place, replace(model.get_submodule(place)).eval())
    assert fuse(model, CPU, torch.float32) is model


@pytest.mark.parametrize("name", ["masker", "masker.masker.tcn.blocks.1"])
def test_a_part_of_an_stft_tcn_that_was_replaced_is_honoured(name: str) -> None:
    model = build_model("stft_tcn", {"window_length": 64, "hop_length": 32}).eval()
    assert fuse(model, CPU, torch.float32) is not model
    model.set_submodule(name, nn.Sequential(model.get_submodule(name)))
    assert fuse(model, CPU, torch.float32) is model


def test_a_hook_on_the_copy_is_called_at_every_block() -> None:
    """`separator separate --jobs 2` watches for Ctrl-C so."""
    fused, calls = fuse(build(num_blocks=2, num_repeats=2), CPU, torch.float32), []

    def stop(module: nn.Module, inputs: object) -> None:
        calls.append(type(module).__name__)
        if calls.count("_FusedBlock") == 3:
            raise KeyboardInterrupt

    for module in fused.modules():
        module.register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt), torch.inference_mode():
        fused(torch.randn(1, 1, 300))
    assert {"_FusedTasNet", "_FusedEncoder", "_FusedNetwork"} < set(calls)

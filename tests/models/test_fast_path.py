"""Every separator without gradients, where fast paths are taken, against itself with gradients, where none is."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils.parametrizations import weight_norm

from separator.bricks import conv1d, rows, separable_tcn
from separator.bricks.norm import CumulativeLayerNorm
from separator.models import build_model, tcn_masker

SMALL = {"num_filters": 16, "kernel_size": 8, "bottleneck_channels": 6, "hidden_channels": 12, "skip_channels": 5}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("conv_tasnet", SMALL),
    ("conv_tasnet", {**SMALL, "kernel_size": 9, "encoder_activation": "relu", "mask": "relu", "num_sources": 3}),
    ("conv_tasnet", {**SMALL, "channels": 2, "mask": "softmax", "edge_padding": "asteroid"}),
    ("conv_tasnet", {**SMALL, "norm": "cLN", "causal": True}),
    ("tcn_tasnet", {"num_filters": 16, "kernel_size": 8}),
    ("convnext_tasnet", {"num_filters": 16, "kernel_size": 8}),
    ("stft_tcn", {"window_length": 64, "hop_length": 32, "bottleneck_channels": 6, "hidden_channels": 12}),
]


@pytest.mark.parametrize("samples", [1, 35, 1003])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("architecture", "config"), CASES)
def test_agrees_with_the_modules(architecture: str, config: dict[str, Any], batch: int, samples: int) -> None:
    torch.manual_seed(0)
    model = build_model(architecture, config).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    mixture = torch.randn(batch, model.channels, samples)
    expected = copy.deepcopy(model)(mixture).detach()
    with torch.inference_mode():
        found = model(mixture)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max())))


def test_every_part_has_its_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above compares the modules with themselves."""
    taken = []

    def spy(module: torch.nn.Module, frames: torch.Tensor) -> bool:
        taken.append((type(module).__name__, rows.fast_path(module, frames)))
        return taken[-1][1]

    for place in (conv1d, separable_tcn, tcn_masker):
        monkeypatch.setattr(place, "fast_path", spy)
    model, mixture = build_model("conv_tasnet", SMALL).eval(), torch.randn(1, 1, 100)
    parts = ["Conv1dEncoder", "TCNMasker", "SeparableTCN", "Conv1dDecoder"]
    with torch.no_grad():
        model(mixture)
    assert taken == [(name, True) for name in parts]
    taken.clear()
    model(mixture)
    assert taken == [(name, False) for name in parts]


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
    "residual": ("masker.tcn.blocks.1.residual", doubled_forward),
    "activation": ("masker.tcn.blocks.1.expansion_prelu", lambda old: nn.GELU()),
    "slopes": ("masker.tcn.blocks.1.depthwise_prelu", lambda old: nn.PReLU(12, init=0.5)),
    "norm": ("masker.tcn.blocks.1.expansion_norm", lambda old: nn.BatchNorm1d(12)),
    "cumulative norm": ("masker.tcn.blocks.1.depthwise_norm", lambda old: CumulativeLayerNorm(12)),
    "depthwise": ("masker.tcn.blocks.1.depthwise", lambda old: nn.Conv1d(12, 12, 5, padding=2, groups=12)),
    "parametrized": ("masker.tcn.blocks.1.skip", lambda old: weight_norm(doubled_forward(old))),
    "block": ("masker.tcn.blocks.1", DoubledBlock),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_part_that_was_replaced_is_heard(name: str) -> None:
    torch.manual_seed(0)
    model = build_model("conv_tasnet", {**SMALL, "skip_channels": 6}).eval()
    mixture = torch.randn(2, 1, 203)
    before = model(mixture).detach()
    place, replace = REPLACED[name]
    parent, _, attribute = place.rpartition(".")
    setattr(model.get_submodule(parent), attribute, replace(model.get_submodule(place)).eval())
    expected = model(mixture).detach()
    assert not torch.allclose(expected, before, atol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(model(mixture), expected, rtol=0, atol=1e-5)


def test_hooks_on_every_module_are_called() -> None:
    model, seen = build_model("conv_tasnet", SMALL).eval(), set()
    handle = register_module_forward_hook(lambda module, inputs, output: seen.add(module))
    try:
        with torch.no_grad():
            model(torch.randn(1, 1, 100))
    finally:
        handle.remove()
    assert {each for each in model.modules() if not isinstance(each, nn.ModuleList)} == seen


def test_derivatives_and_batching_without_gradients() -> None:
    """Forward-mode derivatives and vmap work under no_grad too."""
    torch.manual_seed(0)
    model = build_model("conv_tasnet", SMALL).eval()
    mixtures = torch.randn(3, 1, 1, 100)
    mixture, direction = mixtures[0], mixtures[1]
    step = 1e-4 * direction.double()
    double = copy.deepcopy(model).double()
    slope = (double(mixture.double() + step) - double(mixture.double() - step)).detach() / 2e-4
    with torch.no_grad():
        _, tangent = torch.func.jvp(model, (mixture,), (direction,))
        torch.testing.assert_close(tangent.double(), slope, rtol=0, atol=1e-3)
        with forward_ad.dual_level():
            output = forward_ad.unpack_dual(model(forward_ad.make_dual(mixture, direction)))
            torch.testing.assert_close(output.tangent, tangent)
        separated = torch.func.vmap(model)(mixtures)
        torch.testing.assert_close(separated, torch.stack([model(each) for each in mixtures]), rtol=0, atol=1e-5)


def test_an_empty_batch() -> None:
    with torch.no_grad():
        assert build_model("conv_tasnet", SMALL).eval()(torch.zeros(0, 1, 100)).shape == (0, 2, 1, 100)

"""Every separator without gradients, where fast paths are taken, against itself with gradients, where none is."""

import copy
from typing import Any

import pytest
import torch

from separator.bricks import conv1d, rows, separable_tcn
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

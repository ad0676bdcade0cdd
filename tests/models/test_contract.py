"""What every model promises, held for every entry of `ARCHITECTURES`: a new architecture adds a row to `SMALL`."""

from typing import Any

import pytest
import torch

from separator.models import ARCHITECTURES, build_model, config_to_dict
from separator.models.pipeline import MaskingSeparator
from tests.receptive_field import measured_receptive_field, without_statistics

_STACK = {
    "bottleneck_channels": 6,
    "hidden_channels": 8,
    "skip_channels": 5,
    "num_blocks": 3,
    "num_repeats": 2,
}
SMALL: dict[str, dict[str, Any]] = {
    "conv_tasnet": _STACK | {"num_filters": 10, "kernel_size": 16},
    "stft_tcn": _STACK | {"window_length": 32, "hop_length": 16},
}
"""A config of each architecture that a test can run in milliseconds."""

CAUSAL: dict[str, dict[str, Any]] = {name: {"causal": True, "norm": "cLN"} for name in SMALL}
"""What makes that config causal."""

every_architecture = pytest.mark.parametrize("architecture", SMALL)


def _build(architecture: str, **changes: Any) -> MaskingSeparator:
    torch.manual_seed(0)
    return build_model(architecture, SMALL[architecture] | changes).eval()


def test_every_architecture_has_a_small_config() -> None:
    assert set(SMALL) == set(ARCHITECTURES)


@torch.no_grad()
@every_architecture
@pytest.mark.parametrize("num_sources", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 2])
def test_output_is_exactly_as_long_as_any_input(architecture: str, num_sources: int, channels: int) -> None:
    model = _build(architecture, num_sources=num_sources, channels=channels)
    assert (model.num_sources, model.channels) == (num_sources, channels)
    for length in (1, 2, 15, 16, 17, 31, 32, 33, 1000):
        estimates = model(torch.randn(2, channels, length))
        assert estimates.shape == (2, num_sources, channels, length)
        assert estimates.isfinite().all()


@torch.no_grad()
@every_architecture
@pytest.mark.parametrize("causal", [False, True])
def test_batch_of_one_equals_its_row_of_a_batch(architecture: str, causal: bool) -> None:
    model = _build(architecture, **(CAUSAL[architecture] if causal else {}))
    batch = torch.randn(3, 1, 500)
    for row, estimates in zip(batch, model(batch), strict=True):
        torch.testing.assert_close(model(row.unsqueeze(0))[0], estimates, rtol=0, atol=1e-5)


@torch.no_grad()
@every_architecture
@pytest.mark.parametrize("now", [0, 200, 207, 208, 398])
def test_a_causal_model_looks_ahead_by_its_latency_only(architecture: str, now: int) -> None:
    model = _build(architecture, **CAUSAL[architecture])
    assert model.causal
    mixture = torch.randn(1, 1, 400)
    changed = mixture.clone()
    changed[:, :, now + model.latency_samples + 1 :] = (
        10 * torch.randn(1, 1, 400)[:, :, now + model.latency_samples + 1 :]
    )
    torch.testing.assert_close(model(changed)[..., : now + 1], model(mixture)[..., : now + 1], rtol=0, atol=1e-5)


@every_architecture
@pytest.mark.parametrize("causal", [False, True])
def test_receptive_field_measured_by_gradients_is_the_stated_one(architecture: str, causal: bool) -> None:
    model = _build(architecture, mask="relu", **(CAUSAL[architecture] if causal else {}))
    hop = SMALL[architecture].get("hop_length", SMALL[architecture].get("kernel_size", 0) // 2)
    mixture = torch.rand(1, 1, 3 * model.receptive_field_samples, dtype=torch.float64)
    middle = mixture.shape[2] // 2
    measured = measured_receptive_field(without_statistics(model), mixture, range(middle, middle + hop))
    assert measured == model.receptive_field_samples


@every_architecture
@pytest.mark.parametrize("level", [0.0, 1e-5, 1.0])
def test_gradients_are_finite_also_for_silence(architecture: str, level: float) -> None:
    model = _build(architecture).train()
    model(level * torch.randn(2, 1, 300)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@every_architecture
@pytest.mark.parametrize("causal", [False, True])
def test_bfloat16_autocast_gives_finite_float32_near_the_reference(architecture: str, causal: bool) -> None:
    model = _build(architecture, **(CAUSAL[architecture] if causal else {}))
    mixture = torch.randn(2, 1, 2000)
    expected = model(mixture)
    with torch.autocast("cpu", torch.bfloat16):
        estimates = model(mixture)
    assert estimates.dtype == torch.float32
    assert estimates.isfinite().all()
    assert (estimates - expected).square().mean() < 1e-3 * expected.square().mean()  # 30 dB below


@torch.no_grad()
@every_architecture
def test_rebuilt_from_its_config_and_weights_it_is_the_same_model(architecture: str) -> None:
    model = _build(architecture)
    torch.manual_seed(1)
    rebuilt = build_model(architecture, config_to_dict(model.config)).eval()
    rebuilt.load_state_dict(model.state_dict(), strict=True)
    mixture = torch.randn(1, 1, 300)
    torch.testing.assert_close(rebuilt(mixture), model(mixture), rtol=0, atol=0)


@torch.no_grad()
@every_architecture
def test_exported_program_gives_the_same_output(architecture: str) -> None:
    model, mixture = _build(architecture), torch.randn(1, 1, 500)
    program = torch.export.export(model, (mixture,))
    torch.testing.assert_close(program.module()(mixture), model(mixture), rtol=0, atol=1e-5)


@every_architecture
@pytest.mark.parametrize("shape", [(1, 100), (1, 2, 100), (1, 1, 0)])
def test_mixture_of_another_shape_is_refused(architecture: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mixture.*\(batch, 1, samples.*found"):
        _build(architecture)(torch.zeros(shape))

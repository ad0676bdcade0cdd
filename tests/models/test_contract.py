"""What every model promises, held for every architecture and every 2-D block: a new one adds a row to `SMALL`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from separator.bricks.stepping import map_tensors
from separator.checkpoint import ModelDescription, load_model, save_model
from separator.errors import InputError
from separator.models import ARCHITECTURES, build_model, config_to_dict
from separator.models.band_network import BAND_BLOCKS
from separator.models.pipeline import MaskingSeparator
from separator.models.spectrogram import BLOCKS
from tests.bricks.stepping import in_pieces, random_sizes
from tests.receptive_field import measured_receptive_field, without_statistics

_STACK = {
    "bottleneck_channels": 6,
    "hidden_channels": 8,
    "skip_channels": 5,
    "num_blocks": 3,
    "num_repeats": 2,
}
_BASIS = {"num_filters": 10, "kernel_size": 16}
_FOURIER = {"window_length": 32, "hop_length": 16}
_LEVELS = _FOURIER | {"level_channels": [4, 8], "num_blocks": 2, "num_repeats": 1}
_BANDS = _FOURIER | {"bands": [[2, 4], [4, 2]], "band_channels": 5, "num_blocks": 2, "num_repeats": 1}
_CAUSAL = {"causal": True, "norm": "cLN"}


@dataclass(frozen=True)
class Small:
    """A config that a test can run in milliseconds, and what makes it causal."""

    architecture: str
    config: dict[str, Any]
    causal: dict[str, Any] = field(default_factory=lambda: _CAUSAL)

    def build(self, causal: bool = False, **changes: Any) -> MaskingSeparator:
        torch.manual_seed(0)
        return build_model(self.architecture, self.config | (self.causal if causal else {}) | changes).eval()


SMALL = {
    "conv_tasnet": Small("conv_tasnet", _STACK | _BASIS),
    "tcn_tasnet": Small("tcn_tasnet", _BASIS | {"hidden_channels": 6, "num_blocks": 3, "num_repeats": 2}, causal={}),
    "convnext_tasnet": Small(
        "convnext_tasnet",
        _BASIS | {"bottleneck_channels": 6, "num_blocks": 2, "num_repeats": 2, "layer_scale": 0.5},
    ),
    "stft_tcn": Small("stft_tcn", _STACK | _FOURIER),
    "spectrogram conv": Small("spectrogram", _LEVELS | {"block": "conv", "features": "complex"}),
    "spectrogram depthwise": Small("spectrogram", _LEVELS | {"block": "depthwise", "kernels_per_layer": 2}),
    "spectrogram resnet": Small("spectrogram", _LEVELS | {"block": "resnet", "mask": "softmax", "hop_length": 8}),
    "spectrogram denoised": Small(
        "spectrogram",
        _LEVELS
        | {"block": "resnet", "mask": "softmax", "features": "magnitude+phase"}
        | {"denoiser": {"level_channels": [3, 4], "num_blocks": 2}},
    ),
    "spectrogram bottleneck": Small("spectrogram", _LEVELS | {"block": "bottleneck", "expansion": 2, "groups": 2}),
    "spectrogram convnext": Small(
        "spectrogram",
        _LEVELS
        | {"block": "convnext", "block_kernel_size": 7, "layer_scale": 0.5}
        | {"features": "complex", "mask": "complex", "level_channels": [3, 5, 6]},
    ),
    "band network": Small("band_network", _BANDS | {"block": "resnet", "full_band_channels": 3, "num_repeats": 2}),
    "band network axial": Small("band_network", _BANDS | {"block": "axial", "mask": "softmax"}),
    "band network convnext": Small("band_network", _BANDS | {"block": "convnext", "full_band_channels": None}),
    "band network recurrent": Small(
        "band_network",
        _BANDS | {"block": "resnet", "features": "magnitude+phase", "dilated": False, "recurrent_channels": 5},
    ),
}
"""Every architecture, and every block of the spectrogram separators."""

every_model = pytest.mark.parametrize("small", SMALL.values(), ids=SMALL)


def test_every_architecture_and_block_has_a_small_config() -> None:
    assert {small.architecture for small in SMALL.values()} == set(ARCHITECTURES)
    for architecture, blocks in (("spectrogram", BLOCKS), ("band_network", BAND_BLOCKS)):
        assert {small.config["block"] for small in SMALL.values() if small.architecture == architecture} == set(blocks)


@torch.no_grad()
@every_model
@pytest.mark.parametrize("num_sources", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 2])
def test_output_is_exactly_as_long_as_any_input(small: Small, num_sources: int, channels: int) -> None:
    model = small.build(num_sources=num_sources, channels=channels)
    assert (model.num_sources, model.channels) == (num_sources, channels)
    for length in (1, 2, 15, 16, 17, 31, 32, 33, 1000):
        estimates = model(torch.randn(2, channels, length))
        assert estimates.shape == (2, num_sources, channels, length)
        assert estimates.isfinite().all()


@torch.no_grad()
@every_model
@pytest.mark.parametrize("causal", [False, True])
def test_batch_of_one_equals_its_row_of_a_batch(small: Small, causal: bool) -> None:
    model = small.build(causal)
    batch = torch.randn(3, 1, 500)
    for row, estimates in zip(batch, model(batch), strict=True):
        torch.testing.assert_close(model(row.unsqueeze(0))[0], estimates, rtol=0, atol=1e-5)


@torch.no_grad()
@every_model
@pytest.mark.parametrize("now", [0, 200, 207, 208, 398])
def test_a_causal_model_looks_ahead_by_its_latency_only(small: Small, now: int) -> None:
    model = small.build(causal=True)
    assert model.causal
    mixture = torch.randn(1, 1, 400)
    changed = mixture.clone()
    changed[:, :, now + model.latency_samples + 1 :] = (
        10 * torch.randn(1, 1, 400)[:, :, now + model.latency_samples + 1 :]
    )
    torch.testing.assert_close(model(changed)[..., : now + 1], model(mixture)[..., : now + 1], rtol=0, atol=1e-5)


@torch.no_grad()
@every_model
def test_a_causal_model_looks_ahead_by_all_of_its_latency(small: Small) -> None:
    """Somewhere in a hop there is a sample that depends on the one `latency_samples` after it."""
    model = small.build(causal=True)
    mixture = torch.randn(1, 1, 400)
    before = model(mixture)
    furthest = []
    for now in range(200, 216):
        changed = mixture.clone()
        changed[:, :, now + model.latency_samples] += 10
        furthest.append((model(changed) - before)[0, :, 0, now].abs().max())
    assert max(furthest) > 1e-6


@torch.no_grad()
@every_model
@pytest.mark.parametrize("length", [1, 15, 16, 17, 33, 997])
@pytest.mark.parametrize("seed", range(3))
def test_pieces_are_the_whole(small: Small, length: int, seed: int) -> None:
    model, mixture = small.build(causal=True, num_sources=3, channels=2), torch.randn(2, 2, length)
    sizes = [[length], [0, length], []][seed] or random_sizes(length, length)
    whole = model(mixture)
    torch.testing.assert_close(in_pieces(model, mixture, sizes), whole, rtol=0, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        error = in_pieces(model, mixture, sizes) - model(mixture)
    assert error.square().sum() < 1e-4 * whole.square().sum()


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 7, 8, 15, 16, 17, 24, 333])
@pytest.mark.parametrize(
    "changes",
    [
        {"edge_padding": "asteroid"},
        {"edge_padding": "naplab", "mask": "tanh"},
        {"edge_padding": "asteroid", "hop_samples": 4, "encoder_activation": "relu"},
        {"block_padding": "speechbrain", "norm": "frameLN", "mask": "softmax_over_features"},
        {"skip_channels": None, "bias": False, "output_prelu": False, "mask": "linear"},
    ],
    ids=str,
)
def test_pieces_are_the_whole_with_choices_of_other_software(changes: dict[str, Any], length: int) -> None:
    model, mixture = SMALL["conv_tasnet"].build(True, **changes), torch.randn(2, 1, length)
    for sizes in ([length], random_sizes(length, 0)):
        torch.testing.assert_close(in_pieces(model, mixture, sizes), model(mixture), rtol=0, atol=1e-5)


@torch.no_grad()
@every_model
def test_sources_come_out_as_late_as_the_latency_says(small: Small) -> None:
    model = small.build(causal=True)
    state, behind = model.initial_state(1), []
    for _ in range(200):
        _, state = model.step(torch.randn(1, 1, 1), state)
        behind.append(int(state.waiting[0]))
    assert max(behind) == model.latency_samples


@torch.no_grad()
@every_model
def test_two_sessions_step_as_a_batch(small: Small) -> None:
    model, mixture = small.build(causal=True), torch.randn(2, 1, 300)
    states = [model.step(each[..., :101], model.initial_state(1))[1] for each in mixture.split(1)]
    both, _ = model.step(mixture[..., 101:], map_tensors(lambda *each: torch.cat(each), *states))
    for row, (each, state) in enumerate(zip(mixture.split(1), states, strict=True)):
        torch.testing.assert_close(both[row : row + 1], model.step(each[..., 101:], state)[0], rtol=0, atol=1e-5)


@every_model
def test_a_model_that_looks_ahead_has_no_state(small: Small) -> None:
    if small.architecture == "tcn_tasnet":
        pytest.skip("always causal")
    with pytest.raises(InputError, match=r"^\w+ cannot run on a live signal: it is not causal[^\n]*$"):
        small.build().initial_state(1)


@every_model
@pytest.mark.parametrize("causal", [False, True])
def test_receptive_field_measured_by_gradients_is_the_stated_one(small: Small, causal: bool) -> None:
    unbounded = "complex" if small.architecture == "band_network" or small.config.get("mask") == "complex" else "relu"
    model = small.build(causal, mask=unbounded)
    hop = small.config.get("hop_length", small.config.get("kernel_size", 0) // 2)
    mixture = torch.rand(1, 1, 3 * model.receptive_field_samples, dtype=torch.float64)
    middle = mixture.shape[2] // 2
    measured = measured_receptive_field(without_statistics(model), mixture, range(middle, middle + hop))
    assert measured == model.receptive_field_samples


@every_model
@pytest.mark.parametrize("level", [0.0, 1e-5, 1.0])
def test_gradients_are_finite_also_for_silence(small: Small, level: float) -> None:
    model = small.build().train()
    model(level * torch.randn(2, 1, 300)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@every_model
@pytest.mark.parametrize("causal", [False, True])
def test_bfloat16_autocast_gives_finite_float32_near_the_reference(small: Small, causal: bool) -> None:
    model = small.build(causal)
    mixture = torch.randn(2, 1, 2000)
    expected = model(mixture)
    with torch.autocast("cpu", torch.bfloat16):
        estimates = model(mixture)
    assert estimates.dtype == torch.float32
    assert estimates.isfinite().all()
    assert (estimates - expected).square().mean() < 1e-3 * expected.square().mean()  # 30 dB below


@torch.no_grad()
@every_model
def test_a_model_sums_to_the_mixture_if_it_says_so(small: Small) -> None:
    model, mixture = small.build(num_sources=3), torch.randn(2, 1, 700)
    error = float((model(mixture).sum(dim=1) - mixture).abs().max())
    assert (error < 1e-5) == model.sums_to_mixture


@torch.no_grad()
@every_model
def test_rebuilt_from_its_config_and_weights_it_is_the_same_model(small: Small) -> None:
    model = small.build()
    torch.manual_seed(1)
    rebuilt = build_model(small.architecture, config_to_dict(model.config)).eval()
    rebuilt.load_state_dict(model.state_dict(), strict=True)
    mixture = torch.randn(1, 1, 300)
    torch.testing.assert_close(rebuilt(mixture), model(mixture), rtol=0, atol=0)


@torch.no_grad()
@every_model
def test_a_saved_model_loads_bit_for_bit(small: Small, tmp_path: Path) -> None:
    model = small.build()
    model.train()(torch.randn(2, 1, 600))  # batch norm learns its statistics: they are part of a model
    sources = tuple(f"speaker{number}" for number in range(1, model.num_sources + 1))
    description = ModelDescription(small.architecture, config_to_dict(model.config), 16000, sources, {}, {})
    save_model(tmp_path / "model", model, description)
    loaded, _ = load_model(tmp_path / "model")
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    mixture = torch.randn(1, 1, 300)
    torch.testing.assert_close(loaded(mixture), model.eval()(mixture), rtol=0, atol=0)


@torch.no_grad()
@every_model
def test_exported_program_gives_the_same_output(small: Small) -> None:
    model, mixture = small.build(), torch.randn(1, 1, 500)
    program = torch.export.export(model, (mixture,))
    torch.testing.assert_close(program.module()(mixture), model(mixture), rtol=0, atol=1e-5)


@every_model
@pytest.mark.parametrize("shape", [(1, 100), (1, 2, 100), (1, 1, 0)])
def test_mixture_of_another_shape_is_refused(small: Small, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mixture.*\(batch, 1, samples.*found"):
        small.build()(torch.zeros(shape))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_model
def test_on_a_gpu_it_is_the_same_model(small: Small) -> None:
    model = small.build()
    mixture = torch.randn(2, 1, 2000)
    with torch.no_grad():
        expected = model(mixture)
        torch.testing.assert_close(model.cuda()(mixture.cuda()).cpu(), expected, rtol=1e-3, atol=1e-3)
    with torch.autocast("cuda", torch.bfloat16):
        model.train()(mixture.cuda()).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name

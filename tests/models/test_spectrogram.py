"""Spectrogram separators: phase, window and scaling are right, and the options do what they say."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from separator.bricks.resnet import AxialBlock
from separator.errors import InputError
from separator.models import build_model
from separator.models.fourier import compressed_parts, log_magnitude
from separator.models.pipeline import MaskingSeparator
from separator.models.spectrogram import BLOCKS, SpectrogramConfig

SMALL: dict[str, Any] = {"level_channels": [4, 8], "num_blocks": 2, "num_repeats": 1}


def _build(**changes: Any) -> MaskingSeparator:
    torch.manual_seed(0)
    return build_model("spectrogram", SMALL | changes).eval()


def _with_constant_masks(model: MaskingSeparator, bias: list[float]) -> MaskingSeparator:
    """The model with an output layer that gives the same maps whatever it sees."""
    output: Any = model.masker.output
    with torch.no_grad():
        output.weight.zero_()
        output.bias.copy_(torch.tensor(bias))
    return model


@torch.no_grad()
@pytest.mark.parametrize(("window_length", "hop_length"), [(512, 256), (512, 128), (400, 100), (64, 32)])
@pytest.mark.parametrize("length", [1, 2, 255, 256, 257, 5000])
@pytest.mark.parametrize("channels", [1, 2])
def test_all_ones_masks_give_the_input_back(window_length: int, hop_length: int, length: int, channels: int) -> None:
    mixture = torch.randn(2, channels, length)
    shape = {"window_length": window_length, "hop_length": hop_length, "channels": channels}
    real = _with_constant_masks(_build(mask="relu", **shape), [1.0] * (2 * channels))
    unit = ([1.0] * channels + [0.0] * channels) * 2  # real part one, imaginary part none
    both = _with_constant_masks(_build(mask="complex", features="complex", **shape), unit)
    for model in (real, both):
        for estimate in model(mixture).unbind(dim=1):
            torch.testing.assert_close(estimate, mixture, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_complex_mask_turns_the_phase() -> None:
    """i times a spectrum is the Hilbert transform with its sign changed: a cosine becomes minus a sine."""
    model = _with_constant_masks(_build(mask="complex"), [0.0, 1.0, 1.0, 0.0])
    time = torch.arange(8000) / 16000
    mixture = torch.cos(2 * torch.pi * 1000 * time).reshape(1, 1, -1)
    turned, same = model(mixture)[0, :, 0]
    torch.testing.assert_close(same, mixture[0, 0], rtol=0, atol=1e-4)
    inside = slice(512, -512)
    torch.testing.assert_close(turned[inside], -torch.sin(2 * torch.pi * 1000 * time)[inside], rtol=0, atol=1e-2)


@torch.no_grad()
def test_softmax_masks_make_the_sources_sum_to_the_mixture() -> None:
    mixture = torch.randn(2, 1, 3000)
    estimate = _build(mask="softmax", num_sources=3)(mixture)
    torch.testing.assert_close(estimate.sum(dim=1), mixture, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("features", "phase_matters"), [("magnitude", False), ("complex", True)], ids=["magnitude", "complex"]
)
def test_only_complex_features_show_the_phase(features: str, phase_matters: bool) -> None:
    masker = _build(features=features).masker
    frames = torch.randn(1, 257, 9, dtype=torch.complex64)
    turned = frames * torch.exp(1j * torch.rand(257, 9))
    same = torch.allclose(masker(frames), masker(turned), atol=1e-5)
    assert same is not phase_matters


@pytest.mark.parametrize("function", [log_magnitude, compressed_parts])
def test_features_and_their_gradients_are_finite_in_silence(function: Callable[[Tensor], Tensor]) -> None:
    frames = torch.zeros(1, 5, 3, dtype=torch.complex64, requires_grad=True)
    features = function(frames)
    features.sum().backward()
    assert features.isfinite().all() and frames.grad is not None and frames.grad.isfinite().all()


def test_features_are_what_they_are_called() -> None:
    frames = torch.tensor([[[3 + 4j]]])
    torch.testing.assert_close(log_magnitude(frames), torch.tensor([[[5.0]]]).log())
    parts = compressed_parts(frames)
    torch.testing.assert_close(parts, torch.tensor([[[[3.0]], [[4.0]]]]) / 5**0.5)


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_are_those_asked_for(block: str) -> None:
    masker: Any = _build(
        block=block, level_channels=[8, 16, 32], num_blocks=3, num_repeats=2, blocks_per_level=2
    ).masker
    kind = type(BLOCKS[block](_build(block=block).config, 8, 1))  # type: ignore[arg-type]
    assert sum(isinstance(module, kind) for module in (*masker.bottom, *(b for c in masker.down for b in c))) == 6 + 4
    spread = [
        max(module.dilation[1] for module in brick.modules() if isinstance(module, nn.Conv2d))
        for brick in masker.bottom
    ]
    assert spread == [1, 2, 4, 1, 2, 4]


@torch.no_grad()
def test_levels_halve_the_bins_and_come_back() -> None:
    masker: Any = _build(level_channels=[4, 8, 8, 8]).masker
    seen: list[int] = []
    masker.bottom[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[2]))
    assert masker(torch.randn(1, 257, 5, dtype=torch.complex64)).shape == (1, 2, 257, 5)
    assert seen == [33]  # 257, 129, 65, 33


@torch.no_grad()
@pytest.mark.parametrize("features", ["magnitude", "complex"])
@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_work_on_channels_last(block: str, features: str) -> None:
    masker: Any = _build(block=block, features=features, level_channels=[8, 16]).masker
    formats: list[bool] = []
    for brick in (*masker.down[0], *masker.bottom, *masker.up[0]):
        brick.register_forward_hook(
            lambda module, inputs, output: formats.append(output.is_contiguous(memory_format=torch.channels_last))
        )
    masker(torch.randn(2, 257, 9, dtype=torch.complex64))
    assert formats == [True] * 4


def test_a_brick_becomes_a_separator_by_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the README says: the line in `BLOCKS` is all that a recipe's `model.config.block` needs."""

    def mine(config: SpectrogramConfig, channels: int, dilation: int) -> nn.Module:
        return AxialBlock(channels, config.block_kernel_size, dilation, config.causal)

    with pytest.raises(InputError, match=r"block: expected one of .*convnext, found 'mine'"):
        build_model("spectrogram", {"block": "mine"})
    monkeypatch.setitem(BLOCKS, "mine", mine)
    model = build_model("spectrogram", {"block": "mine", "level_channels": [4, 8], "num_blocks": 2})
    estimates = model(torch.randn(1, 1, 1000))
    assert estimates.shape == (1, 2, 1, 1000)
    estimates.square().sum().backward()

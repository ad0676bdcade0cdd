"""Spectrogram models in 8 bits beside themselves in float32."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.reading import read_audio
from separator.bricks.conv2d import Conv2d
from separator.checkpoint import BUNDLED, load_model
from separator.errors import InputError
from separator.inference.fused import fuse
from separator.inference.fused.int8 import BLOCKS, Int8Convolution, _weight_steps, quantise
from separator.inference.fused.packed import can_be_packed
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig
from separator.models.spectrogram import DenoiserConfig, Spectrogram, SpectrogramConfig
from tests.inference.fused.grown import grow

CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(not can_be_packed(CPU, torch.float32), reason="needs oneDNN and AVX2")


def agreement_db(found: Tensor, expected: Tensor) -> float:
    return float(10 * torch.log10(expected.square().sum() / (found - expected).square().sum()))


@torch.inference_mode()
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    "sizes",
    [{"kernel_size": 1}, {"kernel_size": 3, "dilation": (1, 4)}, {"kernel_size": (5, 3), "stride": (2, 1)}],
)
def test_a_convolution_is_that_of_the_rounded_values(sizes: dict[str, object], causal: bool) -> None:
    convolution = Conv2d(8, 6, causal=causal, **sizes)  # type: ignore[arg-type]
    whole = torch.randint(0, 256, (2, 8, 9, 20), dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    step_in, step_out = 0.02, 0.015
    steps = _weight_steps(convolution.weight)[:, None, None, None]
    reach = convolution.receptive_field[1] - 1 if causal else 0
    expected = functional.conv2d(
        functional.pad(whole * step_in, (reach, 0)),
        torch.round(convolution.weight / steps) * steps,
        convolution.bias,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
    )
    quantised = Int8Convolution(convolution, step_in, step_out)
    in_steps = (expected.relu() / step_out).clamp(max=255)
    assert quantised(whole).dtype == torch.uint8
    torch.testing.assert_close(quantised(whole).float(), in_steps, rtol=0, atol=0.51)
    shortcut = torch.randint(0, 256, tuple(expected.shape), dtype=torch.uint8)
    shortcut = shortcut.contiguous(memory_format=torch.channels_last)
    in_steps = ((expected + shortcut * 0.01).relu() / step_out).clamp(max=255)
    torch.testing.assert_close(quantised.add_to(shortcut.clone(), 0.01, whole).float(), in_steps, rtol=0, atol=0.51)


@torch.inference_mode()
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_copy_separates_as_its_model(block: str, causal: bool, channels: int) -> None:
    config = SpectrogramConfig(
        block=block,
        causal=causal,
        channels=channels,
        norm="cLN" if causal else "gLN",
        mask="softmax",
        level_channels=(8, 12, 16),
        blocks_per_level=2,
        num_blocks=2,
        time_gate=True,
    )
    model = grow(Spectrogram(config)).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    quantised = quantise(model)
    for batch, length in ((2, 8000), (1, 1)):
        mixture = torch.randn(batch, channels, length)
        found, expected = quantised(mixture), model(mixture)
        assert found.shape == expected.shape and agreement_db(found, expected) > 30
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@torch.inference_mode()
def test_a_copy_holds_the_denoiser_too() -> None:
    sizes = DenoiserConfig(level_channels=(4, 8), num_blocks=2)
    config = SpectrogramConfig(
        features="magnitude+phase", mask="softmax", level_channels=(8, 12), num_blocks=2, num_sources=3, denoiser=sizes
    )
    model = grow(Spectrogram(config)).eval()
    mixture = torch.randn(1, 1, 8000)
    quantised = quantise(model)
    assert any(isinstance(part, Int8Convolution) for part in quantised.masker.denoiser.modules())
    assert agreement_db(quantised(mixture), model(mixture)) > 25


def test_a_copy_of_many_levels_separates_speech_noise_and_silence_as_its_model() -> None:
    config = SpectrogramConfig(
        mask="softmax", level_channels=(16, 24, 32, 48, 64, 96), num_blocks=6, num_repeats=2, time_gate=True
    )
    torch.manual_seed(0)
    model = Spectrogram(config)
    example = read_audio(BUNDLED / "speech-2spk-16k" / "example.wav")[0][None, :1, :48000]
    speech = example / example.square().mean().sqrt()
    with torch.no_grad():
        for _ in range(20):  # statistics of its own activations, as training leaves them; its masks are not all 0 or 1
            model.train()(speech)
    model.eval()
    with torch.inference_mode():
        quantised = fuse(model, CPU, torch.int8)
        for mixture in (speech, torch.randn(1, 1, 16000)):
            found, expected = quantised(mixture), model(mixture)
            assert not torch.equal(found, expected) and agreement_db(found, expected) > 30
        silence = torch.zeros(1, 1, 8000)
        assert torch.equal(quantised(silence), model(silence))


def test_what_has_no_copy_is_refused() -> None:
    convnext = Spectrogram(SpectrogramConfig(block="convnext", level_channels=(4, 8), num_blocks=1))
    with pytest.raises(InputError, match="resnet, bottleneck blocks, found convnext"):
        quantise(convnext)
    with pytest.raises(InputError, match="found ConvTasNet"):
        quantise(ConvTasNet(ConvTasNetConfig(num_filters=8, hidden_channels=8, num_blocks=1)))
    with pytest.raises(InputError, match="found BandNetwork"):
        quantise(load_model("speech-2spk-16k")[0])
    hooked = Spectrogram(SpectrogramConfig(level_channels=(4, 8), num_blocks=1))
    hooked.masker.register_forward_hook(lambda module, inputs, output: output)
    with pytest.raises(InputError, match="found a hook"):
        fuse(hooked, CPU, torch.int8)

"""What every faster copy promises, held for every architecture, every 2-D block and every released model."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from separator.audio.reading import read_audio
from separator.checkpoint import load_model
from separator.inference.fused import fuse
from separator.models.pipeline import MaskingSeparator
from tests.inference.fused.grown import grow
from tests.models.test_contract import SMALL, Small, every_model

CPU = torch.device("cpu")
CHECKPOINTS = Path(__file__).parent.parent.parent.parent / "checkpoints"
RELEASED = sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json") if '"sources"' in path.read_text())


def assert_same(fused: MaskingSeparator, model: MaskingSeparator, mixture: Tensor) -> None:
    """Both separate alike, to 1e-5 of the largest sample."""
    with torch.inference_mode():
        found, expected = fused(mixture.clone()), model(mixture)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", SMALL)
def test_which_models_have_a_copy(name: str) -> None:
    small = SMALL[name]
    spectrogram = small.architecture in ("spectrogram", "band_network")
    for causal in (False, True):
        model = small.build(causal)
        assert fuse(model, CPU, torch.float32) is not model
        papers = name in ("conv_tasnet", "stft_tcn") and not causal
        assert (fuse(model, CPU, torch.bfloat16) is not model) == (spectrogram or papers)
        assert (fuse(model, torch.device("cuda"), torch.float32) is not model) == spectrogram


@every_model
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_copy_separates_as_its_model(small: Small, causal: bool, level: float, channels: int) -> None:
    model = grow(small.build(causal, channels=channels))
    fused = fuse(model, CPU, torch.float32)
    for batch in (1, 3):
        for length in (1, 16, 35, 1003):
            assert_same(fused, model, level * torch.randn(batch, channels, length))


@torch.inference_mode()
@pytest.mark.parametrize("name", ["conv_tasnet", "stft_tcn"])
@pytest.mark.parametrize("level", [0.0, 1e-3, 1.0])
def test_a_copy_in_bfloat16_separates_as_its_model_in_float32(name: str, level: float) -> None:
    model = grow(SMALL[name].build())
    mixture = level * torch.randn(2, 1, 1003)
    with torch.autocast("cpu", torch.bfloat16):
        found = fuse(model, CPU, torch.bfloat16)(mixture)
    expected = model(mixture)
    error = float((found.float() - expected).square().sum())
    assert found.dtype == torch.float32 and error <= 1e-4 * float(expected.square().sum())
    assert (error > 0) == (level > 0)


@pytest.mark.parametrize("name", RELEASED)
def test_a_copy_of_a_released_model_separates_as_it(name: str) -> None:
    model, description = load_model(CHECKPOINTS / name)
    fused = fuse(model.eval(), CPU, torch.float32)
    speech = read_audio(CHECKPOINTS / name / "example.wav")[0][:1, : 2 * description.sample_rate].unsqueeze(0)
    for mixture in (speech, torch.randn(3, 1, 4001), torch.randn(1, 1, 1), torch.zeros(1, 1, 8000)):
        assert_same(fused, model, mixture.expand(-1, model.channels, -1))


@every_model
def test_a_model_is_left_as_it_was(small: Small) -> None:
    model = grow(small.build()).train()
    before = {name: (tensor.clone(), tensor.data_ptr()) for name, tensor in model.state_dict().items()}
    text, needs_gradient = repr(model), [each.requires_grad for each in model.parameters()]
    fused = fuse(model, CPU, torch.float32)
    if fused is not model:
        assert not fused.training
        with torch.no_grad():
            for tensor in (*fused.parameters(), *fused.buffers()):
                tensor.zero_()
    assert model.training and repr(model) == text
    assert [each.requires_grad for each in model.parameters()] == needs_gradient
    for name, tensor in model.state_dict().items():
        assert tensor.data_ptr() == before[name][1] and torch.equal(tensor, before[name][0]), name


@every_model
def test_a_copy_of_a_copy_is_no_other(small: Small) -> None:
    model = grow(small.build())
    assert_same(fuse(fuse(model, CPU, torch.float32), CPU, torch.float32), model, torch.randn(1, 1, 500))


@every_model
def test_a_hook_is_honoured(small: Small) -> None:
    """A hooked model has no copy, wherever the hook is."""
    for index in range(len(list(small.build().modules()))):
        model = small.build()
        list(model.modules())[index].register_forward_hook(lambda module, inputs, output: output)
        assert fuse(model, CPU, torch.float32) is model


@every_model
def test_a_subclass_is_honoured(small: Small) -> None:
    model = small.build()
    model.__class__ = type("Changed", (type(model),), {})
    assert fuse(model, CPU, torch.float32) is model


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_model
def test_on_a_gpu(small: Small) -> None:
    model, cuda = grow(small.build()).cuda(), torch.device("cuda")
    mixture = torch.randn(2, 1, 2000, device=cuda)
    with torch.inference_mode():
        torch.testing.assert_close(fuse(model, cuda, torch.float32)(mixture), model(mixture), rtol=1e-3, atol=1e-3)

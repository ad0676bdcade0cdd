"""Golden test of the released voice model: how alike it finds two known voices, in halves, and in noise.

The voices are those of `test_released_models.py`; its example is `awb.flac`, then `slt.flac`.
"""

import pytest
import torch

from separator.audio.reading import read_audio
from separator.checkpoint import BUNDLED
from separator.inference.voices import VoiceModel
from tests.checkpoints.test_released_models import HERE

HALF = 2 * 16000


@pytest.fixture(scope="module")
def model() -> VoiceModel:
    return VoiceModel.from_pretrained("voice-16k", "cpu")


def halves(name: str) -> torch.Tensor:
    """The first and the second 2 s of a voice, `(2, T)`."""
    audio, sample_rate = read_audio(HERE / f"{name}.flac")
    assert sample_rate == 16000
    return torch.stack([audio[0, :HALF], audio[0, HALF : 2 * HALF]])


def test_it_is_small() -> None:
    assert (BUNDLED / "voice-16k" / "model.safetensors").stat().st_size < 4_000_000


def test_halves_of_one_voice_are_nearer_than_two_voices(model: VoiceModel) -> None:
    stretches = torch.cat([halves("awb"), halves("slt")])
    noise = 0.03 * stretches.square().mean().sqrt() * torch.randn(stretches.shape, generator=torch.manual_seed(0))
    for heard in (stretches, 0.01 * stretches, stretches + noise):
        cosines = model.embed(heard, 16000) @ model.embed(stretches, 16000).T
        assert float(min(cosines[0, 1], cosines[2, 3])) > float(cosines[:2, 2:].max()) + 0.2


def test_its_example_is_both_voices(model: VoiceModel) -> None:
    audio, sample_rate = read_audio(BUNDLED / "voice-16k" / "example.wav")
    assert sample_rate == 16000 and audio.shape[1] == 8 * 16000
    known = torch.cat([halves("awb"), halves("slt")])
    cosines = (model.embed(audio[0].unflatten(0, (4, HALF)), 16000) * model.embed(known, 16000)).sum(dim=1)
    assert float(cosines.min()) > 0.99


def test_it_tells_speech_from_noise(model: VoiceModel) -> None:
    speech = torch.cat([halves("awb"), halves("slt")])
    noise = 0.1 * torch.randn(speech.shape, generator=torch.manual_seed(1))
    heard = torch.cat([speech, speech + 0.03 * noise, noise, 0.01 * noise.cumsum(dim=1)])
    vectors, non_speech = model.hear(heard, 16000)
    assert torch.equal(vectors, model.embed(heard, 16000))
    assert float(non_speech[:8].max()) < 0.25 < 0.5 < float(non_speech[8:].min())

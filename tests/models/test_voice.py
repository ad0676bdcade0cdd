"""The voice network: unit vectors for any length, whatever the level and the microphone's filter."""

import pytest
import torch

from separator.errors import InputError
from separator.models import build_voice_network, config_to_dict
from separator.models.voice import VoiceConfig, VoiceNetwork
from tests.tiny_voice import TINY_VOICE


@pytest.fixture
def network() -> VoiceNetwork:
    torch.manual_seed(0)
    return build_voice_network(TINY_VOICE).eval()


@pytest.mark.parametrize("num_samples", [1, 100, 16000, 16001, 40000])
def test_vectors_have_length_one(network: VoiceNetwork, num_samples: int) -> None:
    vectors = network(torch.randn(3, num_samples))
    assert vectors.shape == (3, TINY_VOICE["embedding_size"])
    assert torch.allclose(vectors.square().sum(dim=1), torch.ones(3), atol=1e-5)


def test_silence_gives_finite_vectors(network: VoiceNetwork) -> None:
    assert torch.isfinite(network(torch.zeros(1, 16000))).all()


def test_the_level_does_not_matter(network: VoiceNetwork) -> None:
    waveform = torch.randn(2, 16000)
    assert torch.allclose(network(0.01 * waveform), network(waveform), atol=1e-4)


def test_an_offset_does_not_matter(network: VoiceNetwork) -> None:
    waveform = 0.1 * torch.randn(2, 16000)
    assert torch.allclose(network(waveform + 0.3), network(waveform), atol=1e-4)


def test_a_batch_gives_what_each_gives_alone(network: VoiceNetwork) -> None:
    waveform = torch.randn(3, 8000)
    assert torch.allclose(network(waveform), torch.cat([network(each[None]) for each in waveform]), atol=1e-5)


def test_a_window_that_is_all_of_a_waveform_gives_its_vector(network: VoiceNetwork) -> None:
    waveform = torch.randn(2, 16000)
    assert torch.allclose(network.windows(waveform, [0], 16000)[:, 0], network(waveform), atol=1e-5)


def test_windows_hear_what_lies_around_them_and_tell_where_they_are(network: VoiceNetwork) -> None:
    waveform = torch.randn(2, 48000)
    waveform[:, 24000:] = torch.sin(torch.arange(24000) * 0.2)
    vectors = network.windows(waveform, [0, 8000, 30000, 99999], 8000)
    assert vectors.shape == (2, 4, TINY_VOICE["embedding_size"])
    assert torch.allclose(vectors.square().sum(dim=2), torch.ones(2, 4), atol=1e-5)
    cosines = vectors @ vectors.transpose(1, 2)
    assert (cosines[:, 0, 1] > cosines[:, 0, 2] + 0.05).all() and (cosines[:, 2, 3] > cosines[:, 1, 3] + 0.05).all()
    assert not torch.allclose(vectors[:, 0], network(waveform[:, :8000]), atol=1e-3)


def test_its_spectrogram_is_the_logarithm_of_mel_power_less_its_mean(network: VoiceNetwork) -> None:
    transforms = pytest.importorskip("torchaudio").transforms
    waveform = torch.randn(1, 16128)  # a whole number of hops
    waveform -= waveform.mean()
    mel = transforms.MelSpectrogram(
        16000,
        512,
        512,
        256,
        40.0,
        7600.0,
        n_mels=32,
        pad_mode="constant",
        window_fn=lambda n: torch.hann_window(n).sqrt(),
    )
    power = mel(waveform / waveform.square().mean().sqrt()) / mel.mel_scale.fb.sum(dim=0)[:, None]
    level = torch.log(power / 256 + 1e-5)  # 256: the sum of the squared window
    assert torch.allclose(network.spectrogram(waveform), level - level.mean(dim=2, keepdim=True), atol=1e-3)


def test_the_default_is_small_and_cheap() -> None:
    network = VoiceNetwork(VoiceConfig())
    assert sum(each.numel() for each in network.parameters()) < 1_000_000


def test_a_config_comes_back_from_plain_values(network: VoiceNetwork) -> None:
    assert build_voice_network(config_to_dict(network.config)).config == network.config


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"embedding_size": 0}, ["embedding_size", "at least 1", "0"]),
        ({"level_channels": []}, ["level_channels"]),
        ({"level_channels": [8, 0]}, ["level_channels", "0"]),
        ({"halving_level": 9}, ["halving_level", "at most 4", "9"]),
        ({"colour": 1}, ["'colour'"]),
        ({"num_bands": "64"}, ["num_bands", "'64'"]),
        ({"num_bands": 300}, ["num_bands", "300"]),
    ],
)
def test_a_wrong_config_is_one_line(config: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        build_voice_network(config)
    assert "\n" not in str(raised.value) and all(word in str(raised.value) for word in words)


def test_a_wrong_shape_is_refused(network: VoiceNetwork) -> None:
    with pytest.raises(ValueError, match=r"\(batch, samples\)"):
        network(torch.zeros(1, 1, 100))

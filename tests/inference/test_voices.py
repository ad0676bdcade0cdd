"""A voice model on waveforms and files: the same vector however a voice comes in, and what cannot be used in a line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from separator.errors import InputError
from separator.inference.fused.batch_norm import fold_batch_norm
from separator.inference.voice_stretches import is_active
from separator.inference.voices import VoiceModel
from tests.speech import buzz
from tests.tiny_voice import build_tiny_voice, save_tiny_voice


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> VoiceModel:
    return VoiceModel.from_pretrained(save_tiny_voice(tmp_path_factory.mktemp("models") / "tiny"), "cpu")


def test_vectors_are_those_of_the_network(model: VoiceModel) -> None:
    waveform = 0.1 * torch.randn(70, 8000)  # more than one batch
    vectors = model.embed(waveform, 16000)
    with torch.no_grad():
        assert torch.allclose(vectors, build_tiny_voice()(waveform), atol=1e-4)
    assert vectors.dtype == torch.float32 and vectors.shape == (70, 16) == (70, model.embedding_size)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(70), atol=1e-5)


def test_one_stretch_is_a_batch_of_one(model: VoiceModel) -> None:
    waveform = torch.randn(16000)
    assert torch.equal(model.embed(waveform, 16000), model.embed(waveform[None], 16000))


def test_numpy_and_doubles_and_integers_are_taken(model: VoiceModel) -> None:
    waveform = torch.from_numpy(buzz(120, 900, 1.0))
    expected = model.embed(waveform, 16000)
    for each in (waveform.numpy(), waveform.double(), waveform.numpy()[::-1][::-1], (waveform * 32767).to(torch.int16)):
        assert torch.allclose(model.embed(each, 16000), expected, atol=1e-2)


def test_another_sample_rate_gives_nearly_the_same(model: VoiceModel) -> None:
    from separator.audio.resampling import resample

    waveform = torch.from_numpy(buzz(120, 900, 2.0))
    fast = resample(waveform[None], 16000, 48000)
    assert float(functional.cosine_similarity(model.embed(fast, 48000), model.embed(waveform, 16000))) > 0.99


def test_the_faster_copy_gives_what_the_network_gives() -> None:
    network, waveform = build_tiny_voice(), torch.randn(4, 12000)
    with torch.no_grad():
        assert torch.allclose(fold_batch_norm(network)(waveform), network(waveform), atol=1e-4)


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (torch.zeros(2, 2, 100), "shape"),
        (torch.zeros(0), "shape"),
        (torch.zeros(100, dtype=torch.complex64), "real"),
        (torch.tensor([0.0, float("nan")]), "finite"),
    ],
)
def test_what_is_no_waveform_is_refused(model: VoiceModel, waveform: torch.Tensor, words: str) -> None:
    with pytest.raises(InputError, match=words):
        model.embed(waveform, 16000)
    with pytest.raises(InputError, match=words):
        model.active_seconds(waveform, 16000)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
def test_activity_is_the_time_that_is_not_silent(model: VoiceModel, sample_rate: int) -> None:
    waveform = torch.zeros(2, 2 * sample_rate)
    waveform[0, : sample_rate // 2] = 0.1 * torch.randn(sample_rate // 2)
    assert model.active_seconds(waveform, sample_rate).tolist() == pytest.approx([0.5, 0.0], abs=0.021)


def test_what_is_far_below_the_loud_parts_is_not_active() -> None:
    levels = torch.tensor([-20.0] * 50 + [-50.0] * 50 + [-58.0] * 50 + [-80.0] * 50)
    assert is_active(levels).tolist() == [True] * 100 + [False] * 100


def test_a_file_is_the_mean_of_its_stretches_weighted_by_activity(model: VoiceModel, tmp_path: Path) -> None:
    audio = np.concatenate([buzz(120, 900, 2.0), buzz(200, 1500, 1.0), np.zeros(32000 + 8000, dtype=np.float32)])
    soundfile.write(tmp_path / "talk.wav", audio, 16000, subtype="FLOAT")
    first, second = (model.embed(audio[start : start + 32000], 16000)[0] for start in (0, 32000))
    voice = model.embed_file(tmp_path / "talk.wav")
    seconds = [float(model.active_seconds(audio[start : start + 32000], 16000)) for start in (0, 32000)]
    expected = functional.normalize(seconds[0] * first + seconds[1] * second, dim=0)
    assert torch.allclose(voice.vector, expected, atol=1e-3)
    assert voice.active_seconds == pytest.approx(sum(seconds), abs=0.05) and voice.seconds == pytest.approx(
        5.5, abs=0.01
    )


def test_channels_rates_and_long_files_are_taken_block_by_block(model: VoiceModel, tmp_path: Path) -> None:
    audio = np.tile(buzz(120, 900, 4.0, 44100), 8)
    soundfile.write(tmp_path / "mono.flac", audio, 44100)
    soundfile.write(tmp_path / "stereo.flac", np.stack([audio, audio], axis=1), 44100)
    mono, stereo = (model.embed_file(tmp_path / f"{name}.flac") for name in ("mono", "stereo"))
    assert torch.allclose(mono.vector, stereo.vector, atol=1e-3) and mono.seconds == pytest.approx(32, abs=0.02)


def test_channels_that_cancel_out_are_heard(model: VoiceModel, tmp_path: Path) -> None:
    audio = buzz(120, 900, 4.0)
    soundfile.write(tmp_path / "mono.wav", audio, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "stereo.wav", np.stack([audio, -audio], axis=1), 16000, subtype="FLOAT")
    mono, stereo = (model.embed_file(tmp_path / f"{name}.wav") for name in ("mono", "stereo"))
    assert torch.allclose(mono.vector, stereo.vector, atol=1e-3) and stereo.active_seconds == mono.active_seconds


def test_a_file_with_too_little_is_refused(model: VoiceModel, tmp_path: Path) -> None:
    click = np.zeros(32000, dtype=np.float32)
    soundfile.write(tmp_path / "silence.wav", click, 16000)
    click[:4000] = buzz(120, 900, 0.25)
    soundfile.write(tmp_path / "short.wav", click, 16000)
    with pytest.raises(InputError, match=r"silence\.wav: expected at least 0\.5 s of speech, found silence"):
        model.embed_file(tmp_path / "silence.wav")
    with pytest.raises(InputError, match=r"short\.wav: expected at least 0\.5 s of speech, found 0\.\d\d s"):
        model.embed_file(tmp_path / "short.wav")


def test_a_model_that_does_not_know_what_is_no_speech_says_so_of_nothing(tmp_path: Path) -> None:
    voices = VoiceModel.from_pretrained(save_tiny_voice(tmp_path), "cpu")
    vectors, non_speech = voices.hear(torch.randn(3, 16000), 16000)
    assert vectors.shape == (3, 16) and torch.equal(non_speech, torch.zeros(3))


@pytest.mark.parametrize(("starts", "num_samples"), [([-1], 8000), ([0, 40001], 8000), ([0], 0), ([0], 48001)])
def test_windows_outside_are_refused(model: VoiceModel, starts: list[int], num_samples: int) -> None:
    with pytest.raises(InputError, match="windows"):
        model.hear_windows(torch.randn(48000), starts, num_samples)

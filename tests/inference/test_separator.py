"""The Separator: rates, channels, levels, lengths; what a perfect model gives must come out perfect."""

from pathlib import Path

import pytest
import torch

from separator.audio.reading import read_audio
from separator.checkpoint import ModelDescription
from separator.errors import InputError
from separator.inference import Separator
from separator.metrics import si_sdr
from separator.models import build_model
from tests.tiny_model import build_tiny_model, describe, perfect_separator, save_tiny_model
from tests.voices import ratio_db, voices


def tones(sample_rate: int, seconds: float, low_hz: float = 200, high_hz: float = 3000) -> torch.Tensor:
    """A low and a high tone, `(2, T)`, the second at half the level."""
    time = torch.arange(round(seconds * sample_rate)) / sample_rate
    return torch.stack([0.4 * torch.sin(6.2832 * low_hz * time), 0.2 * torch.sin(6.2832 * high_hz * time)])


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("seconds", [0.5, 3.3])
def test_sources_come_at_the_rate_and_length_of_the_input(sample_rate: int, seconds: float) -> None:
    expected = tones(sample_rate, seconds)
    separator = perfect_separator(shuffle=True, scales=(30.0, 0.02), chunk_seconds=1.0)
    separated = separator.separate(expected.sum(dim=0), sample_rate)
    found = torch.cat([separated["speaker1"], separated["speaker2"]])
    if si_sdr(found[0], expected[0]) < 0:
        found = found.flip(0)
    assert found.shape == expected.shape
    inner = slice(sample_rate // 10, -sample_rate // 10)  # a tone that starts at once is no band-limited signal
    torch.testing.assert_close(found[:, inner], expected[:, inner], atol=1e-2, rtol=0)


@pytest.mark.parametrize("num_samples", [1, 2, 31, 100, 15999, 16001])
@pytest.mark.parametrize("sample_rate", [16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_length_comes_back_exactly(tmp_path: Path, num_samples: int, sample_rate: int, channels: int) -> None:
    separator = Separator.from_pretrained(save_tiny_model(tmp_path / "m"), device="cpu", chunk_seconds=0.5)
    expected = voices(num_samples / sample_rate, sample_rate, channels)
    separated = separator.separate(expected.sum(dim=0), sample_rate)
    assert {source.shape for source in separated.values()} == {(channels, num_samples)}
    assert all(torch.isfinite(source).all() for source in separated.values())
    assert num_samples < 1000 or ratio_db(separated, expected) > 40  # shorter than that there are no syllables


@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 48000])
@pytest.mark.parametrize("chunk_seconds", [0.5, 1.3, 10.0])
@pytest.mark.parametrize(("model_channels", "channels"), [(1, 1), (1, 3), (2, 1), (2, 2)])
def test_each_source_is_its_voice(
    tmp_path: Path, sample_rate: int, chunk_seconds: float, model_channels: int, channels: int
) -> None:
    folder, expected = save_tiny_model(tmp_path / "m", channels=model_channels), voices(2.9, sample_rate, channels)
    for consistency in (True, False):
        separator = Separator.from_pretrained(
            folder, device="cpu", chunk_seconds=chunk_seconds, mixture_consistency=consistency
        )
        assert ratio_db(separator.separate(expected.sum(dim=0), sample_rate), expected) > 40


def test_sources_sum_to_the_mixture_and_follow_its_level(tmp_path: Path) -> None:
    separator = Separator.from_pretrained(save_tiny_model(tmp_path / "m"), device="cpu", chunk_seconds=1.0)
    noise = 0.3 * torch.randn(2, 40000)
    separated = torch.stack(list(separator.separate(noise, 16000).values()))
    torch.testing.assert_close(separated.sum(dim=0), noise, atol=1e-4, rtol=0)
    expected = voices(2.5, channels=2)
    for level in (1e-5, 0.1, 1.0, 1000.0):
        assert ratio_db(separator.separate(level * expected.sum(dim=0), 16000), level * expected) > 40


def test_silence_gives_silence(tmp_path: Path) -> None:
    separator = Separator.from_pretrained(save_tiny_model(tmp_path / "m"), device="cpu", chunk_seconds=1.0)
    for source in separator.separate(torch.zeros(2, 40000), 44100).values():
        assert not source.any()


def test_a_stereo_recording_keeps_its_sides_and_its_speakers_together() -> None:
    low, high = tones(16000, 3.0)
    stereo = torch.stack([low + 0.2 * high, 0.3 * low + high])
    separated = torch.stack(list(perfect_separator(shuffle=True, chunk_seconds=1.0).separate(stereo, 16000).values()))
    if si_sdr(separated[0, 0], low) < si_sdr(separated[1, 0], low):
        separated = separated.flip(0)
    expected = torch.stack([torch.stack([low, 0.3 * low]), torch.stack([0.2 * high, high])])
    torch.testing.assert_close(separated[..., 1600:-1600], expected[..., 1600:-1600], atol=1e-2, rtol=0)


def test_a_stereo_model_takes_mono_and_stereo_only(tmp_path: Path) -> None:
    separator = Separator.from_pretrained(save_tiny_model(tmp_path / "m", channels=2), device="cpu")
    for channels in (1, 2):
        expected = voices(0.5, channels=channels)
        assert ratio_db(separator.separate(expected.sum(dim=0), 16000), expected) > 40
    with pytest.raises(InputError, match="1 or 2 audio channels"):
        separator.separate(torch.randn(3, 1000), 16000)


def test_numpy_and_one_dimension_are_taken(tmp_path: Path) -> None:
    separator = Separator.from_pretrained(save_tiny_model(tmp_path / "m"), device="cpu")
    expected = voices(0.4)
    waveform = expected.sum(dim=0)[0].double().numpy()
    backwards = separator.separate(waveform[::-1], 16000.0)  # type: ignore[arg-type]
    assert ratio_db(backwards, expected.flip(-1)) > 40
    with pytest.raises(InputError, match="whole number"):
        separator.separate(waveform, 44100.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (torch.zeros(0), "samples"),
        (torch.zeros(1, 0), "samples"),
        (torch.zeros(1, 2, 3), "channels, samples"),
        (torch.tensor([0.0, torch.nan]), "finite"),
        (torch.tensor([torch.inf, 0.0]), "finite"),
    ],
)
def test_signals_that_cannot_be_separated_are_refused(waveform: torch.Tensor, words: str) -> None:
    with pytest.raises(InputError, match=words):
        perfect_separator().separate(waveform, 16000)


@pytest.mark.parametrize(
    "options", [{"device": "tpu"}, {"device": "cuda:99"}, {"precision": "int8"}, {"chunk_seconds": 0.0}]
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: dict) -> None:
    with pytest.raises(InputError):
        Separator.from_pretrained(save_tiny_model(tmp_path / "m"), **options)


def test_what_runs_is_a_copy_with_the_weights_of_its_construction() -> None:
    model, mixture = build_tiny_model(describe()), torch.randn(1000)
    names = list(model.state_dict())
    separator = Separator(model, describe(), device="cpu")
    assert separator.model is model and list(separator.model.state_dict()) == names
    assert separator.fused is not model
    before = separator.separate(mixture, 16000)["speaker1"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.1)
    assert torch.equal(separator.separate(mixture, 16000)["speaker1"], before)
    changed = Separator(model, describe(), device="cpu").separate(mixture, 16000)["speaker1"]
    assert not torch.allclose(changed, before, atol=1e-4)


def test_bfloat16_is_close_to_float32(tmp_path: Path) -> None:
    folder, expected = save_tiny_model(tmp_path / "m"), voices(1.0)
    exact, coarse = (
        Separator.from_pretrained(folder, device="cpu", precision=precision).separate(expected.sum(dim=0), 16000)
        for precision in ("float32", "bfloat16")
    )
    assert not torch.equal(exact["speaker1"], coarse["speaker1"])
    assert ratio_db(exact, expected) > 40 and ratio_db(coarse, expected) > 40


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_what_the_cpu_gives(tmp_path: Path) -> None:
    folder, expected = save_tiny_model(tmp_path / "m"), voices(1.0)
    exact = Separator.from_pretrained(folder, device="cpu").separate(expected.sum(dim=0), 16000)
    on_gpu = Separator.from_pretrained(folder, device="cuda", precision="float32")
    found = on_gpu.separate(expected.sum(dim=0), 16000)
    assert ratio_db(found, torch.stack(list(exact.values()))) > 40 and ratio_db(found, expected) > 40


@pytest.mark.parametrize("chunk_seconds", [0.5, 0.7, 1.0, 2.5, 4.0, 10.0, 20.0])
@pytest.mark.parametrize("sample_rate", [16000, 44100])
def test_the_length_of_a_chunk_does_not_show(chunk_seconds: float, sample_rate: int) -> None:
    expected = tones(sample_rate, 9.3)
    separator = perfect_separator(shuffle=True, scales=(30.0, 0.02), chunk_seconds=chunk_seconds)
    separated = separator.separate(expected.sum(dim=0), sample_rate)
    found = torch.cat([separated["speaker1"], separated["speaker2"]])
    if si_sdr(found[0], expected[0]) < 0:
        found = found.flip(0)
    assert (si_sdr(found, expected) > 30).all()


def test_the_released_model_gives_the_same_with_other_chunks() -> None:
    folder = Path(__file__).parent.parent.parent / "checkpoints" / "speech-2spk-16k"
    mixture = torch.cat([read_audio(folder / "example.wav")[0]] * 2, dim=1)  # 13 s
    whole, halves, quarters = (
        torch.cat([separated["speaker1"], separated["speaker2"]])
        for separated in (
            Separator.from_pretrained(folder, "cpu", chunk_seconds=each).separate(mixture, 16000)
            for each in (20.0, 10.0, 4.0)
        )
    )
    assert si_sdr(whole[0], whole[1]) < -10  # they are two voices
    assert (si_sdr(halves, whole) > 15).all() and (si_sdr(quarters, whole) > 10).all()


@pytest.mark.parametrize("sample_rate", [16000, 22050])
def test_a_steady_tone_passes_without_modulation(sample_rate: int) -> None:
    time = torch.arange(20 * sample_rate) / sample_rate
    tone = 0.3 * torch.sin(6.2832 * 250 * time)
    source = perfect_separator(chunk_seconds=0.9).separate(tone, sample_rate)["speaker1"][0]
    periods = source[sample_rate:-sample_rate].unfold(0, sample_rate // 25, sample_rate // 25)  # of ten periods each
    levels = 20 * torch.log10(periods.square().mean(dim=1).sqrt() / (0.3 / 2**0.5))
    assert levels.abs().max() < 0.05  # dB


@pytest.mark.parametrize("level", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_sources_that_sum_to_the_mixture_by_themselves_come_at_its_scale(level: float, channels: int) -> None:
    torch.manual_seed(0)
    bands = {"window_length": 32, "hop_length": 16, "bands": [[2, 4], [4, 2]], "band_channels": 5, "num_blocks": 1}
    model = build_model("band_network", {**bands, "num_sources": 3, "num_repeats": 1}).eval()
    description = ModelDescription("band_network", {}, 16000, ("speaker1", "speaker2", "noise"))
    separator = Separator(model, description, device="cpu", mixture_consistency=False)
    mixture = level * torch.randn(channels, 16000)
    found = torch.stack(list(separator.separate(mixture, 16000).values()))
    torch.testing.assert_close(found.sum(dim=0), mixture, rtol=0, atol=1e-5 * level)
    if channels == 1:
        with torch.inference_mode():
            centred = mixture - mixture.mean()
            expected = model(centred.unsqueeze(0) / centred.square().mean().sqrt())[0] * centred.square().mean().sqrt()
        torch.testing.assert_close(found, expected + mixture.mean() / 3, rtol=0, atol=1e-4 * level)


def test_the_fingerprint_is_of_what_runs_not_of_how_it_was_trained() -> None:
    def fingerprint(bias: float = 0.0, **changes: object) -> str:
        description = describe(**changes)
        model = build_tiny_model(description)
        with torch.no_grad():
            model.masker.masker.output.bias.add_(bias)
        return Separator(model, description, device="cpu").fingerprint

    same = fingerprint()
    assert fingerprint(training={"steps": 5}, scores={"test_si_sdri_db": 2.0}) == same
    others = [fingerprint(bias=1e-3), fingerprint(sample_rate=8000), fingerprint(sources=("a", "b"))]
    assert len({same, *others}) == 4

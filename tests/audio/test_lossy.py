"""Lossy outputs: as long as what was encoded, in its place and at its level, by our reader, FFmpeg and libsndfile."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch

from separator.audio.lossy import choose_bit_rate
from separator.audio.reading import read_audio
from separator.audio.writing import AudioWriter
from separator.errors import InputError


def hiss(num_samples: int, channels: int) -> np.ndarray:
    """Noise at -20 dB, `(T, C)`, of a band that all codecs keep; it is like itself in one place only."""
    noise = np.random.default_rng(0).standard_normal((channels, num_samples))
    frequency = np.fft.rfftfreq(num_samples)
    sound = np.fft.irfft(np.fft.rfft(noise) * ((frequency > 0.015) & (frequency < 0.12)), num_samples).T
    return 0.1 * sound / np.sqrt(np.square(sound).mean())


def write(path: Path, audio: np.ndarray, sample_rate: int, bit_rate: int | None = None) -> Path:
    """Write a file as a separation does, in blocks."""
    writer = AudioWriter(path, sample_rate, audio.shape[1], path.suffix[1:], len(audio), bit_rate=bit_rate)
    for block in torch.from_numpy(audio.T.astype(np.float32)).split(7001, dim=1):
        writer.write(block)
    writer.finish()
    writer.commit()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return path


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus", "ogg"])
@pytest.mark.parametrize(("sample_rate", "channels", "num_samples"), [
    (48000, 2, 30_001), (16000, 1, 48_077), (8000, 1, 16_000), (22050, 1, 40_000), (96000, 2, 60_000),
])  # fmt: skip
def test_it_is_as_long_as_what_was_encoded_and_not_late(
    tmp_path: Path, suffix: str, sample_rate: int, channels: int, num_samples: int
) -> None:
    audio = hiss(num_samples, channels)
    path = write(tmp_path / f"a.{suffix}", audio, sample_rate)
    found, rate = read_audio(path)
    assert rate == (sample_rate if sample_rate < 96000 or suffix == "m4a" else 48000) or suffix == "opus"
    wanted = -(-num_samples * rate // sample_rate)
    assert found.shape == (channels, wanted)
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    lasts = sum(frame.samples for frame in frames) / frames[0].sample_rate
    if path.stat().st_size > 12_000 or suffix != "ogg":  # of Vorbis in a page or two FFmpeg loses or adds a little
        assert round(lasts * rate) == wanted
    if suffix != "m4a":
        assert soundfile.info(path).frames == wanted
    if rate == sample_rate:
        given, found = audio.T[:, 99:-99], found.double().numpy()
        likeness = [np.sum(given * found[:, 99 + lag : wanted - 99 + lag]) for lag in range(-99, 100)]
        assert np.argmax(likeness) == 99
        assert likeness[99] / np.square(given).sum() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("kilobits", [128, 192, 224, 256])
def test_an_mp3_has_the_level_that_was_encoded(tmp_path: Path, kilobits: int) -> None:
    audio = hiss(44100, 2)
    found, _ = read_audio(write(tmp_path / "a.mp3", audio, 44100, 1000 * kilobits))
    assert float((found.numpy() * audio.T).sum() / np.square(audio).sum()) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(("suffix", "kilobits"), [("mp3", (64, 256)), ("m4a", (64, 256)), ("opus", (24, 160)),
                                                  ("ogg", (64, 256))])  # fmt: skip
def test_the_bit_rate_is_what_was_asked_for(tmp_path: Path, suffix: str, kilobits: tuple[int, int]) -> None:
    audio = np.random.default_rng(0).standard_normal((2 * 48000, 2)) * 0.1
    for each in kilobits:
        size = write(tmp_path / f"a.{suffix}", audio, 48000, 1000 * each).stat().st_size
        assert 8 * size / 2 == pytest.approx(1000 * each, rel=0.5 if suffix == "ogg" else 0.25)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mp3", 44100, 2, 100_000), "expected one of 32k, 40k"),
        (("mp3", 8000, 1, 128_000), "56k, 64k for mp3 with 1 channel(s) at 8000 Hz, found 128k"),
        (("opus", 48000, 1, 300_000), "expected 6k to 256k for opus"),
        (("m4a", 8000, 1, 96_000), "expected 8k to 48k for m4a"),
        (("ogg", 16000, 1, 500_000), "for ogg with 1 channel(s) at 16000 Hz, found 500k"),
        (("opus", 48000, 6, None), "opus holds 1 or 2 channels, found 6; use --mono, or wav or flac"),
    ],
)
def test_what_a_format_does_not_hold_is_told(arguments: tuple[str, int, int, int | None], words: str) -> None:
    with pytest.raises(InputError) as caught:
        choose_bit_rate(*arguments)
    assert words in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus", "ogg"])
def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = AudioWriter(tmp_path / f"a.{suffix}", 16000, 1, suffix, 160_000)  # type: ignore[arg-type]
    writer.write(torch.from_numpy(hiss(160_000, 1).T.astype(np.float32)))
    writer._encoded.symlink_to("/dev/full")
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(InputError, match="cannot write"):
        writer.finish()
    assert not (tmp_path / f"a.{suffix}").exists()

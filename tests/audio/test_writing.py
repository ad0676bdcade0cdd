"""Writing: levels kept, nothing clipped, nothing there before it is complete."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.writing import AudioWriter, check_whole, common_gain, write_audio
from separator.errors import InputError


def test_wav_keeps_any_level_bit_for_bit(tmp_path: Path) -> None:
    loud = 5 * torch.randn(2, 1000)
    write_audio(tmp_path / "a.wav", loud, 44100)
    audio, sample_rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert sample_rate == 44100 and np.array_equal(audio.T, loud.numpy())
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("peak", [0.5, 1.0, 3.0])
def test_flac_is_scaled_together_only_where_it_would_clip(tmp_path: Path, peak: float) -> None:
    signals = [torch.linspace(-peak, peak, 999).unsqueeze(0), 0.1 * torch.linspace(-1, 1, 999).unsqueeze(0)]
    writers = [AudioWriter(tmp_path / f"{index}.flac", 16000, 1, "flac") for index in range(2)]
    for writer, signal in zip(writers, signals, strict=True):
        writer.write(signal)
    gain = common_gain(writers)
    assert (gain == 1) == (peak <= 1)
    for index, writer in enumerate(writers):
        writer.finish(gain)
        writer.commit()
        audio, _ = soundfile.read(tmp_path / f"{index}.flac")
        np.testing.assert_allclose(audio, gain * signals[index][0].numpy(), atol=1e-6)
        assert np.abs(audio).max() <= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.flac", "1.flac"]


def test_nothing_is_under_the_final_name_before_commit_or_after_discard(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    writer = AudioWriter(target, 16000, 1)
    writer.write(torch.zeros(1, 10))
    assert not target.exists()
    writer.finish()
    assert not target.exists()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", torch.ones(1, 10), 16000)
    writer = AudioWriter(tmp_path / "a.wav", 16000, 1)
    writer.write(torch.zeros(1, 20))
    writer.discard()
    assert soundfile.info(tmp_path / "a.wav").frames == 10


def test_more_than_four_gigabytes_become_rf64(tmp_path: Path) -> None:
    writer = AudioWriter(tmp_path / "a.wav", 48000, 2, num_samples=48000 * 3600 * 6)
    writer.write(torch.ones(2, 10))
    writer.finish()
    writer.commit()
    assert soundfile.info(tmp_path / "a.wav").format == "RF64"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*cannot write"):
        AudioWriter(tmp_path / "nowhere" / "a.wav", 16000, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    writer = AudioWriter(tmp_path / "a.wav", 16000, 1)
    writer._file.close()
    descriptor = os.open("/dev/full", os.O_WRONLY)
    writer._file = soundfile.SoundFile(descriptor, "w", 16000, 1, format="RAW", subtype="FLOAT")
    with pytest.raises(InputError, match="cannot write"):
        for _ in range(100):
            writer.write(torch.zeros(1, 100_000))


@pytest.mark.parametrize(("audio_format", "bit_depth"), [("wav", "16"), ("wav", "24"), ("flac", "16"), ("flac", "24")])
def test_samples_are_rounded_to_the_nearest_step(tmp_path: Path, audio_format: str, bit_depth: str) -> None:
    steps = 2 ** (int(bit_depth) - 1)
    signal = torch.cat([torch.linspace(-1, 1, 9999), torch.zeros(9), torch.full((9,), -1e-9)]).unsqueeze(0)
    writer = AudioWriter(tmp_path / "a", 16000, 1, audio_format, signal.shape[1], bit_depth)  # type: ignore[arg-type]
    writer.write(signal)
    writer.finish()
    writer.commit()
    found = soundfile.read(tmp_path / "a")[0] * steps
    np.testing.assert_array_equal(found, np.clip(np.rint(signal[0].double().numpy() * steps), -steps, steps - 1))
    assert not found[9999:].any()


def test_same_samples_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = []
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name, torch.linspace(-2, 2, 1000).unsqueeze(0), 16000)
        contents.append((tmp_path / name).read_bytes())
        assert b"PEAK" not in contents[-1]  # libsndfile writes the time there
    assert contents[0] == contents[1]


def test_of_unknown_length_it_is_a_wav_that_could_have_grown(tmp_path: Path) -> None:
    writer = AudioWriter(tmp_path / "a.wav", 16000, 2)
    writer.write(torch.linspace(-2, 2, 1000).repeat(2, 1))
    writer.finish()
    writer.commit()
    content = (tmp_path / "a.wav").read_bytes()
    assert content[:4] == b"RIFF" and writer._container == "RF64"
    audio, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_array_equal(audio[:, 1], torch.linspace(-2, 2, 1000).numpy())


def test_more_than_a_wav_holds_is_no_wrong_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("separator.audio.writing.LARGEST_WAV_BYTES", 10_000)
    writer = AudioWriter(tmp_path / "a.wav", 16000, 1, num_samples=1000)
    with pytest.raises(InputError, match="found more"):
        for _ in range(100):
            writer.write(torch.zeros(1, 1000))
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_tags_of_any_text_are_kept_or_left_out(tmp_path: Path) -> None:
    tags = {"title": "Ünï 'x'\n2", "artist": "ä" * 1000, "copyright": "\ud800", "album": "b" * 5_000_000}
    tags |= dict.fromkeys(("date", "genre", "comment"), "c" * 2000)
    for audio_format in ("wav", "flac"):
        writer = AudioWriter(tmp_path / "a", 16000, 1, audio_format, 100, tags=tags)  # type: ignore[arg-type]
        writer.write(torch.full((1, 100), 0.5))
        writer.finish()
        writer.commit()
        assert (soundfile.read(tmp_path / "a")[0] == 0.5).all()
        with soundfile.SoundFile(tmp_path / "a") as file:
            assert file.title == tags["title"] and file.artist == tags["artist"] and file.frames == 100


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_a_file_that_lacks_its_end_is_found(suffix: str, tmp_path: Path) -> None:
    """As an encoder leaves it that could not write its last frame, and did not say so."""
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(20_000), 16000)
    check_whole(path, 20_000)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises((OSError, soundfile.LibsndfileError)):
        check_whole(path, 20_000)

"""Reading: every format, every part, every way a file can be bad."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.finding import find_audio
from separator.audio.reading import AudioReader, read_audio
from separator.errors import InputError
from tests.speech import buzz


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "FLOAT", 0),
        ("wav", "PCM_U8", 1e-2),
        ("flac", "PCM_16", 1e-4),
        ("ogg", "VORBIS", None),
        ("opus", "OPUS", None),
        ("mp3", "MPEG_LAYER_III", None),
    ],
)
def test_every_format_is_read(tmp_path: Path, suffix: str, subtype: str, tolerance: float | None) -> None:
    talk = np.stack([buzz(100, 500, 1.0, 48000), buzz(150, 900, 1.0, 48000)], axis=1)
    path = tmp_path / f"talk.{suffix}"
    soundfile.write(path, talk, 48000, subtype=subtype, format="OGG" if suffix == "opus" else None)
    waveform, sample_rate = read_audio(path)
    assert sample_rate == 48000 and waveform.dtype == torch.float32 and waveform.shape[0] == 2
    audio = waveform.numpy().T[:48000]
    if suffix != "mp3":  # MP3 pads with whole frames
        assert len(audio) == waveform.shape[1] == 48000
    if tolerance is None:
        assert np.corrcoef(audio[:, 0], talk[:, 0])[0, 1] > 0.9
    else:
        assert np.abs(audio - talk).max() <= tolerance


@pytest.mark.parametrize(("start", "num_samples"), [(0, None), (0, 1), (17, 1000), (15999, 1), (15000, 5000)])
def test_a_part_is_that_part_of_the_whole(tmp_path: Path, start: int, num_samples: int | None) -> None:
    talk = buzz(100, 500, 1.0)
    soundfile.write(tmp_path / "a.flac", talk, 16000, subtype="PCM_24")
    part, _ = read_audio(tmp_path / "a.flac", start, num_samples)
    end = None if num_samples is None else start + num_samples
    np.testing.assert_allclose(part[0].numpy(), talk[start:end], atol=1e-6)


def test_blocks_add_up_to_the_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", buzz(100, 500, 1.0), 16000)
    with AudioReader(tmp_path / "a.wav") as reader:
        assert (reader.sample_rate, reader.channels, reader.num_samples) == (16000, 1, 16000)
        blocks = list(reader.blocks(777))
    assert max(block.shape[1] for block in blocks) == 777
    assert torch.equal(torch.cat(blocks, dim=1), read_audio(tmp_path / "a.wav")[0])


def test_bad_files_are_named_in_one_line(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0, dtype=np.float32), 16000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("dear diary\n" * 50)
    (tmp_path / "folder.wav").mkdir()
    bad = buzz(100, 500, 1.0)
    bad[8000] = np.nan
    soundfile.write(tmp_path / "nan.wav", bad, 16000, subtype="FLOAT")
    bad[8000] = np.inf
    soundfile.write(tmp_path / "inf.wav", bad, 16000, subtype="FLOAT")
    for name, words in {
        "missing.wav": "found nothing",
        "folder.wav": "found a folder",
        "empty.wav": "0 bytes",
        "text.wav": "found something else",
        "none.wav": "without samples",
        "nan.wav": r"sample 8000 \(0.500 s\)",
        "inf.wav": r"sample 8000 \(0.500 s\)",
    }.items():
        with pytest.raises(InputError, match=words) as raised:
            read_audio(tmp_path / name)
        assert str(tmp_path / name) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("start", [-1, 16000])
def test_a_start_outside_the_file_is_refused(tmp_path: Path, start: int) -> None:
    soundfile.write(tmp_path / "a.wav", buzz(100, 500, 1.0), 16000)
    with pytest.raises(InputError, match="from 0 to 15999"):
        read_audio(tmp_path / "a.wav", start)


def test_a_truncated_wav_gives_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 500, 1.0), 16000, subtype="PCM_16")
    whole = read_audio(path)[0]
    with AudioReader(path) as reader:
        assert not reader.is_truncated
    path.write_bytes(path.read_bytes()[: 44 + 2 * 5000])
    with AudioReader(path) as reader:
        assert reader.is_truncated
        assert torch.equal(torch.cat(list(reader.blocks()), dim=1), whole[:, :5000])


def test_a_whole_file_is_not_called_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 16000, 1) as file:
        file.comment = "this should be a test"
        file.write(buzz(100, 500, 0.1))
    with AudioReader(path) as reader:
        assert not reader.is_truncated
    content = bytearray(path.read_bytes())
    where = content.index(b"data") + 4
    content[4:8] = content[where : where + 4] = b"\xff" * 4  # as a program writes that streams
    path.write_bytes(content)
    with AudioReader(path) as reader:
        assert not reader.is_truncated


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 500, 0.1), 16000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", 2**32 - 100)
    path.write_bytes(content)
    assert read_audio(path)[0].shape == (1, 1600)


def test_a_folder_is_searched_by_suffix(tmp_path: Path) -> None:
    for name in ("b.WAV", "sub/a.flac", ".hidden.wav", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "broken.wav").symlink_to(tmp_path / "nowhere.wav")  # not there, and not to be passed over in silence
    (tmp_path / "folder.wav").mkdir()
    assert [path.name for path in find_audio(tmp_path)] == ["b.WAV", "broken.wav", "a.flac"]
    with pytest.raises(InputError, match="found none"):
        find_audio(tmp_path / "nothing")


@pytest.mark.parametrize("tells_length", [True, False])
def test_of_a_damaged_flac_all_but_the_damage_is_where_it_was(tmp_path: Path, tells_length: bool) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, buzz(100, 500, 4.0), 16000)
    whole, content = soundfile.read(path, dtype="float32")[0], bytearray(path.read_bytes())
    if not tells_length:
        content[21], content[22:26] = content[21] & 0xF0, bytes(4)
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    path.write_bytes(content)
    for block_samples in (999, 10**6):
        with AudioReader(path) as reader:
            found = torch.cat(list(reader.blocks(block_samples, keep_damaged=True)), dim=1)[0].numpy()
            assert reader.is_truncated and "damaged after" in str(reader.damage)
        assert len(found) == len(whole)
        lost = np.flatnonzero(found != whole)
        assert lost[-1] - lost[0] < 2 * 4096 and not found[lost].any()
    with AudioReader(path) as reader, pytest.raises(InputError, match="damaged after"):
        list(reader.blocks())


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_cut_flac_gives_all_before_the_end(tmp_path: Path, tells_length: bool) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, buzz(100, 500, 4.0), 16000)
    whole, content = soundfile.read(path, dtype="float32")[0], bytearray(path.read_bytes())
    if not tells_length:
        content[21], content[22:26] = content[21] & 0xF0, bytes(4)
    path.write_bytes(content[: len(content) // 2])
    with AudioReader(path) as reader:
        found = torch.cat(list(reader.blocks(999, keep_damaged=True)), dim=1)[0].numpy()
        assert reader.is_truncated
    assert len(whole) // 3 < len(found) < len(whole)
    np.testing.assert_array_equal(found, whole[: len(found)])


def test_a_flac_that_promises_more_gives_all_but_its_last_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, buzz(100, 500, 1.0), 16000)
    content = bytearray(path.read_bytes())
    content[22:26] = struct.pack(">I", 2**31)
    path.write_bytes(content)
    with AudioReader(path) as reader:
        assert sum(block.shape[1] for block in reader.blocks(keep_damaged=True)) >= 15999


def test_a_flac_that_does_not_say_its_length_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, buzz(100, 500, 1.0), 16000)
    whole, content = soundfile.read(path, dtype="float32")[0], bytearray(path.read_bytes())
    content[21], content[22:26] = content[21] & 0xF0, bytes(4)  # as ffmpeg and flac write into a pipe
    path.write_bytes(content)
    with AudioReader(path) as reader:
        assert not reader.length_is_known
        np.testing.assert_array_equal(torch.cat(list(reader.blocks(1000)), dim=1)[0].numpy(), whole)
        assert not reader.is_truncated


def test_a_file_that_cannot_seek_is_read(tmp_path: Path) -> None:
    path, talk = tmp_path / "a.au", buzz(100, 500, 1.0)
    soundfile.write(path, talk, 16000, subtype="G721_32")
    waveform, _ = read_audio(path)
    assert np.corrcoef(waveform[0, :16000].numpy(), talk)[0, 1] > 0.95
    with pytest.raises(InputError, match="cannot go to sample"):
        read_audio(path, 1000)

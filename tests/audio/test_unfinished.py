"""Files whose header does not say how much there is, as after a crash: their samples, with a word about it."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader, read_audio
from separator.errors import InputError
from tests.speech import buzz

W64_DATA = b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a")


def write(path: Path, audio_format: str, **options: str) -> bytearray:
    soundfile.write(path, np.stack([buzz(100, 600, 0.5)] * 2, axis=1), 16000, format=audio_format, **options)
    return bytearray(path.read_bytes())


def put(content: bytearray, name: bytes, offset: int, form: str, *numbers: int) -> None:
    """Write numbers behind a chunk's name."""
    struct.pack_into(form, content, content.index(name) + offset, *numbers)


CASES = [
    ("WAV", "PCM_16", [(b"data", 4, "<I", 0)]),
    ("WAV", "PCM_24", [(b"data", 4, "<I", 0), (b"RIFF", 4, "<I", 0)]),
    ("WAV", "FLOAT", [(b"data", 4, "<I", 0), (b"RIFF", 4, "<I", 36)]),
    ("RF64", "PCM_16", [(b"ds64", 8, "<QQQ", 0, 0, 0)]),
    ("RF64", "PCM_16", [(b"ds64", 8, "<QQQ", 0, 0, 0), (b"data", 4, "<I", 0)]),
    ("RF64", "FLOAT", [(b"ds64", 8, "<QQQ", 2**64 - 1, 2**64 - 1, 0)]),
    ("W64", "PCM_16", [(W64_DATA, 16, "<Q", 0)]),
    ("W64", "PCM_16", [(W64_DATA, 16, "<Q", 24), (b"riff", 16, "<Q", 0)]),
    ("W64", "PCM_24", [(W64_DATA, 16, "<Q", 2**64 - 1), (b"riff", 16, "<Q", 2**64 - 1)]),
    ("AU", "PCM_16", [(b".snd", 8, ">I", 0)]),
    ("CAF", "PCM_16", [(b"data", 4, ">Q", 2**64 - 1)]),
    ("CAF", "PCM_16", [(b"data", 4, ">Q", 0)]),
    ("AIFF", "PCM_16", [(b"SSND", 4, ">I", 0)]),
]


@pytest.mark.parametrize(("audio_format", "subtype", "changes"), CASES)
def test_the_samples_are_read_and_it_is_said(tmp_path: Path, audio_format: str, subtype: str, changes: list) -> None:
    path = tmp_path / "a.wav"
    content = write(path, audio_format, subtype=subtype)
    whole, rate = read_audio(path)
    for change in changes:
        put(content, *change)
    path.write_bytes(content)
    with AudioReader(path) as reader:
        assert (reader.sample_rate, reader.channels, reader.num_samples) == (rate, 2, 8000)
        assert reader.is_truncated and "header" in str(reader.damage)
        found = np.concatenate([block.numpy() for block in reader.blocks(999)], axis=1)
    np.testing.assert_array_equal(found, whole)
    assert path.read_bytes() == content  # as it was
    np.testing.assert_array_equal(read_audio(path, 1234, 100)[0], whole[:, 1234:1334])


@pytest.mark.parametrize("audio_format", ["WAV", "RF64", "W64", "AU", "CAF"])
@pytest.mark.parametrize("cut", [False, True])
def test_a_file_of_no_samples_stays_one(tmp_path: Path, audio_format: str, cut: bool) -> None:
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 16000, 2, format=audio_format, subtype="PCM_16") as file:
        if audio_format == "WAV" and not cut:
            file.title = "a title"  # a chunk, which libsndfile may put behind the data
    if cut:
        soundfile.write(path, np.zeros((2, 2)), 16000, format=audio_format, subtype="PCM_16")
        content = path.read_bytes()
        path.write_bytes(content[:-8])
    with pytest.raises(InputError, match="expected audio"):
        read_audio(path)


def test_chunks_behind_no_data_are_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "WAV", subtype="PCM_16")
    head = content[: content.index(b"data")]
    chunks = b"data" + bytes(4) + b"LIST" + struct.pack("<I", 14) + b"INFOINAM" + struct.pack("<I", 2) + b"a\0"
    path.write_bytes(bytes(head) + chunks)
    with pytest.raises(InputError, match="without samples"):
        read_audio(path)


def test_an_rf64_that_is_cut_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "RF64", subtype="PCM_16")
    path.write_bytes(content[: len(content) * 2 // 3])
    with AudioReader(path) as reader:
        assert reader.is_truncated and sum(block.shape[1] for block in reader.blocks()) < 8000


def test_sound_behind_the_sound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = write(path, "WAV", subtype="PCM_16")
    path.write_bytes(content + content[content.index(b"data") :])
    with AudioReader(path) as reader:
        assert reader.num_samples == 8000 and f"{8 + 4 * 8000} bytes follow its sound" in str(reader.damage)

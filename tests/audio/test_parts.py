"""Files of every kind that are joined end to end come out whole; what else follows the sound is told."""

import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.parts import find_parts
from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import resample
from tests.audio.encoding import encode
from tests.speech import buzz

KINDS = [("WAV", "PCM_16"), ("WAV", "MS_ADPCM"), ("WAVEX", "PCM_24"), ("RF64", "FLOAT"), ("AIFF", "PCM_16"),
         ("W64", "PCM_16"), ("CAF", "PCM_16"), ("AU", "PCM_16"), ("FLAC", "PCM_16"),
         ("mp3", "libmp3lame"), ("m4a", "aac"), ("mkv", "flac"), ("webm", "libopus")]  # fmt: skip


def part(
    path: Path, kind: str, codec: str, pitch: float, seconds: float, rate: int = 48000, channels: int = 1
) -> bytes:
    """A file of one kind."""
    audio = np.stack([buzz(pitch, 600, seconds, rate)] * channels, axis=1)
    if kind.isupper():
        soundfile.write(path, audio, rate, format=kind, subtype=codec, endian="FILE")
    else:
        encode(path.with_suffix(f".{kind}"), audio, rate, codec).rename(path)
    return path.read_bytes()


def read(path: Path) -> tuple[np.ndarray, SimpleNamespace]:
    """All of it as `(C, T)`, and what the reader says of it."""
    with AudioReader(path) as reader:
        found = np.concatenate([block.numpy() for block in reader.blocks(5000, keep_damaged=True)], axis=1)
        return found, SimpleNamespace(damage=reader.damage, is_truncated=reader.is_truncated, notes=reader.notes,
                                      num_samples=reader.num_samples)  # fmt: skip


@pytest.mark.parametrize(("kind", "codec"), KINDS)
def test_all_parts_come_out_each_as_it_would_alone(tmp_path: Path, kind: str, codec: str) -> None:
    names = [tmp_path / f"{number}.x" for number in range(3)]
    contents = [part(name, kind, codec, 100 + 30 * number, 1.0 + number / 10) for number, name in enumerate(names)]
    path = tmp_path / "a.x"
    path.write_bytes(b"".join(contents))
    found, reader = read(path)
    alone = np.concatenate([read_audio(name)[0].numpy() for name in names], axis=1)
    assert 3.3 <= alone.shape[1] / 48000 < 3.45
    np.testing.assert_allclose(found, alone, atol=1e-6)
    assert abs(reader.num_samples - alone.shape[1]) <= (2000 if kind in ("mkv", "webm") else 0)  # in milliseconds
    assert not reader.is_truncated and reader.notes == []
    for start in (60_000, 140_000):
        np.testing.assert_allclose(read_audio(path, start, 3000)[0], found[:, start : start + 3000], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "codec"), [("flv", "libmp3lame"), ("wma", "wmav2"), ("tta", "tta"), ("avi", "pcm_s16le")]
)
def test_parts_that_do_not_tell_their_length_come_out_too(tmp_path: Path, kind: str, codec: str) -> None:
    path = encode(tmp_path / f"a.{kind}", buzz(100, 600, 1.0, 44100)[:, None], 44100, codec, bit_rate=96_000)
    alone = read_audio(path)[0].numpy()
    path.write_bytes(path.read_bytes() * 2)
    found, reader = read(path)
    np.testing.assert_allclose(found, np.tile(alone, 2), atol=1e-6)
    assert not reader.is_truncated


@pytest.mark.parametrize(("kind", "codec"), KINDS)
def test_parts_that_differ_are_converted_and_said(tmp_path: Path, kind: str, codec: str) -> None:
    contents = [part(tmp_path / "1.x", kind, codec, 100, 1.0), part(tmp_path / "2.x", kind, codec, 130, 1.5, 24000, 2)]
    path = tmp_path / "a.x"
    path.write_bytes(b"".join(contents))
    found, reader = read(path)
    first, (second, rate) = read_audio(tmp_path / "1.x")[0], read_audio(tmp_path / "2.x")
    expected = torch.cat([first[0], resample(second.mean(dim=0), rate, 48000)]).numpy()
    assert found.shape == (1, len(expected)) and not reader.is_truncated
    np.testing.assert_allclose(found[0], expected, atol=1e-4)
    assert len(reader.notes) == 1 and f"2 channel(s) at {rate} Hz" in reader.notes[0]


def test_files_of_different_kinds_are_read_too(tmp_path: Path) -> None:
    parts = [part(tmp_path / f"{kind}.x", kind, codec, 100, 1.0) for kind, codec in KINDS if kind != "FLAC"][:6]
    (tmp_path / "a.x").write_bytes(b"".join(parts) + part(tmp_path / "b.x", "FLAC", "PCM_16", 100, 1.0))
    assert len(find_parts(tmp_path / "a.x")) == 7


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_streams_without_a_length_are_told_apart(tmp_path: Path, size: int) -> None:
    content = bytearray(part(tmp_path / "1.x", "WAV", "PCM_16", 100, 1.0))
    content[40:44] = struct.pack("<I", size)
    content[4:8] = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    (tmp_path / "a.wav").write_bytes(bytes(content) * 2)
    np.testing.assert_array_equal(read(tmp_path / "a.wav")[0], np.tile(soundfile.read(tmp_path / "1.x")[0], 2)[None])


def test_a_part_that_was_cut_loses_no_other(tmp_path: Path) -> None:
    content = part(tmp_path / "1.x", "WAV", "PCM_16", 100, 1.0)
    (tmp_path / "a.wav").write_bytes(content[: 44 + 60_000] + content)
    found, reader = read(tmp_path / "a.wav")
    whole = soundfile.read(tmp_path / "1.x")[0]
    np.testing.assert_array_equal(found[0], np.concatenate([whole[:30_000], whole]))
    assert reader.is_truncated


@pytest.mark.parametrize("behind", [b"", bytes(9), b"LIST\4\0\0\0INFO", b"id3 \4\0\0\0abcd", b"ID3\3\0\0\0\0\0\5hello",
                                    b"TAG" + b"a" * 125, bytes(100_000)])  # fmt: skip
def test_chunks_tags_and_zeros_behind_the_sound_are_none(tmp_path: Path, behind: bytes) -> None:
    for kind in ("WAV", "AIFF", "FLAC"):
        content = part(tmp_path / "a.x", kind, "PCM_16", 100, 1.0)
        size = struct.pack(">I", 4) if kind == "AIFF" else b"\4\0\0\0"
        (tmp_path / "a.x").write_bytes(content + behind.replace(b"\4\0\0\0", size))
        found, reader = read(tmp_path / "a.x")
        assert found.shape == (1, 48000) and not reader.is_truncated and reader.damage is None, kind


def test_what_else_follows_the_sound_is_told(tmp_path: Path) -> None:
    content = bytearray(part(tmp_path / "a.wav", "WAV", "PCM_16", 100, 1.0))
    (tmp_path / "a.wav").write_bytes(content + b"\xff" * 1234)
    found, reader = read(tmp_path / "a.wav")
    assert found.shape == (1, 48000) and "1234 bytes follow its sound" in str(reader.damage)
    content[40:44] = struct.pack("<I", 48_000)  # the header says the half
    (tmp_path / "a.wav").write_bytes(content)
    found, reader = read(tmp_path / "a.wav")
    assert found.shape == (1, 24000) and "48000 bytes follow its sound" in str(reader.damage)

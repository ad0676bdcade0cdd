"""Ogg files that are joined end to end come out whole."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import resample
from tests.audio.encoding import encode
from tests.audio.test_opus import mark_late
from tests.speech import buzz


def part(path: Path, kind: str, pitch: float, seconds: float, rate: int = 48000, channels: int = 1) -> bytes:
    """An Ogg file of one kind of sound."""
    audio = np.stack([buzz(pitch, 600, seconds, rate)] * channels, axis=1)
    if kind == "flac":
        encode(path, audio, rate, "flac")
    else:
        soundfile.write(path, audio, rate, format="OGG", subtype=kind.upper())
    return path.read_bytes()


def read(path: Path) -> tuple[np.ndarray, AudioReader]:
    """All of it as `(C, T)`, and the reader, closed."""
    with AudioReader(path) as reader:
        return np.concatenate([block.numpy() for block in reader.blocks(5000, keep_damaged=True)], axis=1), reader


@pytest.mark.parametrize("kind", ["vorbis", "opus", "flac"])
def test_all_parts_come_out_each_as_it_would_alone(tmp_path: Path, kind: str) -> None:
    names = [tmp_path / f"{number}.oga" for number in range(3)]
    seconds = [2.0, 0.7, 3.1]
    path = tmp_path / "a.ogg"
    path.write_bytes(b"".join(part(*each) for each in zip(names, [kind] * 3, (100, 130, 160), seconds, strict=True)))
    found, reader = read(path)
    alone = [read_audio(name)[0].numpy() for name in names]
    assert [each.shape[1] for each in alone] == [round(48000 * each) for each in seconds]
    np.testing.assert_allclose(found, np.concatenate(alone, axis=1), atol=1e-6)
    assert reader.num_samples == round(5.8 * 48000) and not reader.is_truncated and reader.notes == []
    for start in (0, 50_000, 110_000, 200_000):
        np.testing.assert_allclose(read_audio(path, start, 3000)[0], found[:, start : start + 3000], atol=1e-3)


@pytest.mark.parametrize("kind", ["vorbis", "opus", "flac"])
def test_parts_that_differ_are_converted_and_said(tmp_path: Path, kind: str) -> None:
    first, second = part(tmp_path / "1.oga", kind, 100, 1.0), part(tmp_path / "2.oga", kind, 130, 2.0, 16000, 2)
    path = tmp_path / "a.ogg"
    path.write_bytes(first + second)
    found, reader = read(path)
    rate = soundfile.info(tmp_path / "2.oga").samplerate if kind != "flac" else 16000
    assert found.shape == (1, 3 * 48000)
    assert reader.notes == [f"from 1.00 s on it has 2 channel(s) at {rate} Hz: converted to 1 at 48000 Hz"]
    alone = read_audio(tmp_path / "2.oga")[0].mean(dim=0)
    assert np.corrcoef(found[0, 48000:], resample(alone, rate, 48000))[0, 1] > 0.999
    np.testing.assert_allclose(read_audio(path, 100_000, 3000)[0], found[:, 100_000:103_000], atol=1e-3)


def test_an_opus_part_with_pages_marked_late_is_whole(tmp_path: Path) -> None:
    first, second = part(tmp_path / "1.opus", "opus", 100, 1.0), part(tmp_path / "2.opus", "opus", 130, 8.0)
    mark_late(tmp_path / "2.opus", 4)
    path = tmp_path / "a.opus"
    path.write_bytes(first + (tmp_path / "2.opus").read_bytes())
    assert len(second) and read(path)[0].shape == (1, 9 * 48000)


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_damage_in_one_part_loses_no_other(tmp_path: Path, kind: str) -> None:
    first, second = part(tmp_path / "1.oga", kind, 100, 6.0), part(tmp_path / "2.oga", kind, 130, 2.0)
    path, middle = tmp_path / "a.ogg", len(first) // 2
    path.write_bytes(first[:middle] + bytes(100) + first[middle + 100 :] + second)
    found, reader = read(path)
    # A decoder may fill up the gap.
    assert 5.5 < found.shape[1] / 48000 <= 8 and "damaged pages: 1" in str(reader.damage)
    np.testing.assert_allclose(found[:, -96000:], read_audio(tmp_path / "2.oga")[0], atol=1e-6)
    path.write_bytes(first[:-50] + second)  # the first one's last page is cut
    found, reader = read(path)
    assert 5.5 < found.shape[1] / 48000 < 8 and reader.damage == "cut short: its last page is not whole"
    np.testing.assert_allclose(found[:, -96000:], read_audio(tmp_path / "2.oga")[0], atol=1e-6)


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_a_lost_page_is_said(tmp_path: Path, kind: str) -> None:
    content = bytearray(part(tmp_path / "a.oga", kind, 100, 6.0))
    with AudioReader(tmp_path / "a.oga") as reader:
        list(reader.blocks(keep_damaged=True))
        assert not reader.is_truncated
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.oga").write_bytes(content)
    found, reader = read(tmp_path / "a.oga")
    assert 3.5 < found.shape[1] / 48000 <= 6 and "damaged pages: 1" in str(reader.damage) and reader.is_truncated


def test_pages_behind_damage_are_found(tmp_path: Path) -> None:
    from separator.audio.ogg import find_links, read_pages

    page = b"OggS\0" + b"\2" + struct.pack("<qIII", 7, 1, 0, 0) + b"\1\3abc"
    path = tmp_path / "a.ogg"
    for gap in (0, 1, 3, 200_000, 262_137):
        path.write_bytes(page + bytes(gap) + page.replace(b"\0\2", b"\0\0", 1) + b"Ogg" + page)
        pages = list(read_pages(path))
        assert [each.start for each in pages] == [0, 31 + gap, 31 + gap + 31 + 3]
        assert find_links(path) == [(0, 65 + gap), (65 + gap, 96 + gap)]

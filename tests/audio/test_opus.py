"""Opus whose pages FFmpeg marked at a wrong time: libsndfile fails in the middle of such a file."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader, read_audio
from separator.errors import InputError
from tests.speech import buzz

LATE = 488
"""Samples at 48 kHz by which FFmpeg 5 marks some pages late."""


def checksum(page: bytes) -> int:
    """Of an Ogg page (RFC 3533): CRC-32 of the polynomial 0x04c11db7, not reflected."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def mark_late(path: Path, number: int) -> None:
    """Mark page `number` of an Ogg file `LATE` samples late."""
    content = bytearray(path.read_bytes())
    start = 0
    for _ in range(number):
        start += 27 + content[start + 26] + sum(content[start + 27 : start + 27 + content[start + 26]])
    end = start + 27 + content[start + 26] + sum(content[start + 27 : start + 27 + content[start + 26]])
    page = content[start:end]
    assert page[:4] == b"OggS"
    page[6:14] = struct.pack("<q", struct.unpack("<q", page[6:14])[0] + LATE)
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", checksum(page))
    path.write_bytes(content[:start] + page + content[end:])


@pytest.mark.parametrize(("sample_rate", "tolerance"), [(48000, 1e-3), (16000, 0.1)])  # decoders differ at 16 kHz
def test_a_page_marked_late_loses_nothing(tmp_path: Path, sample_rate: int, tolerance: float) -> None:
    talk = buzz(100, 500, 8.0, sample_rate)
    whole, late = tmp_path / "whole.opus", tmp_path / "late.opus"
    soundfile.write(whole, talk, sample_rate, subtype="OPUS", format="OGG")
    late.write_bytes(whole.read_bytes())
    mark_late(late, 4)
    with pytest.raises(soundfile.LibsndfileError):  # else this test shows nothing
        soundfile.read(late)
    expected, _ = read_audio(whole)
    with AudioReader(late) as reader:
        found = np.concatenate([block.numpy() for block in reader.blocks(777)], axis=1)
        assert (reader.sample_rate, reader.is_truncated, reader.damage) == (sample_rate, False, None)
        reader.seek(sample_rate)  # back, to before the page
        again = next(iter(reader.blocks(1000))).numpy()
    assert found.shape == expected.shape == (1, 8 * sample_rate)
    error = np.sqrt(np.mean((found - expected.numpy()) ** 2) / np.mean(expected.numpy() ** 2))
    assert error < tolerance  # a shift by one sample gives more than 0.1 at 16 kHz as well
    np.testing.assert_allclose(again, expected[:, sample_rate : sample_rate + 1000], atol=0.02)


def test_a_page_marked_late_hides_no_missing_end(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    soundfile.write(path, buzz(100, 500, 8.0, 48000), 48000, subtype="OPUS", format="OGG")
    mark_late(path, 4)
    content = path.read_bytes()
    last = content.rfind(b"OggS")
    before = content.rfind(b"OggS", 0, last)
    path.write_bytes(content[:before] + content[last:])  # the length promised stays
    with AudioReader(path) as reader:
        assert reader.num_samples == 8 * 48000
        with pytest.raises(InputError, match=r"a\.opus: damaged after [67]\.\d\d s"):
            list(reader.blocks(1000))
    path.write_bytes(content[:last])
    with AudioReader(path) as reader:
        assert reader.is_truncated

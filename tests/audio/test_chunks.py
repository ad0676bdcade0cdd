"""A chunk of an odd size without its pad byte, as some recorders write, is no damage: what follows it is read."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader
from tests.speech import buzz


def write(path: Path, subtype: str, where: bytes, name: bytes, pad: bytes, size: int = 5) -> Path:
    """Write a file with one more chunk, of so many bytes, before another."""
    soundfile.write(path, np.stack([buzz(100, 500, 0.5, 16000)] * 2, axis=1), 16000, subtype=subtype)
    content = path.read_bytes()
    at = content.index(where)
    chunk = name + struct.pack("<I" if content[:4] == b"RIFF" else ">I", size) + b"x" * size + pad
    content = content[:at] + chunk + content[at:]
    form = struct.Struct("<I" if content[:4] == b"RIFF" else ">I")
    path.write_bytes(content[:4] + form.pack(len(content) - 8) + content[8:])
    return path


def read(path: Path) -> np.ndarray:
    with AudioReader(path) as reader:
        found = np.concatenate([block.numpy() for block in reader.blocks(999)], axis=1)
        assert not reader.is_truncated and reader.damage is None
        assert reader.num_samples == found.shape[1]
    return found


@pytest.mark.parametrize("pad", [b"", b"\0", b"y"])
@pytest.mark.parametrize(
    ("suffix", "subtype", "where", "name"),
    [
        ("wav", "PCM_16", b"data", b"bext"),
        ("wav", "FLOAT", b"fmt ", b"junk"),
        ("wav", "MS_ADPCM", b"data", b"iXML"),
        ("wav", "IMA_ADPCM", b"fact", b"LIST"),
        ("aiff", "PCM_24", b"SSND", b"NAME"),
        ("aiff", "ULAW", b"COMM", b"abcd"),
    ],
)
def test_a_forgotten_pad_byte_changes_nothing(
    suffix: str, subtype: str, where: bytes, name: bytes, pad: bytes, tmp_path: Path
) -> None:
    odd = write(tmp_path / f"odd.{suffix}", subtype, where, name, pad)
    even = write(tmp_path / f"even.{suffix}", subtype, where, name, b"", size=6)
    np.testing.assert_array_equal(read(odd), read(even))
    assert read(odd).shape[0] == 2 and read(odd).std() > 0.01


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_a_chunk_right_behind_sound_of_an_odd_size_is_no_sound(pad: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 500, 0.5, 16000)[:7001], 16000, subtype="PCM_U8")
    content = path.read_bytes()[: 44 + 7001] + pad + b"LIST" + struct.pack("<I", 4) + b"INFO"
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    assert read(path).shape == (1, 7001)

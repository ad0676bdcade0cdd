"""An MP4 plays the pieces that its edit list names, to the sample; what that does not tell is noted."""

import struct
from pathlib import Path

import numpy as np
import pytest

from separator.audio.reading import AudioReader
from tests.audio.encoding import encode
from tests.speech import buzz

RATE = 48_000
PRIMING = 1024


def with_edits(boxes: bytes, edits: list[tuple[int, int]]) -> bytes:
    """Return the boxes with other edits: each a length in milliseconds and a first sample, -1 for silence."""
    found, at = b"", 0
    while at < len(boxes):
        length, name = struct.unpack_from(">I4s", boxes, at)
        content = boxes[at + 8 : at + length]
        if name in (b"moov", b"trak", b"edts"):
            content = with_edits(content, edits)
        if name == b"elst":
            content = struct.pack(">II", 0, len(edits))
            content += b"".join(struct.pack(">IiI", length, start, 1 << 16) for length, start in edits)
        found += struct.pack(">I4s", 8 + len(content), name) + content
        at += length
    return found


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    with AudioReader(path) as reader:
        found = np.concatenate([block[0].numpy() for block in reader.blocks(999)])
        assert reader.num_samples == len(found) and not reader.is_truncated and reader.damage is None
        return found, reader.notes


@pytest.mark.parametrize(
    "pieces",
    [
        [(0, 48_000), (96_000, 144_000)],
        [(0, 48_000), (48_000, 96_000)],
        [(24_000, 72_000)],
        [(480, 960), (1008, 1056), (1104, 1152), (48_480, 100_000 - 448)],
    ],
)
def test_pieces_in_their_order_are_played_to_the_sample(pieces: list[tuple[int, int]], tmp_path: Path) -> None:
    content = encode(tmp_path / "a.m4a", buzz(100, 600, 4.0, RATE)[:, None], RATE, "aac", bit_rate=96_000).read_bytes()
    whole, notes = read(tmp_path / "a.m4a")
    assert notes == [] and len(whole) == 4 * RATE
    (tmp_path / "b.m4a").write_bytes(
        with_edits(content, [((last - first) // 48, PRIMING + first) for first, last in pieces])
    )
    found, notes = read(tmp_path / "b.m4a")
    assert notes == []
    np.testing.assert_array_equal(found, np.concatenate([whole[first:last] for first, last in pieces]))


def test_pieces_in_another_order_are_as_long_as_they_say(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.m4a", buzz(100, 600, 4.0, RATE)[:, None], RATE, "aac", bit_rate=96_000).read_bytes()
    (tmp_path / "b.m4a").write_bytes(with_edits(content, [(1000, PRIMING + RATE), (500, PRIMING)]))
    assert len(read(tmp_path / "b.m4a")[0]) == 1.5 * RATE


def test_what_no_edit_list_tells_is_noted(tmp_path: Path) -> None:
    content = encode(tmp_path / "a.m4a", buzz(100, 600, 1.0, RATE)[:, None], RATE, "aac", bit_rate=96_000).read_bytes()
    whole, _ = read(tmp_path / "a.m4a")
    (tmp_path / "late.m4a").write_bytes(with_edits(content, [(500, -1), (1000, PRIMING)]))
    found, notes = read(tmp_path / "late.m4a")
    np.testing.assert_array_equal(found, whole)
    assert notes == ["the sound begins 0.50 s into the file, the sources begin with the sound"]
    for name, changed in (("none", content.replace(b"edts", b"free")), ("all", with_edits(content, [(1022, 0)]))):
        (tmp_path / f"{name}.m4a").write_bytes(changed)
        found, notes = read(tmp_path / f"{name}.m4a")
        np.testing.assert_array_equal(found[PRIMING : PRIMING + RATE], whole)
        assert len(notes) == 1 and "all is taken, with up to 0.05 s of padding at either end" in notes[0]

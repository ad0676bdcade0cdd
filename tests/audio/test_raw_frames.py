"""Damage in raw MP3 and AAC leaves what follows where it was; what is put between frames loses none of them."""

from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest

from separator.audio.reading import AudioReader
from tests.audio.encoding import encode
from tests.speech import buzz

RATE = 44100


@pytest.fixture(scope="module", params=["mp3", "aac"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds, of MP3 at a constant bit rate."""
    path = tmp_path_factory.mktemp("raw") / f"talk.{request.param}"
    options = {"write_xing": "0", "id3v2_version": "0"} if request.param == "mp3" else {}
    codec = "libmp3lame" if request.param == "mp3" else "aac"
    return encode(path, buzz(100, 600, 8.0, RATE)[:, None], RATE, codec, False, options, 64_000)


def frame_ends(path: Path) -> list[int]:
    """The byte behind each frame, by FFmpeg."""
    with av.open(str(path)) as container:
        return list(accumulate(packet.size for packet in container.demux(audio=0)))


def read(path: Path) -> tuple[np.ndarray, str | None]:
    with AudioReader(path) as reader:
        found = np.concatenate([block[0].numpy() for block in reader.blocks(4096, keep_damaged=True)])
        return found, reader.damage


@pytest.mark.parametrize("first", [100, 103])
@pytest.mark.parametrize("frames", [1, 6])
def test_damage_moves_nothing(whole: Path, tmp_path: Path, first: int, frames: int) -> None:
    content, ends = bytearray(whole.read_bytes()), frame_ends(whole)
    expected, nothing = read(whole)
    assert nothing is None
    start, end = ends[first] - 90, ends[first + frames] - 90  # from within a frame to within a later one
    content[start:end] = bytes(end - start)
    path = tmp_path / whole.name
    path.write_bytes(content)
    found, damage = read(path)
    samples = 1152 if whole.suffix == ".mp3" else 1024
    assert "damaged after" in str(damage)
    late = len(found) - len(expected)
    # AAC's frames are of any length: of several lost ones the number is the nearest.
    assert late == 0 if whole.suffix == ".mp3" or frames == 1 else late in (-samples, 0, samples)
    for part in (slice(0, 99 * samples), slice(-3 * RATE, None)):
        assert np.square(found[part] - expected[part]).sum() < 0.01 * np.square(expected[part]).sum()  # AAC has noise


@pytest.mark.parametrize(
    "between",
    [b"StreamTitle='a song';" + bytes(21), b"TAG" + bytes(125), b"ID3\4\0\0\0\1\0\0" + b"\xff\xfb" * (1 << 13)],
    ids=["text", "ID3v1", "ID3v2"],
)
def test_what_is_put_between_frames_loses_none(whole: Path, tmp_path: Path, between: bytes) -> None:
    content, at = whole.read_bytes(), frame_ends(whole)[150]
    path = tmp_path / whole.name
    path.write_bytes(content[:at] + between + content[at:])
    found, damage = read(path)
    expected, _ = read(whole)
    if whole.suffix == ".mp3" and between.startswith(b"ID3"):
        return  # another file begins there: it has a delay of its own
    np.testing.assert_allclose(found, expected, atol=1e-6)
    if between.startswith(b"Stream"):
        assert ("42 bytes between its frames are none" in str(damage)) == (whole.suffix == ".mp3")
    else:
        assert damage is None

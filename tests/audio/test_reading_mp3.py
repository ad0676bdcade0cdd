"""MP3 files of every kind are read to their real end, and damaged ones but for the damage."""

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch

from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import resample
from separator.errors import InputError
from tests.audio.encoding import encode
from tests.speech import buzz

ROOT = Path(__file__).parent.parent.parent

RATE, FRAME = 44100, 1152

DELAY = 1105
"""Samples by which a decoded MP3 is late: 576 in LAME, 529 in every decoder."""


def mp3(path: Path, seconds: float, bit_rate: int = 64_000, header: bool = True, rate: int = RATE) -> bytes:
    """An MP3 of one buzz, with or without the header that tells its length."""
    options = {"write_xing": str(int(header)), "id3v2_version": "0"}
    audio = buzz(100, 600, seconds, rate)[:, None]
    return encode(path, audio, rate, "libmp3lame", False, options, bit_rate).read_bytes()


def num_frames(path: Path) -> int:
    """Frames of an MP3, by FFmpeg."""
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(audio=0))


def read(path: Path) -> tuple[np.ndarray, AudioReader]:
    """All that can be decoded, as `(C, T)`, and the reader, closed."""
    with AudioReader(path) as reader:
        return np.concatenate([block.numpy() for block in reader.blocks(4096, keep_damaged=True)], axis=1), reader


@pytest.mark.parametrize("header", [True, False])
def test_a_whole_file_is_read_whole_and_not_called_short(tmp_path: Path, header: bool) -> None:
    path = tmp_path / "a.mp3"
    mp3(path, 3.0, header=header)
    found, reader = read(path)
    assert found.shape == (1, 3 * RATE if header else num_frames(path) * FRAME - DELAY)
    assert reader.length_is_known == header and not reader.is_truncated and reader.damage is None


def test_of_a_variable_rate_without_header_the_end_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(
        mp3(tmp_path / "loud.mp3", 1.0, 256_000, header=False) + mp3(tmp_path / "b.mp3", 6.0, 32_000, header=False)
    )
    found, reader = read(path)
    frames = num_frames(tmp_path / "loud.mp3") + num_frames(tmp_path / "b.mp3")
    assert found.shape == (1, frames * FRAME - DELAY) and not reader.is_truncated
    assert reader.num_samples < 0.5 * frames * FRAME  # by the first frames' bit rate; else this test shows nothing


@pytest.mark.parametrize("second_rate", [44100, 22050])
@pytest.mark.parametrize("tags", [b"", b"TAG" + bytes(125), b"TAG" + bytes(125) + b"ID3\4\0\0\0\0\1\0" + bytes(128)])
def test_joined_files_are_as_long_as_all_of_them(tmp_path: Path, second_rate: int, tags: bytes) -> None:
    first, second = mp3(tmp_path / "1.mp3", 2.0), mp3(tmp_path / "2.mp3", 1.5, rate=second_rate)
    path = tmp_path / "a.mp3"
    path.write_bytes(first + tags + second + tags + first)
    found, reader = read(path)
    assert found.shape == (1, round(5.5 * RATE)) and not reader.is_truncated and reader.damage is None
    assert len(reader.notes) == (0 if second_rate == RATE else 2)
    for start, seconds, rate in ((0, 2.0, RATE), (2 * RATE, 1.5, second_rate), (round(3.5 * RATE), 2.0, RATE)):
        expected = resample(torch.from_numpy(buzz(100, 600, seconds, rate)), rate, RATE).numpy()
        part = found[0, start : start + len(expected)]
        assert np.corrcoef(part, expected)[0, 1] > 0.9, rate


def test_joined_files_without_headers_lose_nothing(tmp_path: Path) -> None:
    parts = [mp3(tmp_path / f"{number}.mp3", 1.0 + number, header=number == 2) for number in range(3)]
    path = tmp_path / "a.mp3"
    path.write_bytes(b"".join(parts))
    found, reader = read(path)
    frames = sum(num_frames(tmp_path / f"{number}.mp3") for number in range(2))
    assert found.shape == (1, frames * FRAME - DELAY + 3 * RATE) and not reader.is_truncated


@pytest.mark.parametrize("damage", [bytes(3000), np.random.default_rng(0).bytes(3000), b""])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6])
def test_all_but_the_damage_is_read(tmp_path: Path, damage: bytes, place: float) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path, 20.0)
    at = int(place * len(content))
    path.write_bytes(content[:at] + damage + content[at + 3000 :])
    found, reader = read(path)
    assert 19.3 < found.shape[1] / RATE < 20.1 and reader.is_truncated
    expected = buzz(100, 600, 20.0, RATE)[-RATE:]
    ends = found[0, -RATE - 2 * FRAME :]
    assert np.correlate(ends, expected).max() > 0.9 * np.square(expected).sum()
    if damage and place:
        assert "damaged after" in str(reader.damage)
        with AudioReader(path) as reader, pytest.raises(InputError, match=r"a\.mp3: damaged after"):
            list(reader.blocks())


def test_a_cut_file_is_called_short(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = mp3(path, 10.0)
    path.write_bytes(content[: len(content) // 2])
    found, reader = read(path)
    assert 4.9 < found.shape[1] / RATE < 5.1 and reader.is_truncated


def test_a_part_is_that_part_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    mp3(path, 3.0)
    np.testing.assert_array_equal(read_audio(path, 50_000, 7_000)[0], read_audio(path)[0][:, 50_000:57_000])


def test_what_libsndfile_writes_it_reads_as_libsndfile_does(tmp_path: Path) -> None:
    audio = np.stack([buzz(100, 600, 1.7, RATE), buzz(150, 900, 1.7, RATE)], axis=1)
    with soundfile.SoundFile(tmp_path / "a.mp3", "w", RATE, 2) as file:
        file.title = "Gespräch"
        file.write(audio)
    found, reader = read(tmp_path / "a.mp3")
    expected, _ = soundfile.read(tmp_path / "a.mp3", always_2d=True)
    assert found.shape == expected.T.shape and reader.tags == {"title": "Gespräch"}
    np.testing.assert_allclose(found, expected.T, atol=1e-4)


READ = """
import sys
from pathlib import Path
from tests.audio.mutated import read_through
for name in sys.argv[1:]:
    print(read_through(Path(name)))
"""


def test_decoders_write_nothing_to_standard_error(tmp_path: Path) -> None:
    content = mp3(tmp_path / "whole.mp3", 5.0)
    soundfile.write(tmp_path / "sf.mp3", buzz(100, 600, 1.0), 16000)
    encode(tmp_path / "in.wav", buzz(100, 600, 1.0, RATE)[:, None], RATE, "libmp3lame")
    kinds = {
        "cut": content[:-100],
        "damaged": content[:20_000] + np.random.default_rng(0).bytes(2000) + content[22_000:],
        "junk": bytes(70_000) + content,
        "zeros": bytes(100_000),
        "text": b"dear diary\n" * 50,
        "tagged": b"ID3\4\0\0\0\0\1\0" + bytes(128) + content + b"TAG" + bytes(125),
        "lost": b"ID3\4\0\0\0\0\1\0" + bytes(128) + b"no sound" * 100,
        "sync": b"\xff\xfb" + b"no sound" * 100,
    }
    for name, each in kinds.items():
        (tmp_path / f"{name}.mp3").write_bytes(each)
    names = [str(tmp_path / name) for name in ("whole.mp3", "sf.mp3", "in.wav", *(f"{kind}.mp3" for kind in kinds))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", READ, *names], env=environment, capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == ""
    outcomes = dict(zip((Path(name).stem for name in names), result.stdout.split(), strict=True))
    refused = {"zeros", "text", "lost", "sync"}
    assert outcomes == {name: "refused" if name in refused else "read" for name in outcomes}

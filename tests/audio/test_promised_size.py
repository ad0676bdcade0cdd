"""What was cut is called so by the size that its header promises, and what is whole is not."""

import struct
from pathlib import Path

import pytest
import soundfile

from separator.audio.file_part import FilePart
from separator.audio.promised_size import FLV_FILE_SIZE, describe_cut
from separator.audio.reading import AudioReader
from tests.audio.encoding import encode
from tests.speech import buzz


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("avi", "pcm_s16le"), ("mkv", "pcm_s16le"), ("wmv", "wmav2"), ("flv", "pcm_s16le"), ("mov", "pcm_s16le")],
)
def test_a_film_that_was_cut_is_called_so(tmp_path: Path, suffix: str, codec: str) -> None:
    """Its pictures end after 0.3 s, its sound after 1 s."""
    audio = buzz(100, 600, 1.0, 44100)[:, None]
    options = {"movflags": "faststart"} if suffix == "mov" else {}
    path = encode(
        tmp_path / f"film.{suffix}", audio, 44100, codec, video=suffix != "flv", options=options, bit_rate=96_000
    )
    content = path.read_bytes()
    for size, is_cut in ((len(content), False), (len(content) * 2 // 3, True)):
        path.write_bytes(content[:size])
        with AudioReader(path) as reader:
            samples = sum(block.shape[1] for block in reader.blocks(keep_damaged=True))
            assert reader.is_truncated == is_cut
            if is_cut and suffix != "mov":
                message = f"cut short: its header promises {len(content)} bytes, it has {size}"
                assert str(reader.damage).startswith(message)
        assert samples > (20_000 if is_cut else 44_000)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_S8", "PCM_16", "FLOAT"])
@pytest.mark.parametrize("audio_format", ["AIFF", "CAF", "AU", "W64", "WAV", "RF64"])
def test_a_file_that_was_cut_is_called_so(tmp_path: Path, audio_format: str, subtype: str) -> None:
    if not soundfile.check_format(audio_format, subtype):
        pytest.skip("not in this format")
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 600, 0.5, 16000)[:7002], 16000, format=audio_format, subtype=subtype)
    content = path.read_bytes()
    for size, is_cut in ((len(content), False), (len(content) - 100, True)):
        path.write_bytes(content[:size])
        with AudioReader(path) as reader:
            samples = sum(block.shape[1] for block in reader.blocks(keep_damaged=True))
            assert reader.is_truncated == is_cut and (samples == 7002) != is_cut and samples > 6800


@pytest.mark.parametrize(("audio_format", "at"), [("W64", 56), ("CAF", 12), ("AIFF", 16)])
def test_a_chunk_of_any_size_is_no_fault_of_ours(tmp_path: Path, audio_format: str, at: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, buzz(100, 600, 0.5, 16000), 16000, format=audio_format, subtype="PCM_16")
    content = path.read_bytes()
    size = 4 if audio_format == "AIFF" else 8
    path.write_bytes(content[:at] + b"\x7f" * size + content[at + size :])
    with FilePart(path) as part:
        assert describe_cut(part, None) is None


@pytest.mark.parametrize(("told", "is_cut"), [(float("nan"), False), (float("inf"), False), (1e6, True), (3.0, False)])
def test_the_size_that_an_flv_tells(tmp_path: Path, told: float, is_cut: bool) -> None:
    path = tmp_path / "a.flv"
    path.write_bytes(b"FLV\1\4" + FLV_FILE_SIZE + struct.pack(">d", told))
    with FilePart(path) as part:
        assert (describe_cut(part, "flv") is not None) == is_cut
    path.write_bytes(b"FLV\1\4" + FLV_FILE_SIZE + b"\0")
    with FilePart(path) as part:
        assert describe_cut(part, "flv") is None

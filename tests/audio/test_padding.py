"""Decoded sound begins where the encoded one did, and where a file does not tell its padding, it is said."""

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from separator.audio.reading import AudioReader, read_audio
from separator.audio.resampling import resample
from tests.audio.encoding import encode
from tests.speech import buzz

TOLD = [("m4a", "aac"), ("mov", "aac"), ("mp4", "libopus"), ("mp3", "libmp3lame"), ("webm", "libopus"),
        ("mkv", "flac"), ("oga", "flac"), ("opus", "libopus")]  # fmt: skip

UNTOLD = [("aac", "aac"), ("mp2", "mp2"), ("mkv", "ac3")]


def delay(found: np.ndarray, reference: np.ndarray) -> int:
    """Samples by which a signal is late, by cross-correlation."""
    return int(np.argmax(scipy.signal.correlate(found, reference, "full"))) - len(reference) + 1


def read(path: Path) -> tuple[np.ndarray, AudioReader]:
    """All of it as `(C, T)`, and the reader, closed."""
    with AudioReader(path) as reader:
        return np.concatenate([block.numpy() for block in reader.blocks(999)], axis=1), reader


@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (48000, 2), (16000, 1)])
@pytest.mark.parametrize(("suffix", "codec"), [*TOLD, *UNTOLD])
def test_sound_is_not_late(tmp_path: Path, suffix: str, codec: str, rate: int, channels: int) -> None:
    if (codec == "ac3" and rate == 16000) or (codec == "libopus" and rate == 44100):
        pytest.skip("not a rate of this codec")
    audio = np.stack([buzz(100 + 40 * each, 600, 7919 / 16000, rate) for each in range(channels)], axis=1)
    found, reader = read(encode(tmp_path / f"a.{suffix}", audio, rate, codec, bit_rate=96_000))
    wanted = resample(torch.from_numpy(np.ascontiguousarray(audio.T)), rate, reader.sample_rate).numpy()
    assert all(delay(found[each], wanted[each]) == 0 for each in range(channels))
    more = found.shape[1] - wanted.shape[1]
    least = -481 if codec == "mp2" else 0  # FFmpeg's encoder of that keeps the end for itself
    assert more == 0 if (suffix, codec) in TOLD else least <= more < 0.1 * reader.sample_rate
    assert len(reader.notes) == ((suffix, codec) in UNTOLD)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg, which encodes what PyAV does not")
@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "lag"),
    [("spx", "libspeex", 8000, 80), ("spx", "libspeex", 16000, 223), ("mkv", "libspeex", 32000, 509),
     ("rm", "real_144", 8000, 160), ("mov", "dca", 44100, 480)],
)  # fmt: skip
def test_the_delay_of_a_codec_is_left_out_and_noted(
    tmp_path: Path, suffix: str, codec: str, rate: int, lag: int
) -> None:
    audio = buzz(100, 600, 1.0, rate)
    soundfile.write(tmp_path / "a.wav", audio, rate)
    path = tmp_path / f"a.{suffix}"
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.wav"), "-strict", "-2", "-c:a", codec, str(path)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"this ffmpeg has no {codec}")
    found, reader = read(path)
    assert abs(delay(found[0], audio)) <= (32 if codec == "dca" else 4)  # DTS by its encoder
    assert abs(found.shape[1] - rate) < 0.05 * rate and not reader.is_truncated
    (note,) = reader.notes
    assert f"the first {lag} samples, by which its codec is always late, are left out" in note


@pytest.mark.parametrize("forgotten", ["header", "delay"])
def test_an_mp3_that_does_not_tell_its_delay_is_not_late(tmp_path: Path, forgotten: str) -> None:
    audio = buzz(100, 600, 1.0, 44100)[:, None]
    options = {"write_xing": str(int(forgotten != "header")), "id3v2_version": "0"}
    path = encode(tmp_path / "a.mp3", audio, 44100, "libmp3lame", options=options)
    content = bytearray(path.read_bytes())
    if forgotten == "delay":
        at = max(content.find(b"Info"), content.find(b"Xing")) + 141  # LAME's tag: 12 bits each of delay and padding
        assert content[at : at + 2] == b"\x24\x00" or content[at] == 0x24
        content[at : at + 3] = bytes(3)
    path.write_bytes(content)
    found, reader = read(path)
    assert delay(found[0], audio[:, 0]) == 0 and 0 <= found.shape[1] - 44100 < 2 * 1152
    assert len(reader.notes) == 1 and "1105 samples" in reader.notes[0]


def test_opus_in_matroska_begins_where_its_own_header_says(tmp_path: Path) -> None:
    """FFmpeg 5 wrote the container's number in samples of the input's rate, as if they were of 48 kHz."""
    audio = buzz(100, 600, 1.0, 48000)[:, None]
    path = encode(tmp_path / "a.mka", audio, 48000, "libopus")
    right, content = read_audio(path)[0].numpy(), path.read_bytes()
    delay_field = b"\x56\xaa\x83" + (6_500_000).to_bytes(3, "big")
    assert delay_field in content
    path.write_bytes(content.replace(delay_field, b"\x56\xaa\x83" + (2_166_667).to_bytes(3, "big")))
    np.testing.assert_array_equal(read_audio(path)[0].numpy()[:, :47_000], right[:, :47_000])


@pytest.mark.parametrize("flags", ["empty_moov", "empty_moov+default_base_moof", "delay_moov"])
def test_an_mp4_in_fragments_is_not_late(tmp_path: Path, flags: str) -> None:
    """As streams are saved, and browsers record: the first of these have no edit list."""
    audio = buzz(100, 600, 3.0, 44100)[:, None]
    options = {"movflags": flags, "frag_duration": "500000"}
    found, reader = read(encode(tmp_path / "a.mp4", audio, 44100, "aac", options=options, bit_rate=96_000))
    assert found.shape[1] == 3 * 44100 and delay(found[0], audio[:, 0]) == 0 and not reader.is_truncated
    assert ["1024 samples" in note for note in reader.notes] == [True] * ("empty" in flags)


def test_vorbis_in_matroska_says_where_its_end_is_not_told(tmp_path: Path) -> None:
    audio = buzz(100, 600, 1.0, 44100)[:44_000]
    soundfile.write(tmp_path / "a.ogg", audio, 44100)
    for tells in (True, False):
        path = tmp_path / f"{tells}.mkv"
        with av.open(str(tmp_path / "a.ogg")) as source, av.open(str(path), "w") as target:
            stream = target.add_stream_from_template(source.streams.audio[0])
            for each in source.demux(audio=0):
                packet = each if tells else av.Packet(bytes(each))  # without what is told beside it
                packet.pts, packet.dts, packet.time_base, packet.stream = each.pts, each.dts, each.time_base, stream
                if packet.size:
                    target.mux(packet)
        found, reader = read(path)
        if tells:
            assert found.shape[1] == 44_000 and reader.notes == []
        else:
            most = int(reader.notes[0].split("up to ")[1].split()[0])
            assert 0 < found.shape[1] - 44_000 <= most < 2048
        assert delay(found[0], audio) == 0

"""What is lost of a container's packets is silence of the same length, and told."""

from pathlib import Path

import av
import numpy as np
import pytest

from separator.audio.flac import frame_start
from separator.audio.reading import AudioReader
from separator.errors import InputError
from tests.audio.encoding import encode
from tests.speech import buzz


def without_packets(path: Path, target: Path, first: int, last: int) -> None:
    """Copy a container but for some of its packets."""
    with av.open(str(path)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.audio[0])
        for number, packet in enumerate(source.demux(audio=0)):
            if packet.size and not first <= number < last:
                packet.stream = stream
                copy.mux(packet)


@pytest.mark.parametrize(("codec", "frame"), [("libopus", 960), ("aac", 1024), ("flac", 4608)])
def test_lost_packets_are_silence(tmp_path: Path, codec: str, frame: int) -> None:
    audio = buzz(100, 600, 6.0, 48000)[:, None]
    path, damaged = tmp_path / "a.mka", tmp_path / "b.mka"
    encode(path, audio, 48000, codec)
    without_packets(path, damaged, 20, 30)
    found = {}
    for name in (path, damaged):
        with AudioReader(name) as reader:
            found[name] = np.concatenate([block[0].numpy() for block in reader.blocks(4800, keep_damaged=True)])
            assert reader.is_truncated == (name == damaged)
    assert f"{10 * frame / 48000:.2f} s are missing" in str(reader.damage)
    assert abs(len(found[damaged]) - len(found[path])) < 100
    at = round(21.5 * frame)
    assert not found[damaged][at : at + 7 * frame].any()
    np.testing.assert_allclose(found[damaged][: 18 * frame], found[path][: 18 * frame], atol=1e-6)
    rest = slice(40 * frame, 40 * frame + 48000)
    lags = np.correlate(found[damaged][rest], found[path][rest], "full")
    assert abs(lags.argmax() - 47_999) < 100  # times are in milliseconds
    with AudioReader(damaged) as reader, pytest.raises(InputError, match=r"damaged after .* missing"):
        list(reader.blocks())


def test_flac_frames_say_where_they_are(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", np.zeros((4608 * 300, 1), np.float32), 48000, "flac")
    with av.open(str(path)) as container:
        header = container.streams.audio[0].codec_context.extradata
        block = int.from_bytes(header[2:4], "big")
        starts = [frame_start(bytes(packet)[:16], header) for packet in container.demux(audio=0) if packet.size]
    assert starts == [block * number for number in range(len(starts))] and len(starts) > 128  # numbers of two bytes
    assert frame_start(b"\xff\xf9" + bytes(2) + "\U00012345".encode() + bytes(8), header) == 0x12345
    assert frame_start(b"no frame of FLAC", header) is None

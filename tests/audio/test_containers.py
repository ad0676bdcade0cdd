"""Sound out of MP4, WebM, Matroska and AAC files."""

import shutil
import struct
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from separator.audio.reading import AudioReader, read_audio
from separator.errors import InputError
from tests.audio.encoding import encode
from tests.speech import buzz
from tests.stem_file import example_stem_file


def talk(sample_rate: int, channels: int, seconds: float = 1.0) -> np.ndarray:
    voices = [buzz(100 + 20 * each, 500 + 100 * each, seconds, sample_rate) for each in range(channels)]
    return np.stack(voices, axis=1)


@pytest.mark.parametrize(
    ("suffix", "codec", "sample_rate", "channels"),
    [
        ("m4a", "aac", 44100, 2),
        ("mp4", "aac", 8000, 1),
        ("stem.mp4", "aac", 48000, 2),
        ("webm", "libopus", 48000, 2),
        ("mkv", "flac", 192000, 1),
        ("mkv", "pcm_s16le", 22050, 6),
        ("aac", "aac", 16000, 1),
    ],
)
def test_the_sound_is_read_whole(tmp_path: Path, suffix: str, codec: str, sample_rate: int, channels: int) -> None:
    audio = talk(sample_rate, channels)
    path = encode(tmp_path / f"talk.{suffix}", audio, sample_rate, codec, video=suffix == "mp4")
    waveform, rate = read_audio(path)
    assert rate == sample_rate and waveform.shape[0] == channels
    found = waveform.numpy().T[: len(audio)]
    if codec in ("flac", "pcm_s16le"):
        np.testing.assert_allclose(found, audio, atol=1e-4)
        assert waveform.shape[1] == len(audio)
    else:
        # MP4 and WebM say where the padding begins; raw AAC has no place to say so.
        missing = waveform.shape[1] - len(audio)
        assert 0 <= missing < 1024 if suffix == "aac" else missing == 0
        assert all(np.corrcoef(found[:, each], audio[:, each])[0, 1] > 0.9 for each in range(channels))


@pytest.mark.parametrize("num_samples", [1, 7, 1023, 1024, 1025, 44101, 88207, 132345])
@pytest.mark.parametrize(("suffix", "codec"), [("m4a", "aac"), ("mov", "aac"), ("mp4", "libmp3lame"), ("m4a", "alac")])
def test_an_mp4_is_as_long_as_what_was_encoded(tmp_path: Path, num_samples: int, suffix: str, codec: str) -> None:
    # FFmpeg writes edit lists in whole milliseconds: of a last frame that is shorter than one, it plays nothing.
    if codec == "libmp3lame" and num_samples < 1000:
        pytest.skip("FFmpeg writes more than was there")
    audio = np.resize(talk(44100, 1), (num_samples, 1))
    with AudioReader(encode(tmp_path / f"talk.{suffix}", audio, 44100, codec)) as reader:
        assert sum(block.shape[1] for block in reader.blocks(1000)) == num_samples
        assert not reader.is_truncated and reader.notes == []


def test_an_mp4_that_has_its_length_in_a_tag_of_itunes_is_as_long_as_that_says(tmp_path: Path) -> None:
    path, audio = tmp_path / "talk.m4a", talk(44100, 1, 1.0)
    content = encode(path, audio, 44100, "aac", title="a title").read_bytes()
    content = content.replace(b"edts", b"free")  # no edit list
    # The durations of the samples: all 1024, as other programs write them, the last of which is padding in part.
    at = content.index(b"stts")
    count, runs = struct.unpack_from(">I", content, at + 8)[0], content[at + 8 :]
    frames = sum(struct.unpack_from(">I", runs, 4 + 8 * each)[0] for each in range(count))
    content = content[: at + 8] + struct.pack(">III", 1, frames, 1024) + content[at + 20 :]
    text = f" 00000000 {1024:08X} {frames * 1024 - 1024 - 44100:08X} {44100:016X}".encode()
    entry = box(b"----", box(b"mean", bytes(4) + b"com.apple.iTunes") + box(b"name", bytes(4) + b"iTunSMPB")
                + box(b"data", struct.pack(">II", 1, 0) + text))  # fmt: skip
    for name in (b"ilst", b"meta", b"udta", b"moov"):
        at = content.rindex(name) - 4
        size = struct.unpack_from(">I", content, at)[0]
        content = content[:at] + struct.pack(">I", size + len(entry)) + content[at + 4 :]
    at = content.rindex(b"ilst") + 4
    path.write_bytes(content[:at] + entry + content[at:])
    waveform, _ = read_audio(path)
    assert waveform.shape == (1, 44100)
    assert np.corrcoef(waveform[0].numpy(), audio[:, 0])[0, 1] > 0.9


def box(name: bytes, content: bytes) -> bytes:
    """A box of an MP4."""
    return struct.pack(">I", 8 + len(content)) + name + content


def test_of_damaged_aac_all_but_the_damage_is_read(tmp_path: Path) -> None:
    for suffix in ("aac", "m4a", "mkv"):
        path, audio = tmp_path / f"talk.{suffix}", talk(44100, 1, 40.0)
        content = encode(path, audio, 44100, "aac").read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes(500) + content[middle + 500 :])
        with AudioReader(path) as reader:
            found = np.concatenate([block[0].numpy() for block in reader.blocks(999, keep_damaged=True)])
            lost = 40 - len(found) / 44100
            assert -0.1 < lost < (5.5 if suffix == "mkv" else 0.2), suffix  # Matroska goes on at the next cluster
            assert reader.is_truncated, suffix
        if suffix != "mkv":
            assert "damaged after" in str(reader.damage), suffix
            with AudioReader(path) as reader, pytest.raises(InputError, match="damaged after"):
                list(reader.blocks())
        ending = audio[-44100:, 0]
        assert np.correlate(found[-44100 - 4096 :], ending).max() > 0.8 * np.square(ending).sum(), suffix


def test_a_part_is_that_part_of_the_whole(tmp_path: Path) -> None:
    path = encode(tmp_path / "talk.m4a", talk(44100, 2), 44100, "aac")
    whole, _ = read_audio(path)
    part, _ = read_audio(path, 12345, 6789)
    np.testing.assert_array_equal(part.numpy(), whole[:, 12345 : 12345 + 6789].numpy())


def test_tags_are_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "talk.m4a", talk(44100, 1), 44100, "aac", title="Gespräch", artist="Ana")
    with AudioReader(path) as reader:
        assert reader.tags == {"title": "Gespräch", "artist": "Ana"}


def test_the_stem_file_of_the_field_is_read_as_its_mixture() -> None:
    waveform, rate = read_audio(example_stem_file())
    assert rate == 44100 and waveform.shape[0] == 2 and 6 < waveform.shape[1] / rate < 8
    assert waveform.abs().max() > 0.1


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg, whose samples are the reference")
@pytest.mark.parametrize("track", range(5))
def test_each_track_of_a_stem_file_is_what_ffmpeg_decodes(track: int) -> None:
    command = ["ffmpeg", "-v", "error", "-i", str(example_stem_file()), "-map", f"0:a:{track}", "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    expected = np.frombuffer(raw, np.float32).reshape(-1, 2).T
    np.testing.assert_allclose(read_audio(example_stem_file(), track=track)[0].numpy(), expected, rtol=0, atol=1e-6)
    part, _ = read_audio(example_stem_file(), 50_000, 1000, track)
    np.testing.assert_allclose(part.numpy(), expected[:, 50_000:51_000], rtol=0, atol=1e-6)


def test_a_track_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"stem\.mp4: expected at least 6 audio tracks, found 5$"):
        read_audio(example_stem_file(), track=5)
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 16000)
    with pytest.raises(InputError, match=r"a\.wav: expected at least 2 audio tracks, .* found one$"):
        AudioReader(tmp_path / "a.wav", 1)


def test_a_container_that_was_not_read_is_not_called_short(tmp_path: Path) -> None:
    path = encode(tmp_path / "talk.m4a", talk(44100, 1), 44100, "aac")
    with AudioReader(path) as reader:
        assert not reader.is_truncated
        assert sum(block.shape[1] for block in reader.blocks()) == 44100 and not reader.is_truncated


def test_a_picture_without_sound_is_one_line(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(InputError, match="found none in it"):
        AudioReader(tmp_path / "film.mp4")


def test_a_play_list_opens_no_other_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", talk(16000, 1), 16000)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\na.wav\n")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile a.wav\n")
    for name in ("list.m3u8", "list.mp4"):
        with pytest.raises(InputError, match="found something else"):
            AudioReader(tmp_path / name)


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "flac"), ("webm", "libopus"), ("ogg", None), ("flac", None)])
def test_a_cut_file_gives_what_is_there_and_says_so(tmp_path: Path, suffix: str, codec: str | None) -> None:
    path, audio = tmp_path / f"talk.{suffix}", talk(48000, 1, 4.0)
    if codec is None:
        soundfile.write(path, audio, 48000)
    else:
        encode(path, audio, 48000, codec)
    with AudioReader(path) as reader:
        assert sum(block.shape[1] for block in reader.blocks(keep_damaged=True)) >= len(audio) - 400
        assert not reader.is_truncated
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    with AudioReader(path) as reader:
        found = sum(block.shape[1] for block in reader.blocks(1000, keep_damaged=True))
        assert reader.is_truncated and 0.3 < found / len(audio) < 0.75
        if suffix == "ogg":
            assert reader.damage == "cut short: its last page is not whole"
            with pytest.raises(InputError, match=r"talk\.ogg: cut short: its last page is not whole$"):
                reader.refuse_truncated()


@pytest.mark.parametrize(
    ("suffix", "codec", "flags"),
    [
        ("mkv", "flac", ""),
        ("mp4", "flac", "empty_moov+frag_keyframe"),
        ("mov", "pcm_s16le", ""),
        ("avi", "pcm_s16le", ""),
    ],
)
def test_a_film_whose_sound_begins_late_is_not_called_short(
    tmp_path: Path, suffix: str, codec: str, flags: str
) -> None:
    audio, late = talk(48000, 1, 1.0), tmp_path / f"late.{suffix}"
    film = encode(tmp_path / "film.mkv", audio, 48000, codec, video=True)
    options = {"movflags": flags} if flags else {}
    with av.open(str(film)) as source, av.open(str(late), "w", options=options) as target:
        streams = [target.add_stream_from_template(each) for each in source.streams]
        for packet in source.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts = packet.dts = packet.pts + 2000  # milliseconds
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    if suffix == "avi":  # FFmpeg does not write where it begins
        content = bytearray(late.read_bytes())
        struct.pack_into("<I", content, content.index(b"auds") + 28, 96_000)
        late.write_bytes(content)
    with AudioReader(late) as reader:
        found = np.concatenate([block[0].numpy() for block in reader.blocks(keep_damaged=True)])
        assert not reader.is_truncated and reader.damage is None
        assert reader.notes == ["the sound begins 2.00 s into the file, the sources begin with the sound"]
    np.testing.assert_allclose(found, audio[:, 0], atol=1e-4)

"""WMA, AMR, AVI, TS, FLV, AC-3, WavPack, 3GP and others: found in a folder, read whole, and not late."""

from pathlib import Path

import av
import numpy as np
import pytest

from separator.audio.finding import search_folder
from separator.audio.formats import container_format
from separator.audio.reading import AudioReader, read_audio
from separator.errors import InputError
from tests.audio.encoding import encode
from tests.audio.test_lossy import hiss

PADDING_IS_TOLD = ("pcm_s16le", "pcm_dvd", "wavpack", "tta", "alac")

KINDS = [
    ("wma", "wmav2", 44100, 2), ("wma", "wmav1", 44100, 1), ("amr", "libopencore_amrnb", 8000, 1),
    ("avi", "pcm_s16le", 44100, 2), ("avi", "libmp3lame", 44100, 2), ("avi", "ac3", 48000, 2),
    ("ts", "aac", 44100, 2), ("ts", "mp2", 48000, 2), ("m2ts", "ac3", 48000, 2),
    ("flv", "aac", 44100, 1), ("flv", "libmp3lame", 44100, 2), ("ac3", "ac3", 48000, 2), ("eac3", "eac3", 48000, 2),
    ("caf", "alac", 44100, 2), ("wv", "wavpack", 44100, 2), ("tta", "tta", 16000, 1), ("mpg", "mp2", 44100, 2),
    ("3gp", "libopencore_amrnb", 8000, 1), ("3gp", "aac", 16000, 1), ("voc", "pcm_s16le", 44100, 2),
    ("rm", "ac3", 32000, 2), ("avi", "adpcm_ms", 44100, 1), ("flv", "adpcm_swf", 44100, 2), ("wav", "g722", 16000, 1),
    ("flv", "nellymoser", 22050, 1), ("mov", "ac3", 48000, 2), ("vob", "pcm_dvd", 48000, 2),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "codec", "sample_rate", "channels"), KINDS)
def test_it_is_found_and_read_whole_and_in_time(
    tmp_path: Path, suffix: str, codec: str, sample_rate: int, channels: int
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no {codec} here")
    audio = hiss(sample_rate + 77, channels)
    path = encode(
        tmp_path / f"talk.{suffix}", audio, sample_rate, codec, bit_rate=12_200 if "amr" in codec else 128_000
    )
    assert search_folder(tmp_path).audio == [path]
    with AudioReader(path) as reader:
        found = np.concatenate([block.numpy() for block in reader.blocks(5000, keep_damaged=True)], axis=1)
        assert (reader.sample_rate, reader.channels) == (sample_rate, channels)
        assert reader.damage is None and not reader.is_truncated
        is_told = codec in PADDING_IS_TOLD or suffix == "3gp"
        assert reader.notes == [] if is_told else reader.notes[0].startswith("the file does not tell ")
    more = found.shape[1] - len(audio)
    assert more == 0 if is_told else -481 <= more < 0.05 * sample_rate  # MP2's encoder leaves out its own delay
    given = audio[99:-1099]
    likeness = [np.sum(given.T * found[:, 99 + lag : 99 + lag + len(given)]) for lag in range(-99, 100)]
    assert abs(int(np.argmax(likeness)) - 99) <= (12 if "amr" in codec else 0)  # FFmpeg declares 50 samples of AMR's 40


def test_a_file_is_known_by_its_bytes_whatever_its_name(tmp_path: Path) -> None:
    audio = hiss(48_000, 1)
    for suffix, codec, name in (("wv", "wavpack", "wv"), ("ac3", "ac3", "ac3"), ("ts", "mp2", "mpegts")):
        path = encode(tmp_path / f"a.{suffix}", audio, 48000, codec)
        with path.open("rb") as file:
            assert container_format(file) == name
        assert read_audio(path.rename(tmp_path / "talk.wav"))[0].shape[1] >= 47_900


def test_a_program_in_typescript_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "page.ts").write_text("export const GREETING = 'Good morning';\n" * 20)
    encode(tmp_path / "film.ts", hiss(16000, 1), 16000, "mp2")
    contents = search_folder(tmp_path)
    assert [path.name for path in contents.audio] == ["film.ts"] and [path.name for path in contents.others] == [
        "page.ts"
    ]


@pytest.mark.parametrize("suffix", ["mkv", "avi", "ts"])
def test_every_track_of_a_film_can_be_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    time = np.arange(48_000) / 48_000
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mp2", rate=48_000, layout="mono") for _ in range(3)]
        for number, stream in enumerate(streams):
            tone = (0.3 * np.sin(2 * np.pi * (400 + 300 * number) * time)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="flt", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 0
            container.mux([*stream.encode(frame), *stream.encode(None)])
    for number in range(3):
        with AudioReader(path, number) as reader:
            assert len(reader.tracks) == 3 and reader.tracks[0].endswith("mono")
            sound = np.concatenate([block.numpy() for block in reader.blocks()], axis=1)[0, :40_000]
        assert np.abs(np.fft.rfft(sound)).argmax() * 48_000 / 40_000 == pytest.approx(400 + 300 * number, abs=2)
    with pytest.raises(InputError, match="expected at least 4 audio tracks, found 3"):
        AudioReader(path, 3)


@pytest.mark.parametrize(("suffix", "codec", "sample_rate"), [("wma", "wmav2", 44100), ("ac3", "ac3", 48000),
                                                              ("amr", "libopencore_amrnb", 8000)])  # fmt: skip
def test_a_cut_file_is_read_to_its_end_and_a_header_alone_is_one_line(
    tmp_path: Path, suffix: str, codec: str, sample_rate: int
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no {codec} here")
    path = encode(
        tmp_path / f"a.{suffix}",
        hiss(2 * sample_rate, 1),
        sample_rate,
        codec,
        bit_rate=None if "amr" in codec else 96_000,
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with AudioReader(path) as reader:
        samples = sum(block.shape[1] for block in reader.blocks(keep_damaged=True))
    assert 0.7 * sample_rate < samples < 1.2 * sample_rate
    path.write_bytes(content[:20])
    with pytest.raises(InputError) as caught, AudioReader(path) as reader:
        list(reader.blocks())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)

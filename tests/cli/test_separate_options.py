"""`separator separate`: what goes in and what comes out, by soundfile and numpy."""

import errno
import io
import json
import os
import struct
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from separator.audio.reading import read_audio
from separator.cli.main import main
from separator.inference.fused.separable_tcn import FusedSeparableTCN
from tests.audio.encoding import encode
from tests.cli.separating import SOURCES, files, messages
from tests.speech import buzz
from tests.stem_file import example_stem_file
from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, talk, voices

SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command into tmp_path/out; returns exit code, lines on stdout, lines on stderr."""

    def run(*arguments: str | Path, out: str = "out") -> tuple[int, list[str], list[str]]:
        code = main(["separate", *map(str, arguments), "-o", str(tmp_path / out), "-m", str(model), "--device", "cpu"])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), messages(captured.err)

    return run


def total(paths: list[str]) -> np.ndarray:
    """The sum of all outputs, `(T, C)`."""
    return read(paths).sum(dim=0).T.numpy()


@pytest.mark.parametrize(("audio_format", "bit_depth"), [("wav", "16"), ("wav", "24"), ("wav", "float"),
                                                         ("flac", "16"), ("flac", "24")])  # fmt: skip
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_any_bit_depth_in_and_out(separate, tmp_path: Path, subtype: str, audio_format: str, bit_depth: str) -> None:
    path = talk(tmp_path / "talk.wav", 0.3, channels=2, subtype=subtype)
    code, out, err = separate(path, "--format", audio_format, "--bit-depth", bit_depth)
    assert (code, err) == (0, [])
    assert {soundfile.info(line).subtype for line in out} == {SUBTYPES[bit_depth]}
    given, _ = soundfile.read(path, always_2d=True)
    step = {"16": 2**-15, "24": 2**-23, "float": 0}[bit_depth]
    np.testing.assert_allclose(total(out), given, atol=1e-6 + step)  # half a step a source
    assert ratio_db(read(out), voices(0.3, channels=2)) > (10 if subtype == "PCM_U8" else 40)


@pytest.mark.parametrize("sample_rate", [8000, 11025, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 8])
def test_any_rate_and_eight_channels(separate, tmp_path: Path, sample_rate: int, channels: int) -> None:
    path = talk(tmp_path / "talk.wav", 0.3, sample_rate, channels, subtype="FLOAT")
    code, out, err = separate(path, "--format", "flac")
    assert (code, err) == (0, [])
    assert {soundfile.info(line).samplerate for line in out} == {sample_rate}
    assert ratio_db(read(out), voices(0.3, sample_rate, channels)) > 40
    np.testing.assert_allclose(total(out), soundfile.read(path, always_2d=True)[0], atol=1e-6)


@pytest.mark.parametrize(("suffix", "codec", "sample_rate"), [
    ("m4a", "aac", 44100), ("mp4", "aac", 48000), ("stem.mp4", "aac", 44100), ("webm", "libopus", 48000),
    ("mkv", "flac", 22050), ("aac", "aac", 16000),
])  # fmt: skip
def test_the_sound_of_films_is_separated(separate, tmp_path: Path, suffix: str, codec: str, sample_rate: int) -> None:
    expected = voices(0.5, sample_rate, 2)
    audio = expected.sum(dim=0).T.numpy()
    path = encode(tmp_path / f"talk.{suffix}", audio, sample_rate, codec, video=suffix == "mp4")
    code, out, err = separate(path)
    assert code == 0 and len(err) == (suffix == "aac")
    assert all("does not tell how its sound is padded" in each for each in err)
    separated = read(out)
    assert 0 <= separated.shape[2] - len(audio) < 4096  # a lossy frame may be filled up
    assert soundfile.info(out[0]).samplerate == sample_rate
    assert ratio_db(separated[..., : len(audio)], expected) > (40 if codec == "flac" else 10)


def test_the_stem_file_of_the_field_is_separated(separate) -> None:
    code, out, err = separate(str(example_stem_file()), "--no-voices")  # there are none
    assert code == 0 and len(err) == 2 and "does not tell how its sound is padded" in err[0]
    assert "it has 5 audio tracks: 1 (" in err[1]
    assert soundfile.info(out[0]).samplerate == 44100
    low, high = read(out)
    torch.testing.assert_close(low + high, read_audio(example_stem_file())[0].double(), atol=1e-5, rtol=0)
    for source, others in ((low, slice(2500, 7500)), (high, slice(0, 1500))):
        power = torch.fft.rfft(source, 44100 * (source.shape[1] // 44100)).abs().square()
        bins_a_hertz = source.shape[1] // 44100
        share = power[:, others.start * bins_a_hertz : others.stop * bins_a_hertz].sum() / power.sum()
        assert share < 0.01


def test_mono_is_the_mean_of_the_channels(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav", 0.5, 44100, 3, subtype="FLOAT")
    code, out, _ = separate(path, "--mono")
    assert code == 0
    assert ratio_db(read(out), voices(0.5, 44100, 3).mean(dim=1, keepdim=True)) > 40
    np.testing.assert_allclose(total(out)[:, 0], soundfile.read(path)[0].mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(("options", "tolerance"), [([], 1e-6), (["--bit-depth", "16"], 2**-15 * 1.5),
                                                    (["--format", "flac"], 2**-23 * 1.5)])  # fmt: skip
def test_sources_and_residual_sum_to_the_recording(
    separate, tmp_path: Path, options: list[str], tolerance: float
) -> None:
    expected = voices(1.0, 44100, 2)
    hiss = 0.05 * torch.sin(2 * torch.pi * 12_000 * torch.arange(44100) / 44100) * torch.hann_window(44100)
    given = (expected.sum(dim=0) + hiss).T.numpy()
    soundfile.write(tmp_path / "talk.wav", given, 44100, subtype="FLOAT")
    code, out, err = separate(tmp_path / "talk.wav", "--residual", *options)
    assert (code, err) == (0, []) and [Path(line).stem for line in out] == [*SOURCES, "residual"]
    np.testing.assert_allclose(total(out), given, atol=tolerance)
    # What a 16 kHz model cannot hear is in the residual, and in it alone.
    assert ratio_db(read(out), torch.cat([expected, hiss.expand(1, 2, -1)])) > 30
    _, shared, _ = separate(tmp_path / "talk.wav", out="shared")
    np.testing.assert_allclose(total(shared), given, atol=1e-6)


@pytest.mark.parametrize("options", [["--bit-depth", "16"], ["--format", "flac"], []])
def test_full_scale_passes_and_what_is_louder_is_scaled_together(separate, tmp_path: Path, options: list[str]) -> None:
    path = talk(tmp_path / "loud.wav", gain=6.0, subtype="FLOAT")
    code, out, err = separate(path, "--residual", "--json", *options)
    report = json.loads(out[0])
    separated = read(report["outputs"].values())
    assert code == 0 and len(err) == (1 if options else 0)
    assert (report["gain"] < 1) == bool(options)
    assert ratio_db(separated[:2], report["gain"] * 6 * voices(0.5)) > 40
    assert report["peak"] == pytest.approx(float(separated.abs().max()), abs=1e-4)
    if options:
        assert "scaled together" in err[0] and separated.abs().max() <= 1


def test_levels_in_json_are_those_of_the_files(separate, tmp_path: Path) -> None:
    talk(tmp_path / "in" / "talk.wav", 0.7, channels=2)
    soundfile.write(tmp_path / "in" / "silent.wav", np.zeros(4000), 16000)
    (tmp_path / "in" / "bad.wav").write_bytes(b"not audio")
    code, out, err = separate(tmp_path / "in", tmp_path / "missing.wav", "--json")
    assert code == 1 and len(out) == 4 and len(err) == 2
    reports = {Path(report["input"]).name: report for report in map(json.loads, out)}
    for name, seconds in (("talk.wav", 0.7), ("silent.wav", 0.25)):
        report = reports[name]
        assert report["error"] is None and report["seconds"] == seconds and not report["skipped"]
        assert report["processing_seconds"] > 0
        assert report["realtime_factor"] == pytest.approx(report["processing_seconds"] / seconds, rel=0.05, abs=0.01)
        if name == "talk.wav":
            given = 10 * torch.log10(voices(0.7, channels=2).square().mean(dim=(1, 2)))
            assert list(report["levels_db"].values()) == pytest.approx(given.tolist(), abs=0.05)
        for source, path in report["outputs"].items():
            level = np.sqrt(np.mean(np.square(soundfile.read(path)[0])))
            expected = None if level == 0 else pytest.approx(20 * np.log10(level), abs=0.01)
            assert report["levels_db"][source] == expected
    for name in ("bad.wav", "missing.wav"):
        assert name in reports[name]["error"] and reports[name]["outputs"] == {}


def test_a_constant_offset_does_not_blow_up(separate, tmp_path: Path) -> None:
    expected = 1e-3 * voices(3.0) + 0.4
    soundfile.write(tmp_path / "offset.wav", expected.sum(dim=0)[0].numpy(), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "inaudible.wav", np.full(48000, 1e-9), 16000, subtype="FLOAT")
    code, out, _ = separate(tmp_path / "offset.wav", tmp_path / "inaudible.wav", "--no-voices")
    assert code == 0
    assert ratio_db(read(out[:2]) - 0.4, expected - 0.4) > 30
    assert read(out[2:]).abs().max() < 1e-8


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "m4a"])
@pytest.mark.parametrize("options", [[], ["--bit-depth", "16"], ["--format", "flac"]])
def test_title_and_artist_are_carried(separate, tmp_path: Path, suffix: str, options: list[str]) -> None:
    import av

    path = tmp_path / f"talk.{suffix}"
    tags = {"title": "Gespräch im Café", "artist": "Ana & Ben"}
    if suffix == "m4a":
        encode(path, buzz(100, 600, 0.5, 44100)[:, None], 44100, "aac", **tags)
    else:
        with soundfile.SoundFile(path, "w", 44100, 1) as file:
            file.title, file.artist = tags["title"], tags["artist"]
            file.write(buzz(100, 600, 0.5, 44100))
    code, out, err = separate(path, "--residual", *options)
    assert (code, err, len(out)) == (0, [], 3)
    for line in out:
        with av.open(line) as container:  # ffmpeg reads them, not libsndfile, which wrote them
            assert {key.lower(): value for key, value in container.metadata.items()}.items() >= tags.items()


@pytest.mark.parametrize("sizes", [None, (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (36, 0)])
def test_a_wav_on_standard_input(
    separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int] | None
) -> None:
    path = talk(tmp_path / "talk.wav", 0.5, subtype="PCM_16")
    _, expected, _ = separate(path)
    content = bytearray(path.read_bytes())
    if sizes is not None:  # as programs write that stream: ffmpeg, SoX, Python's wave
        content[4:8], content[40:44] = (struct.pack("<I", size) for size in sizes)
        assert content[36:40] == b"data"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(bytes(content))))
    code, out, err = separate("-", "-", "--json")
    assert (code, err, len(out)) == (0, [], 1)
    report = json.loads(out[0])
    assert report["input"] == "-" and report["num_samples"] == 8000
    assert [Path(each).relative_to(tmp_path) for each in report["outputs"].values()] == [
        Path("out/stdin/speaker1.wav"), Path("out/stdin/speaker2.wav")]  # fmt: skip
    assert torch.equal(read(report["outputs"].values()), read(expected))
    assert ratio_db(read(expected), voices(0.5)) > 40


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"hello\n" * 99,
                                     b"RIFF\0\0\0\0WAVEdata\0\0\0\0"])  # fmt: skip
def test_standard_input_that_is_no_wav_is_one_line(
    separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    code, out, err = separate("-", talk(tmp_path / "good.wav"))
    assert code == 1 and len(out) == 2
    assert len(err) == 1 and "standard input: expected" in err[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("audio_format", ["WAV", "FLAC", "OGG"])
def test_a_pipe_is_read_as_a_file_is(separate, tmp_path: Path, audio_format: str) -> None:
    path, pipe, text = talk(tmp_path / "talk.x", 0.5, format=audio_format), tmp_path / "pipe", tmp_path / "text"
    _, expected, _ = separate(path)
    os.mkfifo(pipe)
    os.mkfifo(text)
    writers = [threading.Thread(target=pipe.write_bytes, args=(path.read_bytes(),)),
               threading.Thread(target=text.write_bytes, args=(b"hello\n" * 99,))]  # fmt: skip
    for writer in writers:
        writer.start()
    code, out, err = separate(pipe, text)
    for writer in writers:
        writer.join()
    assert code == 1 and len(err) == 1 and f"{text}: expected" in err[0]
    assert [Path(each).relative_to(tmp_path).parent for each in out] == [Path("out/pipe")] * 2
    np.testing.assert_array_equal(read(out), read(expected))


def test_no_room_for_standard_input_is_one_line(separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Full()))
    code, out, err = separate("-", talk(tmp_path / "good.wav"))
    assert code == 1 and len(out) == 2 and len(err) == 1 and "No space left" in err[0]
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = separate("-")
    assert code == 1 and len(err) == 1 and "closed" in err[0]


def test_what_is_there_is_skipped_and_what_is_half_there_is_not(separate, tmp_path: Path) -> None:
    for name in "abc":
        talk(tmp_path / "in" / f"{name}.wav")
    assert separate(tmp_path / "in")[0] == 0
    (tmp_path / "out" / "b" / "speaker2.wav").unlink()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}
    code, out, err = separate(tmp_path / "in", "--skip-existing")
    assert code == 0 and [Path(line).parent.name for line in out] == ["b", "b"]
    assert len(err) == 1 and "2 of 3 recordings skipped" in err[0]
    changed = {path for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {tmp_path / "out" / "b" / "speaker1.wav"}
    _, out, _ = separate(tmp_path / "in", "--skip-existing", "--json")
    assert [json.loads(line)["skipped"] for line in out] == [True] * 3


def test_outputs_of_another_recording_of_the_same_name_are_not_taken_for_done(separate, tmp_path: Path) -> None:
    for folder, seconds, rate in [("x", 0.5, 16000), ("y", 0.4, 16000), ("z", 0.8, 8000)]:  # x and z: as many samples
        path = talk(tmp_path / folder / "talk.wav", seconds, rate)
        for attempt in range(2):
            code, out, err = separate(path, "--skip-existing")
            assert (code, len(out), len(err)) == ((0, 2, 0) if attempt == 0 else (0, 0, 1))
        info = soundfile.info(tmp_path / "out" / "talk" / "speaker2.wav")
        assert (info.frames, info.samplerate) == (round(seconds * rate), rate)
    (tmp_path / "out" / "talk" / "speaker1.wav").write_bytes(b"no audio")
    assert len(separate(path, "--skip-existing")[1]) == 2
    path.write_bytes(b"no audio either")
    code, out, err = separate(path, "--skip-existing")
    assert (code, out, len(err)) == (1, [], 1) and "talk.wav" in err[0]


@pytest.mark.parametrize(("suffix", "codec"), [("m4a", "aac"), ("webm", "libopus")])
def test_of_containers_that_round_their_length_what_is_there_is_skipped(
    separate, tmp_path: Path, suffix: str, codec: str
) -> None:
    path = encode(tmp_path / f"talk.{suffix}", buzz(100, 600, 1.0, 48000)[:, None], 48000, codec)
    assert len(separate(path, "--skip-existing")[1]) == 2
    assert separate(path, "--skip-existing")[:2] == (0, [])


def test_three_jobs_give_what_one_gives(separate, tmp_path: Path) -> None:
    for index in range(7):
        talk(tmp_path / "in" / f"{index}.wav", 0.3 * (index + 1), (8000, 16000, 44100)[index % 3], 1 + index % 2)
    (tmp_path / "in" / "bad.wav").write_bytes(b"RIFF")
    for jobs in ("1", "3"):
        code, out, err = separate(tmp_path / "in", "--jobs", jobs, "--json", out=jobs)
        assert (code, len(out), len(err)) == (1, 8, 1)
        assert all(json.loads(line)["input"] for line in out)
    assert files(tmp_path / "1") == files(tmp_path / "3") and len(files(tmp_path / "1")) == 14
    for index in range(7):
        expected = voices(0.3 * (index + 1), (8000, 16000, 44100)[index % 3], 1 + index % 2)
        for jobs in ("1", "3"):
            assert ratio_db(read(tmp_path / jobs / str(index) / f"{name}.wav" for name in SOURCES), expected) > 40


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_faster_copy_separates(separate, jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    forward = FusedSeparableTCN.forward
    monkeypatch.setattr(FusedSeparableTCN, "forward", lambda *inputs: calls.append(1) or forward(*inputs))
    code, _, _ = separate(talk(tmp_path / "a.wav"), talk(tmp_path / "b.wav"), "--jobs", jobs)
    assert code == 0 and len(calls) == 2


@pytest.mark.parametrize(("options", "words"), [
    (["--jobs", "0"], "--jobs"), (["--format", "flac", "--bit-depth", "float"], "--bit-depth"),
])  # fmt: skip
def test_options_that_do_not_go_together_end_with_code_2(
    separate, tmp_path: Path, options: list[str], words: str
) -> None:
    code, out, err = separate(talk(tmp_path / "talk.wav"), *options)
    assert (code, out, len(err)) == (2, [], 1) and words in err[0]
    assert not (tmp_path / "out").exists()


def test_a_crashed_recording_is_separated_with_a_warning(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav", 0.5, subtype="PCM_16")
    _, expected, _ = separate(path, out="whole")
    content = bytearray(path.read_bytes())
    content[4:8], content[40:44] = bytes(4), bytes(4)
    path.write_bytes(content)
    code, out, err = separate(path)
    assert code == 0 and len(err) == 1 and "separator: warning" in err[0] and "after a crash" in err[0]
    assert torch.equal(read(out), read(expected)) and ratio_db(read(out), voices(0.5)) > 40


def test_joined_files_are_separated_whole_and_what_was_converted_is_said(separate, tmp_path: Path) -> None:
    first, second = talk(tmp_path / "1.ogg", 0.5, 44100), talk(tmp_path / "2.ogg", 0.7)
    path = tmp_path / "talk.ogg"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    code, out, err = separate(path)
    assert code == 0 and len(err) == 1 and "separator: note" in err[0] and "from 0.50 s on" in err[0]
    assert ratio_db(read(out), torch.cat([voices(0.5, 44100), voices(0.7, 44100)], dim=-1)) > 10

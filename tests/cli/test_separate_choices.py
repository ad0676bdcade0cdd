"""`separator separate`: which files come out, under which names, in which formats, of which part of a recording."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile
import torch

from separator.audio.reading import read_audio
from separator.cli.main import main
from separator.inference.record import RECORD_NAME
from tests.audio.encoding import encode
from tests.cli.separating import files, messages
from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, talk, voices


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command into tmp_path/out; returns exit code, files written, lines on stderr."""

    def run(*arguments: str | Path, out: str = "out") -> tuple[int, list[str], list[str]]:
        code = main(["separate", *map(str, arguments), "-o", str(tmp_path / out), "-m", str(model), "--device", "cpu"])
        captured = capsys.readouterr()
        lines = [] if "--json" in arguments else captured.out.splitlines()
        return code, [Path(line).relative_to(tmp_path / out).as_posix() for line in lines], messages(captured.err)

    return run


def sounds(folder: Path) -> list[str]:
    return [name for name in files(folder) if not name.endswith(RECORD_NAME)]


@pytest.mark.parametrize("audio_format", ["mp3", "m4a", "opus", "ogg"])
def test_lossy_outputs_are_the_voices_and_as_long(separate, tmp_path: Path, audio_format: str) -> None:
    path = talk(tmp_path / "talk.wav", 1.0, channels=2, gain=6.0, subtype="FLOAT")  # louder than full scale
    code, out, err = separate(path, "--format", audio_format, "--bitrate", "128k")
    assert code == 0 and out == [f"talk/speaker{number}.{audio_format}" for number in (1, 2)]
    assert len(err) == 1 and "scaled together" in err[0]
    found = [read_audio(tmp_path / "out" / name) for name in out]
    assert all(rate == 16000 for _, rate in found)
    gain = 0.999 / float(6 * voices(1.0, channels=2).abs().max())
    assert ratio_db(torch.stack([sound for sound, _ in found]), gain * 6 * voices(1.0, channels=2)) > 8
    assert separate(path, "--format", audio_format, "--bitrate", "128k", "--skip-existing")[1] == []
    assert len(separate(path, "--format", audio_format, "--bitrate", "64k", "--skip-existing")[1]) == 2


def test_a_rate_that_opus_lacks_is_resampled_and_said(separate, tmp_path: Path) -> None:
    code, out, err = separate(talk(tmp_path / "talk.wav", 0.5, 44100), "--format", "opus")
    assert code == 0 and len(err) == 1 and "written at 48000 Hz: opus has no 44100 Hz" in err[0]
    with av.open(str(tmp_path / "out" / out[0])) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 24000


@pytest.mark.parametrize(
    ("name", "expected", "record"),
    [
        ("{stem}_{source}", "talk_{}.wav", ".talk.separation.json"),
        ("{source}/{stem}.wav", "{}/talk.wav", ".talk.separation.json"),
        ("all/{source}", "all/{}.wav", "all/.talk.separation.json"),
        ("{stem}/sources/{source}", "talk/sources/{}.wav", "talk/sources/.separation.json"),
    ],
)
def test_a_pattern_names_the_outputs(separate, tmp_path: Path, name: str, expected: str, record: str) -> None:
    path, foreign = talk(tmp_path / "talk.wav", 0.2), tmp_path / "out" / "mine.wav"
    foreign.parent.mkdir()
    foreign.write_bytes(b"mine")
    for _ in range(2):  # the second time over the first
        code, out, err = separate(path, "--name", name, "--residual")
        assert (code, err) == (0, [])
    assert out == [expected.format(each) for each in ("speaker1", "speaker2", "residual")]
    assert sounds(tmp_path / "out") == sorted([*out, "mine.wav"])
    assert ratio_db(read(tmp_path / "out" / each for each in out[:2]), voices(0.2)) > 40
    assert (tmp_path / "out" / record).is_file()
    assert separate(path, "--name", name, "--residual", "--skip-existing")[:2] == (0, [])
    _, out, _ = separate(path, "--name", name, "--skip-existing")  # the residual of the earlier run goes
    assert sounds(tmp_path / "out") == sorted([*out, "mine.wav"])
    code, out, err = separate(tmp_path / "out", out="again")  # outputs are no recordings, but what is mine may be one
    assert code == 1 and out == [] and "2 outputs of earlier runs are passed over" in err[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{stem}_{speaker}", "expected no fields but {stem} and {source}, found 'speaker'"),
        ("{source.__class__}", "expected no fields but"),
        ("{source!r}{stem:>9}", "expected no fields but"),
        ("{}", "expected no fields but"),
        ("{stem", "expected {stem} and {source} in a path"),
        ("/tmp/{stem}_{source}", "expected a path within the output folder"),
        ("../{stem}_{source}", "expected a path within the output folder"),
        ("{stem}/../{source}", "expected a path within the output folder"),
        ("{stem}//{source}", "expected names between the slashes"),
        ("{stem}_{source}/", "expected names between the slashes"),
        ("{stem}_{source}.mp3", "or that of the format, .wav, found .mp3"),
        ("{stem}", "expected a name with {source}"),
        ("{source}", "expected a file of its own for each output"),
    ],
)
def test_names_that_cannot_be_are_refused_before_any_work(separate, tmp_path: Path, name: str, words: str) -> None:
    code, out, err = separate(talk(tmp_path / "a.wav", 0.1), talk(tmp_path / "b.wav", 0.1), "--name", name)
    assert (code, out, len(err)) == (2, [], 1) and words in err[0]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_no_recording_is_overwritten_by_anothers_output(separate, tmp_path: Path) -> None:
    paths = talk(tmp_path / "a.wav", 0.1), talk(tmp_path / "a_speaker1.wav", 0.1)
    before = paths[1].read_bytes()
    code, out, err = separate(*paths, "--name", "{stem}_{source}", out=".")
    assert (code, out, len(err)) == (2, [], 1) and "would overwrite it" in err[0]
    assert paths[1].read_bytes() == before and len(list(tmp_path.iterdir())) == 2


def test_only_the_sources_that_are_wanted_are_written(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "talk.wav", 0.3)
    assert separate(path) == (0, ["talk/speaker1.wav", "talk/speaker2.wav"], [])
    assert separate(path, "--only", "speaker2") == (0, ["talk/speaker2.wav"], [])
    assert files(tmp_path / "out") == ["talk/speaker2.wav"]
    assert ratio_db(read([tmp_path / "out/talk/speaker2.wav"]), voices(0.3)[1:]) > 40
    assert separate(path, "--only", "speaker2", "--skip-existing")[1] == []
    for several in (["--only", "residual", "--only", "speaker1"], ["--only", "residual, speaker1"]):
        assert separate(path, *several, "--residual")[1] == ["talk/speaker1.wav", "talk/residual.wav"]
    code, out, err = separate(path, "--only", "speaker1,drums")
    assert (code, out) == (2, [])
    assert err == ["separator: error: --only: expected one of speaker1, speaker2, found 'drums'"]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "mkv"])
def test_a_part_of_a_recording(separate, tmp_path: Path, suffix: str) -> None:
    expected = voices(3.0)
    path = tmp_path / f"talk.{suffix}"
    if suffix == "mkv":
        encode(path, expected.sum(dim=0).T.numpy(), 16000, "flac")
    else:
        talk(path, 3.0)
    code, out, err = separate(path, "--start", "0:01.25", "--duration", "1.5")
    assert (code, err) == (0, [])
    separated = read(tmp_path / "out" / name for name in out)
    wanted = expected[..., 20_000:44_000]
    inner = slice(2000, -2000)  # a part begins and ends at once, which has all frequencies
    assert separated.shape == wanted.shape
    assert ratio_db(separated[..., inner], wanted[..., inner]) > (25 if suffix in ("wav", "flac", "mkv") else 8)
    for options in (["--start", "1.25"], ["--duration", "1.5"], ["--start", "1.25", "--duration", "1.5"]):
        assert len(separate(path, "--skip-existing", *options)[1]) == 2
    assert separate(path, "--skip-existing", "--start", "1.250", "--duration", "0:00:01.5")[1] == []
    assert separate(path, "--start", "2.5", "--duration", "9:00")[0] == 0  # to the end
    assert soundfile.info(tmp_path / "out/talk/speaker1.wav").frames == 8000


def test_a_start_behind_the_end_is_told(separate, tmp_path: Path) -> None:
    aac = encode(tmp_path / "b.aac", voices(0.5)[0].T.numpy(), 16000, "aac")
    code, out, err = separate(talk(tmp_path / "a.wav", 0.5), aac, "--start", "1:00")
    assert (code, out, len(err)) == (1, [], 2)
    assert "a.wav: expected a start within its 0.50 s, found 60 s" in err[0]
    assert "b.aac: expected audio from 60 s on, found a file without samples" in err[1]
    assert files(tmp_path / "out") == []


def film(path: Path) -> Path:
    """A film with a tone in its first track, and the voices in its second."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=16000, layout="mono") for _ in range(2)]
        for stream, language in zip(streams, ("swe", "fra"), strict=True):
            stream.metadata["language"] = language
        for number, stream in enumerate(streams):
            time = torch.arange(8000) / 16000
            sound = voices(0.5).sum(dim=0) if number == 1 else 0.2 * torch.sin(2 * torch.pi * 500 * time)[None]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.numpy()), format="flt", layout="mono")
            frame.sample_rate, frame.pts = 16000, 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                if packet.size:
                    container.mux(packet)
    return path


def test_a_track_of_several_is_taken_and_the_others_are_noted(separate, tmp_path: Path) -> None:
    path = film(tmp_path / "film.mkv")
    code, _, err = separate(path)
    assert code == 0 and len(err) == 1
    assert "it has 2 audio tracks: 1 (swe mono), 2 (fra mono)" in err[0] and "--track N takes another" in err[0]
    code, out, err = separate(path, "--track", "2", "--skip-existing")
    assert (code, err) == (0, [])
    assert ratio_db(read(tmp_path / "out" / name for name in out), voices(0.5)) > 40
    assert separate(path, "--track", "2", "--skip-existing")[1] == []
    code, out, err = separate(path, talk(tmp_path / "talk.wav"), "--track", "3")
    assert (code, out, len(err)) == (1, [], 2) and "expected at least 3 audio tracks, found 2" in err[0]
    assert "talk.wav: expected at least 3 audio tracks" in err[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "1:75"], "--start: expected less than 60 behind a colon, found '1:75'"),
        (["--start", "-5"], "--start: expected"),
        (["--duration", "soon"], "--duration: expected seconds, m:ss or h:mm:ss"),
        (["--duration", "0"], "--duration: expected more than 0, found 0"),
        (["--track", "0"], "--track: expected 1 or more, found 0"),
        (["--bitrate", "96k"], "--bitrate: expected --format mp3, m4a, opus, ogg, found wav"),
        (["--format", "mp3", "--bitrate", "128"], "--bitrate: expected kilobits such as 128k"),
        (["--format", "mp3", "--bit-depth", "16"], "--bit-depth: expected none for mp3"),
    ],
)
def test_options_that_cannot_be_are_one_line(separate, tmp_path: Path, options: list[str], words: str) -> None:
    option = options if options[-1] != "-5" else ["--start=-5"]
    code, out, err = separate(talk(tmp_path / "talk.wav", 0.1), *option)
    assert (code, out, len(err)) == (2, [], 1) and words in err[0]
    assert not (tmp_path / "out").exists()


def test_what_a_lossy_format_does_not_hold_is_told_of_the_recording(separate, tmp_path: Path) -> None:
    many, good = talk(tmp_path / "six.wav", 0.2, channels=6), talk(tmp_path / "good.wav", 0.2)
    code, out, err = separate(many, good, "--format", "mp3")
    assert code == 1 and len(out) == 2 and len(err) == 1
    assert "six.wav: mp3 holds 1 or 2 channels, found 6; use --mono, or wav or flac" in err[0]
    code, out, err = separate(good, "--format", "mp3", "--bitrate", "320k")
    assert code == 1 and out == [] and "good.wav: bit rate: expected one of 8k, 16k" in err[0]
    assert separate(many, "--format", "mp3", "--mono")[::2] == (0, [])


def test_a_recording_ends_with_a_line_of_summary(model: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    options = ["-o", str(tmp_path / "out"), "-m", str(model), "--device", "cpu"]
    assert main(["separate", str(talk(tmp_path / "talk.wav", 0.7)), *options]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    low, high = (f"{10 * np.log10(float(each.square().mean())):.1f} dB" for each in voices(0.7))
    assert line.startswith(f"separator: done: {tmp_path / 'talk.wav'}: 0.7 s in ") and f"with {model};" in line
    assert line.endswith(f"speaker1 {low}, speaker2 {high}")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((tmp_path / "talk.wav").read_bytes())))
    assert main(["separate", "-", *options, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and json.loads(captured.out)["model"] == str(model)

"""`separator separate` from the outside: every kind of bad input, batches, levels, names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from separator.cli.main import main
from tests.cli.separating import SOURCES, files, messages
from tests.speech import buzz
from tests.tiny_model import save_tiny_model
from tests.voices import ratio_db, read, talk, voices


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command into tmp_path/out; returns exit code, lines on stdout, lines on stderr."""

    def run(*arguments: str | Path) -> tuple[int, list[str], list[str]]:
        options = ("-o", str(tmp_path / "out"), "-m", str(model), "--device", "cpu")
        code = main(["separate", *map(str, arguments), *options])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), messages(captured.err)

    return run


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize(("sample_rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_each_source_is_as_long_as_the_input_at_its_rate(
    separate, tmp_path: Path, suffix: str, sample_rate: int, channels: int
) -> None:
    path = talk(tmp_path / f"talk.{suffix}", 0.7, sample_rate, channels)
    code, out, err = separate(path)
    assert (code, err) == (0, [])
    assert out == [str(tmp_path / "out" / "talk" / f"{name}.wav") for name in SOURCES]
    assert {soundfile.info(line).samplerate for line in out} == {sample_rate}
    # A lossy codec's own noise is in the sources; nothing else is.
    assert ratio_db(read(out), voices(0.7, sample_rate, channels)) > {"ogg": 15, "mp3": 15}.get(suffix, 40)


def test_sources_are_the_voices_and_sum_to_the_recording(separate, tmp_path: Path) -> None:
    _, out, _ = separate(talk(tmp_path / "talk.wav", 1.0, subtype="FLOAT"))
    assert ratio_db(read(out), voices(1.0)) > 40
    torch.testing.assert_close(read(out).sum(dim=0), voices(1.0).sum(dim=0), atol=1e-6, rtol=0, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.wav", b"", "0 bytes"),
        ("text.wav", b"this is a letter, not a recording\n" * 20, "found something else"),
        ("header.wav", b"RIFF\x24\x00\x00\x00WAVE", "found something else"),
        ("noise.flac", bytes(range(256)) * 20, "found something else"),
    ],
)
def test_a_file_that_is_no_audio_is_one_line_and_the_rest_is_done(
    separate, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    bad, good = tmp_path / name, talk(tmp_path / "good.wav")
    bad.write_bytes(content)
    code, out, err = separate(bad, good)
    assert code == 1
    assert len(err) == 1 and str(bad) in err[0] and words in err[0]
    assert files(tmp_path / "out") == ["good/speaker1.wav", "good/speaker2.wav"]
    assert len(out) == 2


def test_missing_files_and_samples_are_one_line_each(separate, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0, dtype=np.float32), 16000)
    for value in (np.nan, np.inf):
        audio = buzz(100, 600, 0.5)
        audio[5000] = value
        soundfile.write(tmp_path / f"{value}.wav", audio, 16000, subtype="FLOAT")
    bad = [tmp_path / name for name in ("missing.wav", "none.wav", "nan.wav", "inf.wav")]
    code, _, err = separate(*bad, talk(tmp_path / "good.wav"))
    assert code == 1
    assert len(err) == len(bad)
    for path in bad:
        assert any(str(path) in line and line.startswith("separator: error: ") for line in err)
    assert files(tmp_path / "out") == ["good/speaker1.wav", "good/speaker2.wav"]


def test_one_sample_and_silence_are_separated(separate, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.array([0.5], dtype=np.float32), 16000)
    soundfile.write(tmp_path / "silence.wav", np.zeros((8000, 2), dtype=np.float32), 44100)
    code, _, err = separate(tmp_path / "one.wav", tmp_path / "silence.wav")
    assert (code, err) == (0, [])
    for name in SOURCES:
        assert soundfile.info(tmp_path / "out" / "one" / f"{name}.wav").frames == 1
        silence, _ = soundfile.read(tmp_path / "out" / "silence" / f"{name}.wav")
        assert silence.shape == (8000, 2) and not silence.any()


def test_a_truncated_wav_is_separated_as_far_as_it_goes(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "cut.wav", 1.0, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + 2 * 6000])
    code, out, err = separate(path)
    assert code == 0
    assert len(err) == 1 and "warning" in err[0] and str(path) in err[0]
    assert ratio_db(read(out), voices(1.0)[..., :6000]) > 30  # the end is cut, not soft


def test_folders_are_searched_and_their_sub_folders_kept(separate, tmp_path: Path) -> None:
    talk(tmp_path / "in" / "a.wav")
    talk(tmp_path / "in" / "deep" / "er" / "b.flac")
    (tmp_path / "in" / "notes.txt").write_text("no audio")
    assert separate(tmp_path / "in")[0] == 0
    assert files(tmp_path / "out") == [
        "a/speaker1.wav",
        "a/speaker2.wav",
        "deep/er/b/speaker1.wav",
        "deep/er/b/speaker2.wav",
    ]


def test_a_folder_without_audio_is_one_line(separate, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    code, out, err = separate(tmp_path / "in")
    assert code == 2 and out == []
    assert len(err) == 1 and "found none" in err[0]


def test_recordings_of_one_name_do_not_overwrite_each_other(separate, tmp_path: Path) -> None:
    seconds = {"x/a.wav": 0.1, "y/a.wav": 0.2, "z/a.flac": 0.3}
    inputs = [talk(tmp_path / name, length) for name, length in seconds.items()]
    code, out, err = separate(*inputs)
    assert code == 0 and len(set(out)) == 6
    assert len(err) == 2 and all("another input has its name" in line for line in err)
    for number, length in enumerate(seconds.values()):
        assert ratio_db(read(out[2 * number : 2 * number + 2]), voices(length)) > 40


def test_flac_is_scaled_together_where_it_would_clip(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "loud.wav", gain=6.0, subtype="FLOAT")
    code, out, err = separate(path, "--format", "flac")
    assert code == 0 and len(err) == 1 and "scaled together" in err[0]
    gain = float(err[0].split("together by ")[1].split(":")[0])
    assert gain < 1 and ratio_db(read(out), gain * 6 * voices(0.5)) > 35  # the gain is said to three digits
    code, out, err = separate(path)
    assert err == [] and ratio_db(read(out), 6 * voices(0.5)) > 40


def test_json_is_one_object_a_recording(separate, tmp_path: Path) -> None:
    good, bad = talk(tmp_path / "good.wav", 0.5), tmp_path / "missing.wav"
    code, out, _ = separate(good, bad, "--json")
    assert code == 1
    reports = {report["input"]: report for report in map(json.loads, out)}
    assert reports[str(good)]["seconds"] == 0.5 and reports[str(good)]["sample_rate"] == 16000
    assert set(reports[str(good)]["outputs"]) == set(SOURCES)
    assert "found nothing" in reports[str(bad)]["error"]


def test_an_output_that_cannot_be_written_leaves_nothing(separate, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "talk").write_text("a file is in the way")
    code, _, err = separate(talk(tmp_path / "talk.wav"), talk(tmp_path / "good.wav"))
    assert code == 1
    assert len(err) == 1 and str(tmp_path / "out" / "talk") in err[0]
    assert files(tmp_path / "out") == ["good/speaker1.wav", "good/speaker2.wav", "talk"]


def test_a_file_in_place_of_the_output_folder_stops_the_command(separate, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file is in the way")
    code, _, err = separate(talk(tmp_path / "talk.wav"))
    assert code == 2 and len(err) == 1 and str(tmp_path / "out") in err[0]


def test_an_input_is_never_overwritten(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "out" / "speaker1" / "speaker1.wav")
    before = path.read_bytes()
    code, _, err = separate(path)
    assert code == 1 and "overwrite" in err[0]
    assert path.read_bytes() == before


def test_the_input_folder_is_no_output_folder(separate, tmp_path: Path) -> None:
    talk(tmp_path / "out" / "a.wav")
    code, _, err = separate(tmp_path / "out")
    assert code == 2 and len(err) == 1 and "other than the input folder" in err[0]
    assert files(tmp_path / "out") == ["a.wav"]


def test_more_channels_than_flac_holds_are_refused_at_once(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "many.wav", 0.1, channels=10)
    code, _, err = separate(path, "--format", "flac")
    assert code == 1 and "8 channels" in err[0] and files(tmp_path / "out") == []
    assert separate(path)[0] == 0


def test_a_link_is_a_recording_of_its_own_name(separate, tmp_path: Path) -> None:
    path = talk(tmp_path / "in" / "talk.wav")
    (tmp_path / "in" / "link.wav").symlink_to(path)
    assert separate(tmp_path / "in")[0] == 0
    assert {name.split("/")[0] for name in files(tmp_path / "out")} == {"link", "talk"}


def test_a_damaged_recording_leaves_no_partial_files(separate, tmp_path: Path) -> None:
    audio = buzz(100, 600, 30.0)
    audio[-1] = np.nan
    soundfile.write(tmp_path / "long.wav", audio, 16000, subtype="FLOAT")
    code, _, err = separate(tmp_path / "long.wav")
    assert code == 1 and "30.000 s" in err[0]
    assert files(tmp_path / "out") == [] and not (tmp_path / "out" / "long").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-m", "no-such-model"], "no-such-model"),
        (["--device", "cuda:77"], "cuda:77"),
        (["--chunk-seconds", "0"], "chunk seconds"),
    ],
)
def test_options_that_cannot_be_end_with_code_2(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    path = talk(tmp_path / "talk.wav")
    arguments = ["separate", str(path), "-o", str(tmp_path / "out"), "-m", str(model)]
    assert main([*arguments, *options]) == 2  # of an option given twice, the last counts
    err = messages(capsys.readouterr().err)
    assert len(err) == 1 and words in err[0]
    assert not (tmp_path / "out").exists()


def test_corrupted_weights_end_with_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = save_tiny_model(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\xff" * 1000)
    assert main(["separate", str(talk(tmp_path / "a.wav")), "-o", str(tmp_path / "out"), "-m", str(broken)]) == 2
    err = messages(capsys.readouterr().err)
    assert len(err) == 1 and "model.safetensors" in err[0]


def test_in_a_pipe_it_is_quiet_and_ends_without_traceback(tmp_path: Path, model: Path) -> None:
    talk(tmp_path / "-talk it's ünï.wav")
    command = [sys.executable, "-m", "separator", "separate", "-o", "out", "-m", str(model)]
    command += ["--", "-talk it's ünï.wav", "no"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert result.returncode == 1
    assert messages(result.stderr) == ["separator: error: no: expected an audio file or a folder, found nothing"]
    assert result.stdout.splitlines() == [f"out/-talk it's ünï/{name}.wav" for name in SOURCES]

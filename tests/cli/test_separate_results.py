"""Where results go: inside the output folder, once a recording, never taken for input; and how errors look."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.cli.main import main
from separator.output_folders import folder_name
from tests.cli.separating import messages
from tests.speech import buzz
from tests.tiny_model import save_tiny_model

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def talk(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, buzz(100, 600, 0.2), 16000, format="WAV", subtype="FLOAT")
    return path


def separate(model: Path, output: Path, *inputs: Path) -> int:
    return main(["separate", *map(str, inputs), "-o", str(output), "-m", str(model), "--device", "cpu"])


def folders(output: Path) -> set[str]:
    return {str(path.parent.relative_to(output)) for path in output.rglob("speaker1.wav")}


def test_a_search_does_not_find_the_results_of_the_last_run(model: Path, tmp_path: Path) -> None:
    talk(tmp_path / "a.wav")
    for _ in range(2):
        assert separate(model, tmp_path / "out", tmp_path) == 0
        assert folders(tmp_path / "out") == {"a"}


def test_a_recording_given_twice_is_separated_once(model: Path, tmp_path: Path) -> None:
    path = talk(tmp_path / "in" / "a.wav")
    assert separate(model, tmp_path / "out", path, tmp_path / "in", path) == 0
    assert folders(tmp_path / "out") == {"a"}


def test_names_that_differ_by_case_get_folders_that_differ_by_more(model: Path, tmp_path: Path) -> None:
    assert separate(model, tmp_path / "out", talk(tmp_path / "x" / "Talk.wav"), talk(tmp_path / "y" / "talk.wav")) == 0
    assert len({folder.casefold() for folder in folders(tmp_path / "out")}) == 2


@pytest.mark.parametrize("name", ["...wav", "..wav", "...", ".wav", "a.b.wav"])
def test_no_name_leads_out_of_the_output_folder(model: Path, tmp_path: Path, name: str) -> None:
    path = talk(tmp_path / "in" / name)
    assert folder_name(path).strip(".")
    assert separate(model, tmp_path / "deep" / "out", path) == 0
    assert len(list((tmp_path / "deep" / "out").glob("*/speaker1.wav"))) == 1
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text need Linux")
def test_a_name_that_is_no_text_is_printed_as_its_bytes(model: Path, tmp_path: Path) -> None:
    path = os.fsencode(talk(tmp_path / "a.wav").parent) + b"/caf\xe9.wav"
    os.rename(tmp_path / "a.wav", path)
    command = [sys.executable, "-m", "separator", "separate", path, "-o", tmp_path / "out", "-m", model]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert (result.returncode, messages(result.stderr.decode())) == (0, [])
    assert b"/caf\xe9/speaker1.wav\n" in result.stdout
    assert os.path.exists(os.fsencode(tmp_path / "out") + b"/caf\xe9/speaker1.wav")


def test_a_missing_file_alone_is_a_failed_input(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert separate(model, tmp_path / "out", tmp_path / "missing.wav") == 1
    assert len(messages(capsys.readouterr().err)) == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
def test_a_folder_that_cannot_be_written_is_found_before_any_work(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert separate(model, Path("/proc"), talk(tmp_path / "a.wav"), talk(tmp_path / "b.wav")) == 2
    lines = messages(capsys.readouterr().err)
    assert len(lines) == 1 and "/proc" in lines[0]


@pytest.mark.parametrize("sample_rate", [1, 999, 2**31 - 1])
def test_a_sample_rate_that_cannot_be_true_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sample_rate: int
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(16000, dtype=np.float32), 16000)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", sample_rate)
    path.write_bytes(content)
    assert separate(model, tmp_path / "out", path) == 1
    assert f"found {sample_rate}" in capsys.readouterr().err


def test_a_surprise_is_one_line_unless_debug_is_asked_for(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from separator.cli import separate_work

    def fail(*_: object, **options: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(separate_work, "separate_file", fail)
    path = talk(tmp_path / "a.wav")
    assert separate(model, tmp_path / "out", path) == 1
    lines = messages(capsys.readouterr().err)
    assert len(lines) == 1 and str(path) in lines[0] and "RuntimeError: two lines" in lines[0]
    assert main(["separate", str(path), "-o", str(tmp_path / "out"), "-m", str(model), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_leaves_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from separator.audio.writing import AudioWriter

    committed: list[Path] = []
    commit = AudioWriter.commit

    def interrupted(self: AudioWriter) -> None:
        if committed:
            raise KeyboardInterrupt
        commit(self)
        committed.append(self.target)

    monkeypatch.setattr(AudioWriter, "commit", interrupted)
    assert separate(model, tmp_path / "out", talk(tmp_path / "a.wav")) == 130
    assert len(messages(capsys.readouterr().err)) == 1
    assert committed and not any(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m separator info --no-measure {save_tiny_model(tmp_path / 'm')} | true"
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert messages(result.stderr) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_a_progress_bar_on_stderr_leaves_stdout_alone(model: Path, tmp_path: Path) -> None:
    import json
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "separator", "separate", talk(tmp_path / "a.wav"), "--json"]
    result = subprocess.run(
        [*command, "-o", tmp_path / "out", "-m", model], cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    os.close(theirs)
    os.close(ours)
    report = json.loads(result.stdout)
    assert report["error"] is None
    assert report["levels_db"]["speaker1"] < 0


def test_models_are_listed_with_their_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(tmp_path / "tiny")
    for place in ("separator.checkpoint", "separator.checkpoint.finding"):
        monkeypatch.setattr(f"{place}.BUNDLED", tmp_path)
    assert main(["models"]) == 0
    assert "tiny: speaker1, speaker2 at 16000 Hz; 0.00 M parameters" in capsys.readouterr().out

"""`separator separate FOLDER`: what it passes over it says, and its own outputs are no input."""

from pathlib import Path

import pytest

from separator.cli.main import main
from tests.audio.test_finding import refuse
from tests.cli.separating import SOURCES, files, messages
from tests.tiny_model import save_tiny_model
from tests.voices import talk


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def separate(model: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command; returns exit code and lines on stderr."""

    def run(*arguments: str | Path) -> tuple[int, list[str]]:
        code = main(["separate", *map(str, arguments), "-m", str(model), "--device", "cpu"])
        return code, messages(capsys.readouterr().err)

    return run


def test_files_of_other_kinds_are_counted(separate, tmp_path: Path) -> None:
    talk(tmp_path / "in" / "a.wav")
    for name in ("notes.txt", "old.doc", "older.doc", ".hidden"):
        (tmp_path / "in" / name).touch()
    note = f"separator: note: {tmp_path / 'in'}: files of kinds that are not looked for are passed over: 2 .doc, 1 .txt"
    assert separate(tmp_path / "in", "-o", tmp_path / "out") == (0, [note])
    (tmp_path / "in" / "a.wav").unlink()
    code, err = separate(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 2 and len(err) == 1 and "found none in it (2 .doc, 1 .txt)" in err[0]


def test_a_folder_that_may_not_be_read_fails_alone(separate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(tmp_path / "in" / "a.wav"), talk(tmp_path / "in" / "closed" / "b.wav")
    refuse(tmp_path / "in" / "closed", monkeypatch)
    error = f"separator: error: {tmp_path / 'in' / 'closed'}: cannot read this folder: Permission denied"
    assert separate(tmp_path / "in", "-o", tmp_path / "out") == (1, [error])
    assert files(tmp_path / "out") == [f"a/{name}.wav" for name in SOURCES]
    assert separate(tmp_path / "in" / "closed", "-o", tmp_path / "out") == (1, [error])


def test_outputs_of_earlier_runs_are_no_input_wherever_they_lie(separate, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    talk(folder / "a.wav"), talk(folder / "deep" / "b.wav")
    assert separate(folder, "-o", folder / "first") == (0, [])
    note = f"separator: note: {folder}: 4 outputs of earlier runs are passed over"
    assert separate(folder, "-o", folder / "first") == (0, [note])
    assert separate(folder, "-o", folder / "deep" / "second") == (0, [note])
    expected = [f"{name}/{source}.wav" for name in ("a", "deep/b") for source in SOURCES]
    assert files(folder / "first") == files(folder / "deep" / "second") == expected
    talk(folder / "first" / "a" / "new.wav")  # of the user, among them
    code, err = separate(folder, "-o", tmp_path / "third")
    assert code == 0 and err == [note.replace(": 4 ", ": 8 ")]
    assert files(tmp_path / "third") == sorted([*expected, *(f"first/a/new/{source}.wav" for source in SOURCES)])
    given = folder / "first" / "a" / "speaker1.wav"
    assert separate(given, "-o", tmp_path / "fourth") == (0, [])  # by its name

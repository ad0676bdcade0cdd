"""`separator separate` where standard output or error cannot be written, or not everything on them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.separating import ROOT, SOURCES, files, messages
from tests.tiny_model import save_tiny_model
from tests.voices import talk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def shell(line: str, folder: Path, model: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of a shell in a folder; `separate` in it stands for the command with its model and output folder."""
    command = f"{sys.executable} -m separator separate -o out --device cpu -m {model}"
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        ["sh", "-c", line.replace("separate", command)], cwd=folder, capture_output=True, env=variables
    )


def outputs(*names: str) -> list[str]:
    return sorted(f"{name}/{source}.wav" for name in names for source in SOURCES)


@pytest.mark.parametrize("options", ["", "--json"])
def test_a_name_that_the_output_cannot_encode_ends_nothing(tmp_path: Path, model: Path, options: str) -> None:
    for name in ("a", "会話", "ünï", "z"):
        talk(tmp_path / "in" / f"{name}.wav", 0.1)
    result = shell(f"separate in {options}", tmp_path, model, PYTHONIOENCODING="cp1252")
    assert (result.returncode, messages(result.stderr.decode(errors="replace"))) == (0, [])
    assert files(tmp_path / "out") == outputs("a", "会話", "ünï", "z")
    if options != "--json":
        lines = result.stdout.decode("cp1252").splitlines()
        assert "out/\\u4f1a\\u8a71/speaker1.wav" in lines and "out/ünï/speaker1.wav" in lines and len(lines) == 8


def test_a_name_of_bytes_that_are_no_text_is_printed_as_it_is(tmp_path: Path, model: Path) -> None:
    talk(tmp_path / "talk.wav", 0.1)
    os.rename(tmp_path / "talk.wav", os.fsencode(tmp_path) + b"/t\xe4lk.wav")
    result = shell("separate *lk.wav", tmp_path, model, PYTHONUTF8="1")
    assert (result.returncode, messages(result.stderr.decode(errors="replace"))) == (0, [])
    assert result.stdout.splitlines() == [b"out/t\xe4lk/" + name.encode() + b".wav" for name in SOURCES]


@pytest.mark.parametrize(
    ("options", "closed"), [("", "1>&-"), ("--json", "1>&- 2>&-"), ("", "2>&-"), ("--jobs 2", "0<&- 1>&-")]
)
def test_a_stream_that_is_closed_ends_nothing(tmp_path: Path, model: Path, options: str, closed: str) -> None:
    talk(tmp_path / "a.wav", 0.1), talk(tmp_path / "b.wav", 0.1)
    (tmp_path / "c.wav").write_bytes(b"no audio")
    result = shell(f"separate a.wav c.wav b.wav {options} {closed}", tmp_path, model)
    assert result.returncode == 1  # of c.wav
    assert files(tmp_path / "out") == outputs("a", "b")
    assert len(messages(result.stderr.decode(errors="replace"))) == (0 if "2>" in closed else 1)
    assert len(result.stdout.splitlines()) == (0 if "1>" in closed else 3 if options == "--json" else 4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [""])
def test_an_output_that_is_full_is_one_line(tmp_path: Path, model: Path, options: str) -> None:
    talk(tmp_path / "a.wav", 0.1)
    result = shell(f"separate a.wav {options} > /dev/full", tmp_path, model)
    assert result.returncode == 2
    assert messages(result.stderr.decode(errors="replace")) == [
        "separator: error: standard output: No space left on device"
    ]


def test_a_reader_that_goes_is_no_error(tmp_path: Path, model: Path) -> None:
    for number in range(3):
        talk(tmp_path / f"{number}.wav", 0.1)
    result = shell("separate 0.wav 1.wav 2.wav | true", tmp_path, model)
    assert messages(result.stderr.decode(errors="replace")) == []

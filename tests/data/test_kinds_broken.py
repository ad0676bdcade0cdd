"""Trees that are broken or of another kind: one line from every command that reads them, and the right exit code."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from separator.cli.main import main
from tests.data.trees import write_mixtures, write_song
from tests.speech import write_speakers

RECIPES = Path(__file__).parent.parent.parent / "recipes"


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder be one that may not be read; root may read all."""
    scan = os.scandir

    def scandir(path: str = ".") -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)


def with_file(root: Path, name: str, write: Callable[[Path], object]) -> None:
    write_speakers(root, num_speakers=3, num_files=1)
    write(root / "speaker1" / name)


def write_sets(root: Path) -> None:
    for name in ("train", "dev"):
        write_speakers(root / name, num_speakers=2, num_files=1)


TREES: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda root: None, "found nothing"),
    "file": (lambda root: soundfile.write(root, np.zeros(100), 16000, format="WAV"), "found a file"),
    "empty": (lambda root: root.mkdir(), "expected a folder with audio files, found none in it"),
    "one": (lambda root: write_speakers(root, num_speakers=1, num_files=2), "expected at least 2 speakers, found 1"),
    "text": (lambda root: with_file(root, "a.wav", lambda path: path.write_text("no audio")), "a.wav: expected audio"),
    "bytes": (lambda root: with_file(root, "a.wav", lambda path: path.touch()), "a.wav: expected an audio file"),
    "samples": (
        lambda root: with_file(root, "a.wav", lambda path: soundfile.write(path, np.zeros(0), 16000)),
        "a.wav: expected audio, found a file without samples",
    ),
    "link": (
        lambda root: with_file(root, "a.wav", lambda path: path.symlink_to("gone.wav")),
        "a.wav: expected an audio file, found a link that leads nowhere",
    ),
    "closed": (lambda root: write_speakers(root, num_speakers=3, num_files=1), "speaker1: cannot read this folder"),
    "sets": (write_sets, "found what looks like a folder for each set"),
    "songs": (
        lambda root: [write_song(root / split / "a", {"vocals": 1}, 16000) for split in ("train", "test")],
        "found what looks like a folder for each set",
    ),
    "mixtures": (
        lambda root: write_mixtures(root / "2speakers" / "wav16k" / "min" / "tr", 2, 16000),
        "found mixtures and their sources",
    ),
}


@pytest.mark.parametrize("tree", TREES)
def test_a_bad_tree_of_speakers_is_one_line(
    tmp_path: Path, tree: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    make, words = TREES[tree]
    make(root)
    if tree == "closed":
        close(root / "speaker1", monkeypatch)
    assert main(["prepare", "speakers", str(root), "--check"]) == (2 if tree in ("nothing", "file") else 1)
    said = capsys.readouterr()
    (line,) = said.out.splitlines() or [each for each in said.err.splitlines() if "error" in each]
    assert words in line and "data" in line
    here = [f"data.root={root}", "data.train=[{path: .}]", "data.valid={path: .}", "data.test=null"]
    settings = [part for each in here for part in ("--set", each)]
    assert main(["train", str(RECIPES / "tiny.yaml"), "--dry-run", *settings]) == 2
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "error" in each]
    assert words in line
    if tree not in ("nothing", "file", "songs", "mixtures"):  # of which `evaluate` knows a use
        assert main(["evaluate", "oracle-irm1", "--data", str(root), "-o", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line and line.count(str(root)) == 1


def test_two_files_for_one_stem_are_the_same_error_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "valid", "test"):
        for song in ("a", "b"):
            write_song(tmp_path / "music" / split / song, {"vocals": 1, "accompaniment": 2}, 16000)
        soundfile.write(tmp_path / "music" / split / "a" / "vocals.flac", np.zeros((100, 2)), 16000)
    music, out = str(tmp_path / "music"), ["-o", str(tmp_path / "out")]
    recipe, root = str(RECIPES / "stems-folder.yaml"), ["--set", f"data.root={music}"]
    for command in (
        ["prepare", "stems", music, *out],
        ["prepare", recipe, music, "--check"],
        ["train", recipe, *root, "--dry-run"],
        ["evaluate", "oracle-irm1", "--data", music, *out],
        ["evaluate", "oracle-irm1", "--data", recipe, *root, *out],
        ["score", "--references", f"{music}/test", "--estimates", f"{music}/test", *out],
        ["compare", recipe, *root, *out],
    ):
        assert main(command) in (1, 2), command
        said = capsys.readouterr()
        assert "/a/vocals.wav: expected one file for vocals, found vocals.flac too" in said.out + said.err, command
        assert "Traceback" not in said.err


def test_litter_in_a_song_s_folder_stops_no_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "valid", "test"):
        song = tmp_path / "music" / split / "a"
        write_song(song, {"vocals": 1, "accompaniment": 2}, 16000, seconds=1.5)
        for name in (".DS_Store", "._vocals.wav", "._mixture.wav", "vocals.txt", "notes"):
            (song / name).write_text("no audio")
        write_song(song / "backup", {"vocals": 1}, 16000)
    music = str(tmp_path / "music")
    assert main(["prepare", "stems", music, "--check", "--deep", "--set", "data.sample_rate=16000"]) == 0
    options = ["--jobs", "1", "--metrics", "si_sdr", "-o"]
    for command in (
        ["evaluate", "oracle-irm1", "--data", f"{music}/test", *options, str(tmp_path / "one")],
        ["score", "--references", f"{music}/test", "--estimates", f"{music}/test", *options, str(tmp_path / "two")],
    ):
        assert main(command) == 0
        assert "1 items" in capsys.readouterr().out

"""A file is replaced whole or stays as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from separator.replacing import remove_leftovers, replace_file, replace_files, replace_text


def test_what_fails_half_way_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "facts.json"
    replace_text(target, "before")

    def half(path: Path) -> None:
        path.write_text("hal")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as raised:
        replace_file(target, half)
    assert raised.value.filename == str(target)
    assert [path.name for path in tmp_path.iterdir()] == ["facts.json"] and target.read_text() == "before"
    replace_text(target, "after ä")
    assert target.read_text(encoding="utf-8") == "after ä"


def test_of_files_that_belong_together_all_are_replaced_or_none(tmp_path: Path) -> None:
    first, second, folder = tmp_path / "a", tmp_path / "b", tmp_path / "folder"
    folder.mkdir()
    replace_files({first: b"1"})
    with pytest.raises(OSError, match="Is a directory") as raised:
        replace_files({first: b"2", second: b"2", folder: b"2"})
    assert raised.value.filename == str(folder) and first.read_bytes() == b"1"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "folder"}
    replace_files({first: b"3", second: b"3"})
    assert first.read_bytes() == second.read_bytes() == b"3"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "folder"}


def test_an_error_names_the_target_not_the_temporary_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        replace_text(tmp_path / "no" / "facts.json", "text")
    assert raised.value.filename == str(tmp_path / "no" / "facts.json")


def test_halves_that_a_killed_run_left_are_removed_and_those_of_a_running_one_are_not(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "model").mkdir()
    left = [tmp_path / f".last.ckpt.{ended.pid}.partial", tmp_path / "model" / f".config.json.{ended.pid}.partial"]
    left.append(tmp_path / f".last.ckpt.{os.getpid()}.partial")
    others = [tmp_path / f".last.ckpt.{os.getppid()}.partial", tmp_path / "last.ckpt"]
    for path in (*left, *others):
        path.touch()
    os.utime(left[2], (0, 0))  # of a process that had this one's number
    remove_leftovers(tmp_path)
    assert not any(path.exists() for path in left) and all(path.exists() for path in others)


def test_of_files_by_name_what_is_left_over_goes_and_what_is_at_work_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        f".a.wav.{dead.pid}.partial": False,
        f".a.wav.0f3e.{dead.pid}.partial.encoded": False,
        f".a.wav.{os.getppid()}.partial": True,
        f".a.wav.77ab.{os.getpid()}.partial": True,
        ".a.wav.99999999999999999999.partial": False,
        f".b.wav.{dead.pid}.partial": True,
        f"a.wav.{dead.pid}.partial": True,
        ".a.wav.notes.partial": True,
        "a.wav": True,
    }
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / f".a.wav.{os.getpid()}.partial").touch()
    os.utime(tmp_path / f".a.wav.{os.getpid()}.partial", (0, 0))  # of a process that had this one's number
    remove_leftovers(tmp_path, ["a.wav"])
    assert {path.name for path in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}

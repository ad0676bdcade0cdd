"""Searching a folder: nothing in it is passed over in silence."""

import os
from pathlib import Path

import pytest

from separator.audio.finding import count_kinds, find_audio, search_folder
from separator.errors import InputError


def refuse(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder be one that may not be read; root may read all."""
    scan = os.scandir

    def scandir(path: str = ".") -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_what_is_no_audio_is_counted(tmp_path: Path) -> None:
    write(tmp_path, "b.WAV", "sub/a.flac", ".hidden.wav", ".hidden/c.wav")
    write(tmp_path, "notes.txt", "sub/more.txt", "old.xyz", "README")
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    contents = search_folder(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in contents.audio] == [
        ".hidden/c.wav", "b.WAV", "gone.wav", "sub/a.flac"]  # fmt: skip
    assert sorted(count_kinds(contents.others).split(", ")) == [
        "1 .xyz", "1 linked folder", "1 pipe or device", "1 without a suffix", "2 .txt"]  # fmt: skip
    assert contents.unreadable == []


def test_training_data_may_lie_behind_links(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "anna", "a.flac")
    (tmp_path / "corpus" / "anna" / "up").symlink_to(tmp_path / "corpus")
    (tmp_path / "train").mkdir()
    for name in ("anna", "ben"):
        (tmp_path / "train" / name).symlink_to(tmp_path / "corpus" / "anna")
    assert find_audio(tmp_path / "train") == [tmp_path / "train" / name / "a.flac" for name in ("anna", "ben")]
    assert find_audio(tmp_path / "corpus") == [tmp_path / "corpus" / "anna" / "a.flac"]


def test_many_kinds_are_summed_up() -> None:
    assert count_kinds([Path(f"a.{kind}") for kind in "aabbccddeefgh"]) == "2 .a, 2 .b, 2 .c, 2 .d, 2 .e, 3 others"


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.wav", "closed/b.wav", "open/c.wav")
    refuse(tmp_path / "closed", monkeypatch)
    contents = search_folder(tmp_path)
    assert contents.unreadable == [(tmp_path / "closed", "Permission denied")]
    assert [path.name for path in contents.audio] == ["a.wav", "c.wav"]
    with pytest.raises(InputError, match="closed: cannot read this folder: Permission denied"):
        find_audio(tmp_path)  # training data must not be less than there is

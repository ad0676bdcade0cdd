"""The resumable state is replaced whole or stays as it was."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from separator.errors import InputError
from separator.training.state import WholeFiles, remove_leftovers, save_state


class _Trainer:
    """As much of a trainer as saving needs."""

    def save_checkpoint(self, path: Path) -> None:
        WholeFiles().save_checkpoint({"state": list(range(1000))}, path)


def test_a_full_disk_keeps_the_earlier_state_and_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"before")
    whole = Path.write_bytes

    def half(self: Path, content: Any) -> int:
        whole(self, bytes(content)[: len(content) // 2])
        raise OSError(28, "No space left on device", "/somewhere/else")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(InputError, match=r"last\.ckpt: cannot write the state: No space left") as raised:
        save_state(_Trainer(), path)  # type: ignore[arg-type]
    assert "/somewhere" not in str(raised.value)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"] and path.read_bytes() == b"before"


def test_halves_that_a_killed_run_left_are_removed_and_those_of_a_running_one_are_not(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "model").mkdir()
    left = [tmp_path / f".last.ckpt.{ended.pid}.partial", tmp_path / "model" / f".config.json.{ended.pid}.partial"]
    others = [tmp_path / f".last.ckpt.{os.getppid()}.partial", tmp_path / "last.ckpt"]
    for path in (*left, *others):
        path.touch()
    remove_leftovers(tmp_path)
    assert not any(path.exists() for path in left) and all(path.exists() for path in others)

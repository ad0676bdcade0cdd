"""The resumable state is replaced whole or stays as it was."""

from pathlib import Path
from typing import Any

import pytest

from separator.errors import InputError
from separator.training.state import WholeFiles, save_state


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

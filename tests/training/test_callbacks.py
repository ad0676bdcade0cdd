"""The resumable state is replaced whole or stays as it was."""

from pathlib import Path
from typing import Any

import pytest

from separator.errors import InputError
from separator.training.callbacks import save_state


class _FullDisk:
    """A trainer that gets half of its checkpoint onto the disk; the error names a file of Lightning's, elsewhere."""

    is_global_zero = True

    def save_checkpoint(self, path: Path) -> None:
        path.write_bytes(b"hal")
        raise OSError(28, "No space left on device", "/somewhere/else")


def test_a_full_disk_keeps_the_earlier_state_and_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"before")
    trainer: Any = _FullDisk()
    with pytest.raises(InputError, match=r"last\.ckpt: cannot write the state: No space left") as raised:
        save_state(trainer, path)
    assert "/somewhere" not in str(raised.value)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"] and path.read_bytes() == b"before"

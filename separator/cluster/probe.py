"""A file that is in a shared folder for as long as a run lasts: a machine that sees it sees the folder."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

NAME = ".cluster.{}.partial"


@contextmanager
def probe_in(folder: Path) -> Iterator[Path]:
    """Make a hidden file in a folder for as long as the context lasts, and remove those that killed runs have left.

    Each is locked by its run, and the lock ends with the process, on whichever machine. Where a file system has no
    locks, what killed runs have left stays.
    """
    for earlier in folder.glob(NAME.format("[0-9a-f]" * 8)):
        with suppress(OSError), earlier.open("rb+") as file:
            _lock(file, waits=False)
            earlier.unlink()
    with _make(folder) as file:
        try:
            yield Path(file.name)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _make(folder: Path) -> BinaryIO:
    """Make a file and lock it; another run may have removed it in between, which took it for one that was left."""
    while True:
        file = (folder / NAME.format(secrets.token_hex(4))).open("xb")
        with suppress(OSError):
            _lock(file, waits=True)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()


def _lock(file: BinaryIO, waits: bool) -> None:
    """Lock a file, or raise OSError if another process has."""
    try:
        import fcntl
    except ImportError:
        raise OSError("Windows has no such locks") from None
    fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))

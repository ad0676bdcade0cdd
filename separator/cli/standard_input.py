"""A WAV that comes on standard input, kept in a temporary file: its header is read again when its end is known."""

import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from separator.errors import InputError

MOST_HEADER_CHUNKS = 100


@contextmanager
def spooled() -> Iterator[Path]:
    """All of standard input as a file, as long as the context lasts.

    Raises:
        InputError: If there is no standard input, or no room for it.
    """
    if sys.stdin is None:
        raise InputError("standard input: expected a WAV file, found it closed")
    with tempfile.NamedTemporaryFile(prefix="separator-", suffix=".wav") as file:
        try:
            shutil.copyfileobj(sys.stdin.buffer, file)
            _mend_empty_data(file)
            file.flush()
        except OSError as error:
            raise InputError(f"standard input: cannot keep it in {tempfile.gettempdir()}: {error.strerror}") from None
        yield Path(file.name)


def _mend_empty_data(file: "tempfile._TemporaryFileWrapper[bytes] | BinaryIO") -> None:
    """Where a WAV's data has the size 0 and yet there is some, as writers leave it that cannot go back: say unknown."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return
    for _ in range(MOST_HEADER_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return
        (size,) = struct.unpack("<I", header[4:])
        if header[:4] == b"data":
            if size == 0 and file.tell() < end:
                file.seek(-4, os.SEEK_CUR)
                file.write(b"\xff" * 4)
            return
        file.seek(size + size % 2, os.SEEK_CUR)

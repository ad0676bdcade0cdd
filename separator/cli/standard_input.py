"""A WAV that comes on standard input, kept in a temporary file: its header is read again when its end is known."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from separator.audio.file_part import FilePart
from separator.audio.unfinished import missing_size
from separator.errors import InputError


@contextmanager
def spooled() -> Iterator[Path]:
    """Copy all of standard input to a file that lasts as long as the context does.

    Raises:
        InputError: If there is no standard input, or no room for it.
    """
    if sys.stdin is None:
        raise InputError("standard input: expected a WAV file, found it closed")
    with tempfile.NamedTemporaryFile(prefix="separator-", suffix=".wav") as file:
        try:
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.flush()
            with FilePart(Path(file.name)) as written:
                sizes = missing_size(written)
            for at, size in sizes.items():  # of writers that cannot go back
                file.seek(at)
                file.write(size)
            file.flush()
        except OSError as error:
            raise InputError(f"standard input: cannot keep it in {tempfile.gettempdir()}: {error.strerror}") from None
        yield Path(file.name)

"""Sound that comes through a pipe, kept in a temporary file: its header is read again when its end is known."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from separator.audio.file_part import FilePart
from separator.audio.unfinished import missing_size
from separator.cli.inputs import STANDARD_INPUT
from separator.errors import InputError


@contextmanager
def spooled(path: Path) -> Iterator[Path]:
    """Copy all of standard input (`-`) or of another pipe to a file that lasts as long as the context does.

    Raises:
        InputError: If there is no standard input, or no room for it.
    """
    name = stream_name(path)
    if path == STANDARD_INPUT and sys.stdin is None:
        raise InputError(f"{name}: expected an audio file, found it closed")
    with tempfile.NamedTemporaryFile(prefix="separator-", suffix=".wav") as file:
        try:
            with nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else path.open("rb") as stream:
                shutil.copyfileobj(stream, file)
            file.flush()
            with FilePart(Path(file.name)) as written:
                sizes = missing_size(written)
            for at, size in sizes.items():  # of writers that cannot go back
                file.seek(at)
                file.write(size)
            file.flush()
        except OSError as error:
            raise InputError(f"{name}: cannot keep it in {tempfile.gettempdir()}: {error.strerror}") from None
        yield Path(file.name)


def is_stream(path: Path) -> bool:
    """Return whether an input is read once, from its beginning to its end: standard input, or another pipe."""
    return path == STANDARD_INPUT or path.is_fifo()


def stream_name(path: Path) -> str:
    """Return what messages call a stream."""
    return "standard input" if path == STANDARD_INPUT else str(path)

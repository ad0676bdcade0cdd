"""A part of a file, read as a file of its own, with bytes of its header put right."""

import io
from collections.abc import Mapping
from pathlib import Path


class FilePart(io.RawIOBase):
    """The bytes of a file from `start` to `end`, read only.

    Args:
        path: The file.
        start: First byte.
        end: Byte behind the last; None is the end of the file.
        changes: Bytes to read in place of those in the file, by their position in the part.

    Raises:
        OSError: If the file cannot be read.
    """

    def __init__(
        self, path: Path, start: int = 0, end: int | None = None, changes: Mapping[int, bytes] | None = None
    ) -> None:
        self._file = path.open("rb")
        self._start = start
        self._end = path.stat().st_size if end is None else end
        self._changes = changes or {}
        self._position = start

    def readable(self) -> bool:
        """Return whether it can be read: it can."""
        return True

    def seekable(self) -> bool:
        """Return whether it can be read from any position: it can."""
        return True

    def tell(self) -> int:
        """Return the position in the part, in bytes."""
        return self._position - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position in the part, in bytes; returns it."""
        origin = {io.SEEK_SET: self._start, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = max(self._start, origin + offset)
        return self.tell()

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        """Fill a buffer as far as the part goes; returns the number of bytes."""
        view = memoryview(buffer).cast("B")
        self._file.seek(min(self._position, self._end))  # a header may name any position
        content = self._file.read(max(0, min(len(view), self._end - self._position)))
        view[: len(content)] = content
        for at, right in self._changes.items():
            for index, byte in enumerate(right, self._start + at - self._position):
                if 0 <= index < len(content):
                    view[index] = byte
        self._position += len(content)
        return len(content)

    def fileno(self) -> int:
        """Return the descriptor of the whole file."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

"""A ZIP that is sent while it is made: nothing of it is kept in memory or on disk."""

import io
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

BLOCK_BYTES = 1 << 20


class _Passage(io.RawIOBase):
    """A file to write to whose content is taken out at the other end."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, block: bytes) -> int:  # type: ignore[override]
        self._blocks.append(bytes(block))
        return len(block)

    def take(self) -> bytes:
        content = b"".join(self._blocks)
        self._blocks.clear()
        return content


def zip_blocks(files: dict[str, Path]) -> Iterator[bytes]:
    """Give the bytes of a ZIP in blocks.

    Args:
        files: Each by its name in the ZIP, in which `/` parts folders.
    """
    passage = _Passage()
    with ZipFile(passage, "w", ZIP_STORED) as archive:
        for name, path in files.items():
            entry = ZipInfo.from_file(path, name)
            with path.open("rb") as file, archive.open(entry, "w", force_zip64=True) as target:
                while block := file.read(BLOCK_BYTES):
                    target.write(block)
                    yield passage.take()
    yield passage.take()

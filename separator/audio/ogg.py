"""The pages of an Ogg file (RFC 3533), and the streams that follow one another in it."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"OggS"

FIRST, LAST = 2, 4
"""Flags of a stream's first and last page."""

LONGEST_PAGE = 65307


@dataclass(frozen=True)
class OggPage:
    """The header of a page.

    Attributes:
        start: Its first byte in the file.
        end: The byte behind its last; behind the end of the file where it is cut.
        flags: `FIRST`, `LAST`, or others.
        time: At its end, in samples of the codec.
        serial: Number of its stream.
    """

    start: int
    end: int
    flags: int
    time: int
    serial: int


def read_pages(path: Path, start: int = 0, end: int | None = None) -> Iterator[OggPage]:
    """Read the headers of all pages that begin between two bytes of a file; what is no page is passed over."""
    with path.open("rb") as file:
        file.seek(start)
        while end is None or start < end:
            header = file.read(27)
            if len(header) == 27 and header.startswith(MAGIC):
                table = file.read(header[26])
                behind = start + 27 + header[26] + sum(table)
                time, serial = struct.unpack_from("<qI", header, 6)
                yield OggPage(start, behind, header[5], time, serial)
                file.seek(behind)
                if file.read(len(MAGIC)) in (MAGIC, b""):
                    start = behind
                    file.seek(start)
                    continue
            found = -1
            file.seek(start + 1)
            while found < 0 and len(content := file.read(2 * LONGEST_PAGE)) >= len(MAGIC):
                found = content.find(MAGIC)
                start = file.tell() - (len(content) - found if found >= 0 else len(MAGIC) - 1)
                file.seek(start)
            if found < 0:
                return


def find_links(path: Path) -> list[tuple[int, int]]:
    """Find the parts of an Ogg file that are files of their own, joined end to end: first byte, and byte behind."""
    starts, heading = [0], True
    for page in read_pages(path):
        if page.flags & FIRST:
            if not heading:
                starts.append(page.start)
            heading = True
        else:
            heading = False
    return list(zip(starts, [*starts[1:], path.stat().st_size], strict=True))


def describe_end(path: Path, start: int, end: int) -> str | None:
    """Say in words what is missing at the end of a part of a file; None where its last page is whole and marked so."""
    pages = list(read_pages(path, max(start, end - 2 * LONGEST_PAGE), end))
    if pages and pages[-1].end > end:
        return "cut short: its last page is not whole"
    if not pages or not pages[-1].flags & LAST:
        return "cut short, or recorded from a stream: no page is marked as its last"
    return None


def right_checksums(path: Path, start: int = 0, end: int | None = None) -> tuple[int, dict[int, bytes]]:
    """Count damaged pages, and find the checksums that they would have to have, by their position behind `start`.

    With these a decoder loses the damaged packets only; it leaves out a page whose checksum is wrong. A page that does
    not end where another begins stays as it is, and one that is cut at the end is not counted.
    """
    damaged = 0
    found = {}
    end = path.stat().st_size if end is None else end
    with path.open("rb") as file:
        for page in read_pages(path, start, end):
            if page.end > end:
                continue
            file.seek(page.start)
            content = file.read(page.end - page.start)
            checksum = struct.pack("<I", _checksum(content))
            if checksum != content[22:26]:
                damaged += 1
                if file.read(len(MAGIC)) in (MAGIC, b""):
                    found[page.start + 22 - start] = checksum
    return damaged, found


REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in reverse order."""


def _checksum(page: bytes) -> int:
    """Return a page's CRC-32, which has the polynomial of zlib's, with the bits in reverse order."""
    content = (page[:22] + bytes(4) + page[26:]).translate(REVERSED)
    return int(f"{zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF:032b}"[::-1], 2)

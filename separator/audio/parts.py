"""The parts of a file that are files of their own, joined end to end: where each begins."""

import mmap
import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

from separator.audio.edits import top_boxes
from separator.audio.file_part import FilePart
from separator.audio.formats import INFO_WORDS, bytes_before_info, container_format, frame_bytes, tag_bytes
from separator.audio.ogg import find_links
from separator.audio.promised_size import matroska_end

MOST_PARTS = 10_000

MOST_FILL_BYTES = 8
"""Of zeros between the end of a file and the beginning of the next."""

BEGINNINGS = re.compile(
    rb"(?:RIF[FX]|RF64|BW64)....WAVE|FORM....AIF[FC]|\.snd\x00\x00..|caff\x00\x01\x00\x00desc|fLaC\x00\x00\x00\x22"
    rb"|riff" + re.escape(bytes.fromhex("2e91cf11a5d628db04c10000")) + rb"|....ftyp"
    rb"|\x1a\x45\xdf\xa3.{1,12}?\x42[\x82\x86\xf7]",
    re.DOTALL,
)  # fmt: skip
"""Headers that are no chance where a file before them ends."""

ID3_HEADER = re.compile(rb"ID3[\x02-\x04]\x00[\x00-\xf0][\x00-\x7f]{4}")

LEAST_MP3_BYTES = 4000
"""An MP3 that was made of another may have both headers, one directly behind the other."""


def find_parts(path: Path) -> list[tuple[int, int]]:
    """Find the files that a file is made of: first byte, and byte behind the last, of each; as a rule it is one."""
    state = path.stat()
    return list(_find_parts(path, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=1 << 14)  # training opens the same files again and again
def _find_parts(path: Path, size: int, time_ns: int) -> tuple[tuple[int, int], ...]:
    with FilePart(path) as file:
        kind = container_format(file)
        if kind == "ogg":
            return tuple(find_links(path))
        if size == 0:
            return ((0, 0),)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            starts = list(_mp3_starts(content) if kind == "mp3" else _starts(path, content))
    return tuple(zip(starts, [*starts[1:], size], strict=True))


def _positions(content: mmap.mmap, word: bytes, start: int) -> Iterator[int]:
    """Give all positions of a word from a byte on."""
    while (start := content.find(word, start)) >= 0:
        yield start
        start += len(word)


def _starts(path: Path, content: mmap.mmap) -> Iterator[int]:
    start: int | None = 0
    for _ in range(MOST_PARTS):
        if start is None:
            return
        yield start
        start = _next_start(path, content, start)


def _next_start(path: Path, content: mmap.mmap, start: int) -> int | None:
    """Return where the file that follows the one at `start` begins; None if none does."""
    first = BEGINNINGS.match(content, start)
    if first is None:
        return None
    end = _end(path, content, start)
    if end is not None:
        for at in range(end, min(end + MOST_FILL_BYTES, len(content)) + 1):
            if BEGINNINGS.match(content, at):
                return at
            if content[at : at + 1] != b"\0":
                break
        if end >= len(content) - MOST_FILL_BYTES:
            return None
    # It does not say, or it was cut before it was joined: the next of the same kind.
    word = content[start : start + 4]
    return next((at for at in _positions(content, word, first.end()) if BEGINNINGS.match(content, at)), None)


def _end(path: Path, content: mmap.mmap, start: int) -> int | None:
    """Return the byte behind a file's last by its own header; None where that does not tell, or tells wrong."""
    name = content[start : start + 4]
    end: int | None = None
    if name in (b"RIFF", b"RIFX", b"FORM", b"RF64", b"BW64", b"riff", b".snd"):
        head = content[start : start + 40].ljust(40, b"\0")
        if name in (b"RF64", b"BW64"):
            length = 8 + struct.unpack_from("<Q", head, 20)[0]
        elif name == b"riff":
            length = struct.unpack_from("<Q", head, 16)[0]
        elif name == b".snd":
            length = sum(struct.unpack_from(">II", head, 4))
        else:
            length = 8 + struct.unpack_from("<I" if name == b"RIFF" else ">I", head, 4)[0]
        end = start + length if length > 40 else None
    elif name == b"caff":
        end = _caf_end(content, start)
    elif name == b"\x1a\x45\xdf\xa3":
        end = matroska_end(content, start)
    elif content[start + 4 : start + 8] == b"ftyp":
        with FilePart(path, start) as file:
            ends = [begin for box, begin, _ in top_boxes(file) if box == b"ftyp"]
        return start + ends[1] - 8 if len(ends) > 1 else len(content)  # other boxes may follow
    return end if end is not None and end <= len(content) + 1 else None


def _caf_end(content: mmap.mmap, start: int) -> int | None:
    at = start + 8
    while at + 12 <= len(content) and content[at : at + 4] != b"caff":
        (size,) = struct.unpack_from(">q", content, at + 4)
        if size < 0:
            return None
        at += 12 + size
    return at


def _mp3_starts(content: mmap.mmap) -> Iterator[int]:
    """Give the beginnings of MP3 files: tags before a frame, and frames that tell of those behind them."""
    yield 0
    start = tag_bytes(content[:16])
    for at in sorted(chain.from_iterable(_positions(content, word, 1) for word in (b"ID3", *INFO_WORDS))):
        if content[at : at + 3] == b"ID3":
            if not ID3_HEADER.match(content, at):
                continue
            behind = at + tag_bytes(content[at : at + 16])
            if frame_bytes(content[behind : behind + 6]) is None:
                continue
        else:
            before = bytes_before_info(content[max(0, at - 36) : at])
            if before is None:
                continue
            at = behind = at - before
        if at - start >= LEAST_MP3_BYTES:
            yield at
            start = behind

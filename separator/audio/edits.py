"""The edit list of an MP4: which part of a track is its sound, and which is what the encoder needed before it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from separator.audio.file_part import FilePart

LARGEST_INDEX_BYTES = 1 << 28
"""Of a `moov` box that is believed: days of sound have less."""


@dataclass(frozen=True)
class Edit:
    """The one piece of a track that is played.

    Attributes:
        start_seconds: Where it begins in the track.
        seconds: How long it is, to `unit_seconds`; 0 is all the rest, as in files that are written in fragments.
        unit_seconds: What its length is counted in: a millisecond, or 1/600 s.
    """

    start_seconds: Fraction
    seconds: Fraction
    unit_seconds: Fraction


def read_edit(file: FilePart, track: int) -> Edit | None:
    """Return the edit of an audio track, counted from 0; None where there is none, more than one, or one of nothing."""
    try:
        for name, start, end in top_boxes(file):
            if name == b"moov" and end - start <= LARGEST_INDEX_BYTES:
                file.seek(start)
                return _edit_in(file.read(end - start), track)
    except (struct.error, IndexError, ZeroDivisionError):  # a damaged header tells nothing
        pass
    return None


def is_fragmented(file: FilePart) -> bool:
    """Return whether the sound is in fragments, each with an index of its own, as where a stream was saved."""
    return any(name == b"moof" for name, _, _ in top_boxes(file))


def top_boxes(file: FilePart) -> Iterator[tuple[bytes, int, int]]:
    """Give the boxes of a file: name, first byte behind the header, byte behind the last."""
    at, size = 0, file.seek(0, 2)
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = int.from_bytes(file.read(8), "big"), 16
        elif length == 0:
            length = size - at
        if length < head:
            return
        yield name, at + head, min(at + length, size)
        at += length


def _boxes(content: bytes, wanted: bytes) -> Iterator[bytes]:
    """Give what is in the boxes of one name, among those that follow one another in `content`."""
    at = 0
    while at + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        if length < 8:
            return
        if name == wanted:
            yield content[at + 8 : at + length]
        at += length


def _edit_in(movie: bytes, track: int) -> Edit | None:
    tracks = [(each, next(_boxes(each, b"mdia"), b"")) for each in _boxes(movie, b"trak")]
    sounds = [(each, media) for each, media in tracks if next(_boxes(media, b"hdlr"), b"")[8:12] == b"soun"]
    content, media = sounds[track]
    edits = next(_boxes(next(_boxes(content, b"edts"), b""), b"elst"), None)
    if edits is None:
        return None
    form = ">Qq4x" if edits[0] else ">Ii4x"
    (count,) = struct.unpack_from(">I", edits, 4)
    duration, start = struct.unpack_from(form, edits, 8)
    if count != 1 or start < 0:
        return None
    unit = Fraction(1, _time_scale(next(_boxes(movie, b"mvhd"), b"")))
    return Edit(Fraction(start, _time_scale(next(_boxes(media, b"mdhd"), b""))), duration * unit, unit)


def _time_scale(header: bytes) -> int:
    """Return the units a second of a movie's or a track's header."""
    return int(struct.unpack_from(">I", header, 20 if header[0] else 12)[0])

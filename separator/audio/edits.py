"""The edit list of an MP4: which parts of a track are played, and which is what the encoder needed before them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile

from separator.audio.file_part import FilePart

LARGEST_INDEX_BYTES = 1 << 28
"""Of a `moov` box that is believed: days of sound have less."""


TOLERANCE_UNITS = 2
"""An edit that ends so near to the track's end, in units of its own, is meant to end there."""


@dataclass(frozen=True)
class Edits:
    """The pieces of a track that are played, one after the other.

    Attributes:
        delay_seconds: How long nothing is played before them.
        pieces: Where each begins in the track, and how long it is, to `unit_seconds`; 0 is all the rest, as in files
            that are written in fragments.
        unit_seconds: What lengths are counted in: a millisecond, or 1/600 s.
    """

    delay_seconds: Fraction
    pieces: tuple[tuple[Fraction, Fraction], ...]
    unit_seconds: Fraction

    @property
    def are_in_order(self) -> bool:
        """Tell whether each piece begins behind the one before it."""
        ends = [start + seconds for start, seconds in self.pieces]
        return all(end <= start for end, (start, _) in zip(ends, self.pieces[1:], strict=False))

    def samples(self, sample_rate: int, track_seconds: Fraction) -> list[tuple[int, int]]:
        """Return the first sample of each piece and the one behind its last, in a track of this length."""
        found = []
        for start, seconds in self.pieces:
            end = start + seconds
            if seconds == 0 or end > track_seconds - TOLERANCE_UNITS * self.unit_seconds:
                end = track_seconds
            found.append((round(start * sample_rate), max(round(start * sample_rate), round(end * sample_rate))))
        return found


def read_edits(file: FilePart, track: int) -> Edits | None:
    """Return the edits of an audio track, counted from 0; None where there are none."""
    try:
        for name, start, end in top_boxes(file):
            if name == b"moov" and end - start <= LARGEST_INDEX_BYTES:
                file.seek(start)
                return _edits_in(file.read(end - start), track)
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


def _edits_in(movie: bytes, track: int) -> Edits | None:
    tracks = [(each, next(_boxes(each, b"mdia"), b"")) for each in _boxes(movie, b"trak")]
    sounds = [(each, media) for each, media in tracks if next(_boxes(media, b"hdlr"), b"")[8:12] == b"soun"]
    content, media = sounds[track]
    edits = next(_boxes(next(_boxes(content, b"edts"), b""), b"elst"), None)
    if edits is None:
        return None
    form = struct.Struct(">Qq4x" if edits[0] else ">Ii4x")
    (count,) = struct.unpack_from(">I", edits, 4)
    listed = list(form.iter_unpack(edits[8 : 8 + count * form.size]))
    unit = Fraction(1, _time_scale(next(_boxes(movie, b"mvhd"), b"")))
    track_unit = Fraction(1, _time_scale(next(_boxes(media, b"mdhd"), b"")))
    empty = list(takewhile(lambda edit: edit[1] < 0, listed))
    played = [(duration, start) for duration, start in listed if start >= 0 and (duration or len(listed) == 1)]
    pieces = tuple((start * track_unit, duration * unit) for duration, start in played)
    return Edits(sum(duration for duration, _ in empty) * unit, pieces, unit) if pieces else None


def _time_scale(header: bytes) -> int:
    """Return the units a second of a movie's or a track's header."""
    return int(struct.unpack_from(">I", header, 20 if header[0] else 12)[0])

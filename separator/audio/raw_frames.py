"""Raw MP3 and AAC, which tell no times: what lies between their frames, and how many frames are lost there."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from separator.audio.file_part import FilePart
from separator.audio.formats import frame_bytes, tag_bytes
from separator.audio.tracks import AudioTrack

if TYPE_CHECKING:
    from av import Packet

RAW_FORMATS = ("mp3", "aac")
"""FFmpeg's names of them."""

SYNC = re.compile(rb"\xff[\xe0-\xff]")

PIECE_BYTES = 1 << 16

MOST_FRAME_BYTES = 1 << 13
"""Of AAC, whose lengths have 13 bits."""


class RawFrames:
    """The frames of a raw track, and what is between two of them.

    What is damaged in its place is as long as the frames that were there: at a constant bit rate to the byte, else
    about so. At a constant bit rate, bytes of any other length were put between frames, or frames were cut.

    Args:
        track: The track, open.
    """

    def __init__(self, track: AudioTrack) -> None:
        self._track = track
        self._num_frames, self._num_bytes = 0, 0
        self._smallest, self._largest = 1 << 30, 0
        self._failed, self._other_bytes = 0, 0  # since the last frame

    def packets(self) -> Iterator["Packet"]:
        """Give the frames, without what is before each; at the end an empty one."""
        import av

        if self._track.container.format.name == "aac":  # FFmpeg passes over other bytes and does not tell
            for other_bytes, content in adts_frames(self._track.file):
                self._other_bytes += other_bytes
                yield av.Packet(content)
            yield av.Packet(0)
            return
        for packet in self._track.container.demux(self._track.stream):
            at = 0
            if packet.size and frame_bytes(bytes(memoryview(packet)[:6])) != packet.size:
                content = bytes(memoryview(packet))
                at = _frame_at(content)
                self._other_bytes += at - tag_bytes(content[:at])
            if self._other_bytes and self._is_chance(packet.size - at):
                self._other_bytes += packet.size - at
            else:
                yield av.Packet(content[at:]) if at else packet

    @property
    def _is_constant(self) -> bool:
        return self._largest - self._smallest <= 1

    def _is_chance(self, size: int) -> bool:
        """Return whether what follows other bytes is none of these frames, though it looks like one, by its length."""
        return self._num_frames > 1 and self._is_constant and not self._smallest <= size <= self._largest

    def fail(self, packet: "Packet") -> None:
        """Count a packet that could not be decoded as lost."""
        self._failed += 1
        self._other_bytes += packet.size

    def take_lost(self, packet: "Packet") -> tuple[int, int]:
        """Count a packet that was decoded; returns the frames that are lost before it, and the bytes that are none."""
        failed, other_bytes = self._failed, self._other_bytes if self._num_frames else 0
        self._failed, self._other_bytes = 0, 0
        lost = 0
        if other_bytes:
            mean = self._num_bytes / self._num_frames
            lost = round(other_bytes / mean)
            if self._is_constant and abs(other_bytes - lost * mean) > lost + 1:
                lost = failed
            else:
                lost, other_bytes = max(lost, failed), 0
        self._num_frames += 1
        self._num_bytes += packet.size
        self._smallest, self._largest = min(self._smallest, packet.size), max(self._largest, packet.size)
        return lost, other_bytes


def adts_frames(file: FilePart) -> Iterator[tuple[int, bytes]]:
    """Give each frame of raw AAC, and the number of bytes before it that are neither a frame nor a tag."""
    file.seek(0)
    buffer, at, other_bytes, tag = b"", 0, 0, 0
    while True:
        if len(buffer) - at < 2 * MOST_FRAME_BYTES:
            buffer, at = buffer[at:] + file.read(PIECE_BYTES), 0
        if at >= len(buffer):
            return
        if tag == 0:
            tag = tag_bytes(buffer[at:])
        if tag:
            skipped = min(tag, len(buffer) - at)
            at, tag = at + skipped, tag - skipped
            continue
        length = frame_bytes(buffer[at : at + 6])
        behind = at + (length or 0)
        is_sure = other_bytes == 0 or behind >= len(buffer) or frame_bytes(buffer[behind : behind + 6])
        if length and is_sure:
            yield other_bytes, buffer[at:behind]
            at, other_bytes = behind, 0
        else:
            found = SYNC.search(buffer, at + 1)
            other_bytes += (found.start() if found else len(buffer)) - at
            at = found.start() if found else len(buffer)


def _frame_at(packet: bytes) -> int:
    """Return where the MP3 frame is that a packet ends with; 0 where it ends with none."""
    starts = (match.start() for match in SYNC.finditer(packet))
    return next((at for at in starts if frame_bytes(packet[at : at + 6]) == len(packet) - at), 0)

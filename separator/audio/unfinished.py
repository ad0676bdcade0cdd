"""Headers that were never finished: a recorder that crashed, or wrote where it could not go back, left no data size."""

import struct

from separator.audio.chunks import MOST_CHUNKS, chunk_end
from separator.audio.file_part import FilePart

LARGEST_FILL_BYTES = 1 << 16
"""Of what follows the sound that are looked at: zeros are nothing to speak of."""

W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""Bytes behind the four letters of most chunk names in Sony Wave64."""


def missing_size(file: FilePart) -> dict[int, bytes]:
    """Find the bytes to read in place of a header's, by their position, where it lacks the size of its data.

    In WAV, AIFF, RF64, Wave64 and AU that size is 0 then, in RF64, Wave64 and CAF it may be the largest number. Empty
    where nothing is missing.
    """
    end = file.seek(0, 2)
    file.seek(0)
    start = file.read(40)
    if start[:4] in (b"RIFF", b"RF64", b"BW64") and start[8:12] == b"WAVE":
        return _in_wav(file, end)
    if start[:4] == b"riff" and start[24:40] == b"wave" + W64_TAIL:
        return _in_wave64(file, end)
    if start[:4] == b".snd" and len(start) >= 24:
        offset, size = struct.unpack_from(">II", start, 4)
        return {8: b"\xff" * 4} if size == 0 and offset < end else {}
    if start[:4] == b"caff":
        return _in_caf(file, end)
    if start[:4] == b"FORM":
        return _in_aiff(file, end)
    return {}


def _in_wav(file: FilePart, end: int) -> dict[int, bytes]:
    at, large = 12, None
    for _ in range(MOST_CHUNKS):
        file.seek(min(at, end))
        header = file.read(8)
        if len(header) < 8:
            break
        (size,) = struct.unpack_from("<I", header, 4)
        if header[:4] == b"ds64":
            large = at + 8
        if header[:4] == b"data":
            if large is not None:
                file.seek(large + 8)
                (long_size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
                is_missing = long_size >= 1 << 63 or (long_size == 0 and size in (0, 0xFFFFFFFF))
                if not is_missing or not _is_data(file, at + 8, end):
                    return {}
                return {large: struct.pack("<QQ", end - 8, end - at - 8), at + 4: b"\xff" * 4}
            return {at + 4: b"\xff" * 4} if size == 0 and _is_data(file, at + 8, end) else {}
        at = chunk_end(file, at + 8, size)
    return {}


def _in_aiff(file: FilePart, end: int) -> dict[int, bytes]:
    at = 12
    for _ in range(MOST_CHUNKS):
        file.seek(min(at, end))
        header = file.read(8)
        if len(header) < 8:
            break
        (size,) = struct.unpack_from(">I", header, 4)
        if header[:4] == b"SSND":
            return {at + 4: struct.pack(">I", min(end - at - 8, 0xFFFFFFFF))} if size <= 8 and end > at + 16 else {}
        at = chunk_end(file, at + 8, size)
    return {}


def _in_wave64(file: FilePart, end: int) -> dict[int, bytes]:
    at = 40
    for _ in range(MOST_CHUNKS):
        file.seek(min(at, end))
        header = file.read(24)
        if len(header) < 24:
            break
        (size,) = struct.unpack_from("<Q", header, 16)
        if header[:16] == b"data" + W64_TAIL:
            is_missing = size <= 24 or size >= 1 << 63
            return {at + 16: struct.pack("<Q", end - at)} if is_missing and end > at + 24 else {}
        at += max(24, size + -size % 8)
    return {}


def _in_caf(file: FilePart, end: int) -> dict[int, bytes]:
    at = 8
    for _ in range(MOST_CHUNKS):
        file.seek(min(at, end))
        header = file.read(12)
        if len(header) < 12:
            break
        (size,) = struct.unpack_from(">Q", header, 4)
        if header[:4] == b"data":
            is_missing = size <= 4 or size >= 1 << 63
            return {at + 4: struct.pack(">Q", end - at - 12)} if is_missing and end > at + 16 else {}
        at += 12 + size
    return {}


def bytes_behind(file: FilePart) -> int:
    """Count the bytes behind the sound of a WAV or AIFF that are sound again, or neither chunks nor tags nor zeros."""
    end = file.seek(0, 2)
    file.seek(0)
    name = file.read(4)
    sound = {b"RIFF": b"data", b"RIFX": b"data", b"FORM": b"SSND"}.get(name)
    at, is_behind = 12, False
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or sound is None:
            return 0
        size = int.from_bytes(header[4:], "little" if name == b"RIFF" else "big")
        if is_behind and (not _is_chunk_name(header) or at + size > end):
            file.seek(at)
            is_tag = header[:3] in (b"ID3", b"TAG") or header == b"APETAGEX"
            return 0 if is_tag or not file.read(LARGEST_FILL_BYTES).strip(b"\0") else end - at
        if is_behind and header[:4] == sound:
            return end - at
        is_behind = is_behind or header[:4] == sound
        at = chunk_end(file, at + 8, size)
    return 0


def _is_data(file: FilePart, at: int, end: int) -> bool:
    """Return whether there is something behind a data chunk's header, other than the chunks that may follow no data."""
    if at >= end:
        return False
    while at < end:
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or not _is_chunk_name(header):
            return True
        (size,) = struct.unpack_from("<I", header, 4)
        at += 8 + size + size % 2
    return at > end + 1


def _is_chunk_name(header: bytes) -> bool:
    return header[:4].strip().isalnum()

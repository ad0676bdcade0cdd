"""How many bytes the header of a film promises: a file that has fewer was cut, however long its sound is."""

import struct

from separator.audio.chunks import MOST_CHUNKS
from separator.audio.file_part import FilePart

HEADER_BYTES = 1 << 14

ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")

FLV_FILE_SIZE = b"\0\x08filesize\0"


def describe_cut(file: FilePart, container: str) -> str | None:
    """Say in words that a film ends before its header says; None where it does not, or where nothing tells.

    Args:
        file: The film.
        container: FFmpeg's name of its format.
    """
    promised = 0
    if container == "avi":
        promised = _avi_bytes(file)
    file.seek(0)
    header = file.read(HEADER_BYTES)
    if container == "asf":
        promised = _asf_bytes(header)
    elif container == "flv":
        at = header.find(FLV_FILE_SIZE)
        promised = int(struct.unpack_from(">d", header, at + len(FLV_FILE_SIZE))[0]) if at > 0 else 0
    elif container == "matroska":
        promised = matroska_end(header) or 0
    found = file.seek(0, 2)
    return f"cut short: its header promises {promised} bytes, it has {found}" if found < promised else None


def matroska_end(content: bytes, start: int = 0) -> int | None:
    """Return the end of the EBML header and the segment behind it (RFC 8794, section 6); None where it is not told."""
    at = start
    for name in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        if content[at : at + 4] != name:
            return None
        first = content[at + 4] if at + 4 < len(content) else 0
        count = 9 - first.bit_length()
        bits = 7 * count
        size = int.from_bytes(content[at + 4 : at + 4 + count], "big") & (1 << bits) - 1
        if first == 0 or size == (1 << bits) - 1:
            return None
        at += 4 + count + size
    return at


def _avi_bytes(file: FilePart) -> int:
    """Return the end of the last of an AVI's RIFF chunks; 0 where it was never written, as after a crash."""
    at = 0
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
        if name != b"RIFF" or size == 0:
            break
        at += 8 + size
    return at


def _asf_bytes(header: bytes) -> int:
    """Return what an ASF's File Properties Object says (specification of ASF, section 3.2); 0 of a broadcast."""
    at = header.find(ASF_FILE_PROPERTIES)
    if at < 0 or len(header) < at + 92 or header[at + 88] & 1:
        return 0
    return int(struct.unpack_from("<Q", header, at + 40)[0])

"""How many bytes a header promises: a file that has fewer was cut, however long its sound seems."""

import math
import mmap
import struct

from separator.audio.chunks import MOST_CHUNKS, chunk_end
from separator.audio.file_part import FilePart
from separator.audio.wav_blocks import WAVE64_HEADER_BYTES

NOT_KNOWN = 0xFFFFFFFF

HEADER_BYTES = 1 << 14

ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")

FLV_FILE_SIZE = b"\0\x08filesize\0"


def describe_cut(file: FilePart, container: str | None) -> str | None:
    """Say in words that a file ends before its header says; None where it does not, or where nothing tells.

    Args:
        file: The file.
        container: FFmpeg's name of a film's format; None of what libsndfile reads.
    """
    file.seek(0)
    header = file.read(HEADER_BYTES)
    promised = 0
    if header[:4] in (b"FORM", b"caff", b"riff"):
        promised = _sound_end(file, header[:4])
    elif header[:4] == b".snd" and len(header) >= 12:
        offset, size = struct.unpack_from(">II", header, 4)
        promised = offset + size if size != NOT_KNOWN else 0
    elif container == "avi":
        promised = _avi_bytes(file)
    elif container == "asf":
        promised = _asf_bytes(header)
    elif container == "flv":
        at = header.find(FLV_FILE_SIZE) + len(FLV_FILE_SIZE)
        told = struct.unpack_from(">d", header, at)[0] if len(FLV_FILE_SIZE) < at <= len(header) - 8 else 0.0
        promised = int(told) if math.isfinite(told) else 0
    elif container == "matroska":
        promised = matroska_end(header) or 0
    found = file.seek(0, 2)
    return f"cut short: its header promises {promised} bytes, it has {found}" if found < promised else None


def _sound_end(file: FilePart, kind: bytes) -> int:
    """Return where the chunk of the sound ends in an AIFF, CAF or Wave64; 0 where that is not told."""
    form, at, name, counted = {
        b"FORM": (">4sI", 12, b"SSND", 0),
        b"caff": (">4sQ", 8, b"data", 0),
        b"riff": ("<4s12xQ", 40, b"data", WAVE64_HEADER_BYTES),
    }[kind]
    header_bytes = struct.calcsize(form)
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(header_bytes)
        if len(header) < header_bytes:
            break
        found, size = struct.unpack(form, header)
        begin = at + header_bytes - counted
        if found == name:
            return begin + size if size < (NOT_KNOWN if kind == b"FORM" else 1 << 62) else 0
        at = chunk_end(file, begin, size) if kind == b"FORM" else begin + size + -size % 8 * bool(counted)
    return 0


def matroska_end(content: bytes | mmap.mmap, start: int = 0) -> int | None:
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

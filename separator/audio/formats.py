"""Recognition of a file's format by its bytes: which library reads it, and what it is where none does."""

import errno
import re
import stat
from pathlib import Path
from typing import BinaryIO

from separator.audio.file_part import FilePart

SCANNED_BYTES = 1 << 20
"""Of a file of an unknown kind that are searched for frames of MP3 or AAC."""

FRAMES_IN_A_ROW = 4
"""Frames, each where the one before it ends, that are no chance."""

KILOBITS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG audio, by whether it is MPEG-1, and layer (ISO 11172-3 and 13818-3, where III is as II)."""

INFO_OFFSETS = (13, 21, 36)
"""Bytes of an MP3 frame before the word by which it says that it is no sound but tells of those behind it."""

APE_TAG = b"APETAGEX"

INFO_WORDS = (b"Xing", b"Info", b"VBRI")

MPEG_IN_WAV = (0x50, 0x55)
"""Format tags of MPEG layers I to III in a WAV."""

WAVE64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")

WAVE64_FORMAT = b"fmt " + bytes.fromhex("f3acd3118cd100c04f8edb8a")

EXTENSIBLE, PCM = 0xFFFE, 1
"""Format tags of a WAV or Wave64: the first says that the right one follows, 24 bytes behind it."""

FFMPEG_KINDS = {b"RIFF": "wav", b"RF64": "wav", b"riff": "w64", b"FORM": "aiff", b"caff": "caf", b".snd": "au"}
"""FFmpeg's names of the formats that libsndfile reads too, but for some codecs in them and some damage."""

CONTAINERS = (
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "asf"),
    (0, b"#!AMR", "amr"),
    (8, b"AVI ", "avi"),
    (0, b"FLV\1", "flv"),
    (0, b"wvpk", "wv"),
    (0, b"MAC ", "ape"),
    (0, b"TTA1", "tta"),
    (0, b"\x7f\xfe\x80\x01", "dts"),
    (0, b"Creative Voice File", "voc"),
    (0, b".RMF", "rm"),
    (0, b".ra\xfd", "rm"),
    (0, bytes.fromhex("060e2b34020501010d0102"), "mxf"),
    (0, b"\0\0\1\xba", "mpeg"),
)
"""Bytes at a place near the beginning, and FFmpeg's name of what has them there: WMA is in ASF, WavPack is `wv`."""

TS_PACKETS = ((0, 188), (4, 192))
"""Bytes before and in each packet of an MPEG transport stream, and of a camera's, which begins with 0x47."""

START_BYTES = 400

ZIP = "a ZIP archive"

OTHER_KINDS = {
    b"%PDF": "a PDF",
    b"PK\3\4": ZIP,
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"\x89PNG": "a picture (PNG)",
    b"GIF8": "a picture (GIF)",
    b"version https://git-lfs": "a pointer of Git LFS (git lfs pull brings the file)",
}


def container_format(file: FilePart | BinaryIO) -> str | None:
    """Return FFmpeg's name of a file's container, by its first bytes; None where libsndfile is to be asked.

    FFmpeg's own guess would take play lists too, which name other files.
    """
    file.seek(0)
    start = file.read(START_BYTES)
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        return "mp4"
    if start[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if start[:4] == b"OggS":
        return "ogg"
    if start[:4] == b"RIFF" and start[8:16] == b"WAVEfmt ":
        return "wav" if int.from_bytes(start[20:22], "little") in MPEG_IN_WAV else None
    if start[:16] == WAVE64:  # libsndfile takes what follows for whole numbers, floats too
        about = start.partition(WAVE64_FORMAT)[2][8:]
        tags = int.from_bytes(about[:2], "little"), int.from_bytes(about[24:26], "little")
        return "w64" if tags[0] == EXTENSIBLE and tags[1] != PCM else None
    if (tag := _tags_bytes(file)) > 0:
        file.seek(tag)
        start = file.read(START_BYTES)
    return _frame_format(start) or _container_of(start)


def _container_of(start: bytes) -> str | None:
    for place, word, name in CONTAINERS:
        if start[place : place + len(word)] == word:
            return name
    if start[:2] == b"\x0b\x77" and len(start) > 5 and start[5] >> 3 <= 16:  # ATSC A/52, section 5.4.1 and annex E
        return "ac3" if start[5] >> 3 <= 10 else "eac3"
    for before, length in TS_PACKETS:
        if start[before::length][:2] == b"\x47\x47":
            return "mpegts"
    return None


def find_frames(file: FilePart) -> tuple[str, int] | None:
    """Find frames of MPEG audio or AAC in a file that begins with something else, as a damaged one may.

    Returns:
        FFmpeg's name of the format, and the first frame's first byte, in the first `SCANNED_BYTES`; None where there
        are none.
    """
    file.seek(0)
    content = file.read(SCANNED_BYTES)
    for match in re.finditer(rb"\xff[\xe0-\xff]", content):
        at = match.start()
        for _ in range(FRAMES_IN_A_ROW):
            length = frame_bytes(content[at : at + 6])
            if length is None:
                break
            at += length
        else:
            found = _frame_format(match[0])
            if found is not None:
                return found, match.start()
    return None


def has_mp3_info(file: FilePart) -> bool:
    """Return whether an MP3's first frame tells of those behind it (Xing's, LAME's and Fraunhofer's headers)."""
    file.seek(_tags_bytes(file))
    frame = file.read(40)
    return any(frame[at : at + 4] in INFO_WORDS for at in INFO_OFFSETS)


def bytes_before_info(before: bytes) -> int | None:
    """Return how many of the bytes before one of `INFO_WORDS` are of its frame; None where it is in none."""
    return next((at for at in INFO_OFFSETS if at <= len(before) and frame_bytes(before[-at:][:6])), None)


PIPE = "a pipe"


def describe_place(path: Path) -> str | None:
    """Say what is at a path where no file is: nothing, a folder, a pipe, a link that leads nowhere; None for a file."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return "a link that leads nowhere"
        is_nothing = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
        return "nothing" if is_nothing else f"what cannot be read: {error.strerror}"
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "a folder"
    return PIPE if stat.S_ISFIFO(mode) else "a device"


def describe_content(path: Path) -> str | None:
    """Return what a file holds that is neither audio nor weights, in words; None where its first bytes do not tell."""
    with path.open("rb") as file:
        start = file.read(1024).removeprefix(b"\xef\xbb\xbf")
    if re.match(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", start.lower(), re.DOTALL):
        return "a web page (HTML)"
    for magic, words in OTHER_KINDS.items():
        if start.startswith(magic):
            return words
    try:
        text = start[: start.rfind(b"\n") + 1 or len(start)].decode()
    except UnicodeDecodeError:
        return None
    return "text" if text and all(each.isprintable() or each.isspace() for each in text) else None


def synchsafe(number: bytes) -> int:
    """Return the size that four bytes of an ID3 tag's header are: seven bits of each count."""
    return sum((byte & 127) << 7 * (3 - place) for place, byte in enumerate(number))


def tag_bytes(content: bytes) -> int:
    """Return the length of an ID3 or APE tag at the beginning of some bytes; 0 where there is none."""
    if content[:3] == b"ID3" and len(content) >= 10:
        return 10 + synchsafe(content[6:10]) + (10 if content[3] == 4 and content[5] & 0x10 else 0)
    if content[:8] == APE_TAG and len(content) >= 16:
        return 32 + int.from_bytes(content[12:16], "little")
    return 128 if content[:3] == b"TAG" else 0


def _tags_bytes(file: FilePart | BinaryIO) -> int:
    """Return the length of all tags at a file's beginning."""
    at = 0
    while True:
        file.seek(at)
        if (length := tag_bytes(file.read(16))) == 0:
            return at
        at += length


def _frame_format(start: bytes) -> str | None:
    if len(start) < 2 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:
        return None
    if start[1] & 0x06:
        return None if start[1] & 0x18 == 0x08 else "mp3"
    return "aac" if start[1] & 0xF6 == 0xF0 else None


def frame_bytes(head: bytes) -> int | None:
    """Return the length of the MPEG audio or AAC frame that begins with these six bytes; None where none does."""
    if len(head) < 6 or (found := _frame_format(head)) is None:
        return None
    if found == "aac":
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return length if length > 7 and head[2] >> 2 & 15 < 13 else None
    first = head[1] & 0x08 != 0
    layer = 4 - (head[1] >> 1 & 3)
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if bits in (0, 15) or rate == 3:
        return None
    kilobits = KILOBITS[first, layer if first else min(layer, 2)][bits - 1]
    sample_rate = (44100, 48000, 32000)[rate] >> (0 if first else 1 if head[1] & 0x10 else 2)
    if layer == 1:
        return (12_000 * kilobits // sample_rate + padding) * 4
    return (72_000 if layer == 3 and not first else 144_000) * kilobits // sample_rate + padding

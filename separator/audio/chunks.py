"""The chunks of a WAV or AIFF, also behind one of an odd size whose pad byte its writer forgot."""

import struct

from separator.audio.file_part import FilePart

MOST_CHUNKS = 100

LARGEST_FORMAT_BYTES = 1 << 12

NAMES = {
    *(b"fmt ", b"fact", b"data", b"LIST", b"INFO", b"JUNK", b"junk", b"PAD ", b"FLLR", b"bext", b"iXML", b"axml"),
    *(b"cue ", b"plst", b"smpl", b"inst", b"PEAK", b"DISP", b"cart", b"afsp", b"id3 ", b"ID3 ", b"_PMX", b"umid"),
    *(b"COMM", b"SSND", b"FVER", b"MARK", b"INST", b"NAME", b"AUTH", b"ANNO", b"(c) ", b"COMT", b"APPL", b"CHAN"),
}
"""Names that are no chance where a chunk ends."""

LAYOUTS = {
    (b"RIFF", b"WAVE"): ("<I", (b"fmt ", b"fact"), b"data"),
    (b"FORM", b"AIFF"): (">I", (b"COMM",), b"SSND"),
    (b"FORM", b"AIFC"): (">I", (b"FVER", b"COMM"), b"SSND"),
}
"""How sizes are written, the chunks that say what the sound is, and that of the sound, by the file's first words."""


def chunk_end(file: FilePart, start: int, size: int) -> int:
    """Return the byte behind a chunk: behind a pad byte where its size is odd, unless the next begins right there.

    Args:
        file: The file.
        start: Its first byte behind its name and size.
        size: Its size in bytes.
    """
    if size % 2 == 0:
        return start + size
    file.seek(start + size)
    following = file.read(5)
    return start + size if following[:4] in NAMES and following[1:] not in NAMES else start + size + 1


def padded_header(file: FilePart) -> tuple[int, bytes] | None:
    """Return a header to read in place of one in which a pad byte is missing; None where none is.

    Returns:
        The first byte that it replaces, and the header: what says what the sound is, directly before the sound.
    """
    file.seek(0)
    head = file.read(12)
    layout = LAYOUTS.get((head[:4], head[8:12]))
    if layout is None:
        return None
    form, needed, sound = layout
    header, at, is_forgotten = b"", 12, False
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        words = file.read(8)
        if len(words) < 8:
            return None
        (size,) = struct.unpack_from(form, words, 4)
        if words[:4] == sound:
            header += words
            break
        if words[:4] in needed:
            content = file.read(min(size, LARGEST_FORMAT_BYTES))
            header += words + content + b"\0" * (size % 2)
        end = chunk_end(file, at + 8, size)
        is_forgotten = is_forgotten or end == at + 8 + size != at + 8 + size + size % 2
        at = end
    begin = at + 8 - 12 - len(header)
    if not is_forgotten or begin < 0:
        return None
    behind = min(file.seek(0, 2) - begin - 8, 0xFFFFFFFF)
    return begin, head[:4] + struct.pack(form, behind) + head[8:] + header

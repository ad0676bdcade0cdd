"""WAV, Wave64, AIFF and CAF of ADPCM and GSM, which code blocks of samples: the last may hold more than the sound."""

import struct
from typing import Any

import numpy as np
import soundfile

from separator.audio.chunks import MOST_CHUNKS, chunk_end
from separator.audio.file_part import FilePart
from separator.audio.padding import END_NOTE

BLOCK_TAGS = (0x02, 0x11, 0x31)
"""Format tags of Microsoft's and IMA's ADPCM, and of GSM 6.10, whose headers say how many samples a block has."""

WAVE64_HEADER_BYTES = 24
"""Of a chunk: its size counts them."""

AIFF_BLOCK_SAMPLES = 64
"""Of IMA's ADPCM in AIFF, whose header counts blocks."""


class BlockCodedFile(soundfile.SoundFile):
    """A file that may end before its last block does.

    Attributes:
        padding: Samples of the last block that are no sound.
        notes: Where its end is not told.
    """

    padding = 0
    notes: tuple[str, ...] = ()
    _position = 0

    @property
    def frames(self) -> int:
        """Return the number of samples."""
        return int(super().frames) - self.padding

    def seek(self, frames: int, whence: int = 0) -> int:
        """Go on reading at a sample; returns it."""
        self._position = int(super().seek(frames, whence))
        return self._position

    def read(self, frames: int, **options: Any) -> np.ndarray:
        """Return up to so many samples; libsndfile counts them only where it can go back."""
        start = self._position
        block: np.ndarray = super().read(min(frames, self.frames - start), **options)
        self._position = start + len(block)
        return block

    def find_end(self, file: FilePart) -> None:
        """Find the end of the sound in what the header tells, or note that it does not.

        Args:
            file: The same file, to look at its header.
        """
        if self.format == "AIFF" and self.subtype == "IMA_ADPCM":
            self.notes = (END_NOTE.format(AIFF_BLOCK_SAMPLES - 1),)
        if self.format not in ("WAV", "W64") or self.subtype not in ("MS_ADPCM", "IMA_ADPCM", "GSM610"):
            if self.format == "W64":
                self.padding = self.frames - (wave64_samples(file) or self.frames)
            return
        chunks = (_wave64_chunks if self.format == "W64" else _wav_chunks)(file)
        about, num_samples = chunks.get(b"fmt ", b""), _told(chunks)
        if len(about) < 20 or int.from_bytes(about[:2], "little") not in BLOCK_TAGS:
            return
        block_samples = int.from_bytes(about[18:20], "little")
        padding = self.frames - num_samples
        if 0 < padding < 2 * block_samples:  # libsndfile adds a block to GSM
            self.padding = padding
        if self.padding == 0 or num_samples % block_samples == 0:  # the encoder may have filled the last block
            self.notes = (END_NOTE.format(block_samples - 1),)


def caf_samples(file: FilePart) -> int | None:
    """Return how many samples a CAF of blocks has, by its packet table; None where that does not say."""
    at, has_blocks = 8, False
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(12)
        if len(header) < 12:
            return None
        (size,) = struct.unpack_from(">q", header, 4)
        if header[:4] == b"desc":
            bytes_in_packet, samples_in_packet = struct.unpack(">16xII", file.read(24).ljust(24, b"\0"))
            has_blocks = bytes_in_packet > 0 and samples_in_packet > 1
        if header[:4] == b"pakt" and has_blocks:
            (num_samples,) = struct.unpack(">8xq", file.read(16).ljust(16, b"\0"))
            return num_samples if num_samples > 0 else None
        if size < 0:
            return None
        at += 12 + size
    return None


def wave64_samples(file: FilePart) -> int | None:
    """Return how many samples a Wave64 has where its size counts bytes behind them, to a multiple of 8, as FFmpeg's do.

    None where it counts none, or where nothing else tells.
    """
    chunks = _wave64_chunks(file)
    num_samples, sample_bytes = _told(chunks), int.from_bytes(chunks.get(b"fmt ", b"")[12:14], "little")
    size = int.from_bytes(chunks.get(b"data", b""), "little") - WAVE64_HEADER_BYTES
    return num_samples if 0 < size - num_samples * sample_bytes < 8 else None


def _told(chunks: dict[bytes, bytes]) -> int:
    """Return how many samples a WAV's or a Wave64's fact chunk tells; 0 where there is none."""
    return int.from_bytes(chunks.get(b"fact", b"")[:8], "little")


def _wav_chunks(file: FilePart) -> dict[bytes, bytes]:
    """Return the beginnings of the chunks before a WAV's sound."""
    chunks, at = {}, 12
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or header[:4] == b"data":
            break
        (size,) = struct.unpack_from("<I", header, 4)
        chunks[header[:4]] = file.read(min(size, 20))
        at = chunk_end(file, at + 8, size)
    chunks[b"fact"] = chunks.get(b"fact", b"")[:4]
    return chunks


def _wave64_chunks(file: FilePart) -> dict[bytes, bytes]:
    """Return the same of a Wave64, of names of 16 bytes, sizes with the header, all in eights; the size of its sound too."""
    chunks, at = {}, 40
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(WAVE64_HEADER_BYTES)
        if len(header) < WAVE64_HEADER_BYTES or header[:4] == b"data":
            chunks[b"data"] = header[16:]
            break
        (size,) = struct.unpack_from("<Q", header, 16)
        chunks[header[:4]] = file.read(20)
        at += max(WAVE64_HEADER_BYTES, size + -size % 8)
    return chunks

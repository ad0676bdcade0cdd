"""WAV of codecs that code blocks of samples (ADPCM, GSM): the last block may hold more than the sound."""

import struct
from typing import Any

import numpy as np
import soundfile

from separator.audio.file_part import FilePart

BLOCK_TAGS = (0x02, 0x11, 0x31)
"""Format tags of Microsoft's and IMA's ADPCM, and of GSM 6.10, whose headers say how many samples a block has."""

MOST_CHUNKS = 100


class BlockCodedFile(soundfile.SoundFile):
    """A WAV that ends before its last block does.

    Attributes:
        padding: Samples of the last block that are no sound.
    """

    padding = 0
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


def block_padding(file: FilePart, num_samples: int) -> int:
    """Return the samples in the last block of a WAV that are no sound, by its `fact` chunk; 0 where it has none.

    Args:
        file: The WAV.
        num_samples: Samples in all of its blocks.
    """
    chunks, at = {}, 12
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or header[:4] == b"data":
            break
        (size,) = struct.unpack_from("<I", header, 4)
        if header[:4] in (b"fmt ", b"fact"):
            chunks[header[:4]] = file.read(min(size, 20))
        at += 8 + size + size % 2
    about, fact = chunks.get(b"fmt ", b""), chunks.get(b"fact", b"")
    if len(about) < 20 or len(fact) < 4 or int.from_bytes(about[:2], "little") not in BLOCK_TAGS:
        return 0
    padding = num_samples - int.from_bytes(fact[:4], "little")
    most = 2 * int.from_bytes(about[18:20], "little")  # libsndfile adds a block to GSM
    return padding if 0 < padding < most else 0  # else it tells of something else

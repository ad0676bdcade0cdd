"""Vorbis by libsndfile: it is told a quality, and that is found by the bit rate that a file's header gives for it."""

import io
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from separator.audio.opening import native_name

HEADER = b"\x01vorbis"

STEPS = 8
"""Halvings of the range of qualities: to 0.4 % of it."""

PIECE_SAMPLES = 4096
"""libsndfile lays out on the stack what it is given at once."""


def vorbis_bit_rates(sample_rate: int, channels: int) -> range:
    """Return the bits a second that there are qualities for, in whole thousands at either end."""
    lowest, highest = _nominal(1.0, sample_rate, channels), _nominal(0.0, sample_rate, channels)
    return range(-(-lowest // 1000) * 1000, highest // 1000 * 1000 + 1)


def encode_vorbis(
    blocks: Iterator[np.ndarray],
    target: Path,
    sample_rate: int,
    channels: int,
    bit_rate: int,
    num_samples: int,
    tags: Mapping[str, str],
) -> None:
    """Encode blocks `(t, C)`; the bit rate is what the signal needs, and on average about what is asked for.

    Args:
        blocks: The samples.
        target: Where the file is to be.
        sample_rate: In Hz.
        channels: Number of channels.
        bit_rate: In bits a second.
        num_samples: Samples in all.
        tags: Title, artist and so on, under libsndfile's names.

    Raises:
        OSError, soundfile.LibsndfileError: If it cannot be written.
    """
    level = _level(bit_rate, sample_rate, channels)
    with soundfile.SoundFile(
        native_name(target), "w", sample_rate, channels, format="OGG", subtype="VORBIS", compression_level=level
    ) as file:
        for name, text in tags.items():
            with suppress(soundfile.LibsndfileError, UnicodeError):  # no place for each
                setattr(file, name, text)
        for block in blocks:
            for start in range(0, len(block), PIECE_SAMPLES):
                file.write(block[start : start + PIECE_SAMPLES])
    with soundfile.SoundFile(native_name(target)) as file:  # on a full disk it says nothing
        if file.frames != num_samples:
            raise OSError("No space left on device")


@lru_cache
def _level(bit_rate: int, sample_rate: int, channels: int) -> float:
    """Return libsndfile's level of compression, from 0 (best) to 1, whose bit rate is nearest to one."""
    best, smallest = 0.0, 1.0
    for _ in range(STEPS):
        level = (best + smallest) / 2
        best, smallest = (level, smallest) if _nominal(level, sample_rate, channels) > bit_rate else (best, level)
    return (best + smallest) / 2


@lru_cache
def _nominal(level: float, sample_rate: int, channels: int) -> int:
    """Return the bits a second that the header of a file of a level gives (Vorbis I, section 4.2.2)."""
    content = io.BytesIO()
    with soundfile.SoundFile(
        content, "w", sample_rate, channels, format="OGG", subtype="VORBIS", compression_level=level
    ) as file:
        file.write(np.zeros((1, channels), np.float32))
    found = content.getvalue()
    return int(struct.unpack_from("<i", found, found.index(HEADER) + 20)[0])

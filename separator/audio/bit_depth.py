"""How samples are stored: formats of outputs, their bit depths, and rounding to them."""

from typing import Literal

import numpy as np

from separator.errors import InputError

AudioFormat = Literal["wav", "flac"]

BitDepth = Literal["16", "24", "float"]

SUBTYPES: dict[str, str] = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}

BITS = {"PCM_16": 16, "PCM_24": 24}


def subtype_of(audio_format: AudioFormat, bit_depth: BitDepth | None) -> str:
    """Return libsndfile's name of how samples are stored; None is float for WAV, 24 bits for FLAC.

    Raises:
        InputError: If the format does not hold the bit depth.
    """
    if bit_depth not in (None, *SUBTYPES) or (audio_format, bit_depth) == ("flac", "float"):
        depths = "'16' or '24'" if audio_format == "flac" else "'16', '24' or 'float'"
        raise InputError(f"bit depth: expected {depths} for {audio_format}, found {bit_depth!r}")
    return SUBTYPES[bit_depth or ("24" if audio_format == "flac" else "float")]


def rounded(samples: np.ndarray, bits: int) -> np.ndarray:
    """Round to the nearest steps, in the upper bits of 32: libsndfile would round down, and silence become -1."""
    steps = 2.0 ** (bits - 1)
    nearest = np.clip(np.rint(samples.astype(np.float64) * steps), -steps, steps - 1)
    return nearest.astype(np.int32) << (32 - bits)

"""How samples are stored: formats of outputs, what they hold, their bit depths, and rounding to them."""

from typing import Literal, get_args

import numpy as np

from separator.audio.lossy import LOSSY_FORMATS, choose_bit_rate
from separator.errors import InputError

AudioFormat = Literal["wav", "flac", "mp3", "m4a", "opus", "ogg"]

BitDepth = Literal["16", "24", "float"]

SUBTYPES: dict[str, str] = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}

BITS = {"PCM_16": 16, "PCM_24": 24}

MOST_FLAC_CHANNELS, MOST_FLAC_RATE = 8, 655350


def subtype_of(audio_format: AudioFormat, bit_depth: BitDepth | None) -> str:
    """Return libsndfile's name of how samples are stored, or a lossy format's codec.

    Args:
        audio_format: The format.
        bit_depth: None is float for WAV and 24 bits for FLAC, and all that a lossy format takes.

    Raises:
        InputError: If the format does not hold the bit depth, or is not known.
    """
    if audio_format not in get_args(AudioFormat):
        raise InputError(f"format: expected one of {', '.join(get_args(AudioFormat))}, found {audio_format!r}")
    if audio_format in LOSSY_FORMATS:
        if bit_depth is not None:
            raise InputError(f"bit depth: expected none for {audio_format}, which is lossy, found {bit_depth!r}")
        return LOSSY_FORMATS[audio_format].codec
    if bit_depth not in (None, *SUBTYPES) or (audio_format, bit_depth) == ("flac", "float"):
        depths = "'16' or '24'" if audio_format == "flac" else "'16', '24' or 'float'"
        raise InputError(f"bit depth: expected {depths} for {audio_format}, found {bit_depth!r}")
    return SUBTYPES[bit_depth or ("24" if audio_format == "flac" else "float")]


def check_format(
    audio_format: AudioFormat, bit_depth: BitDepth | None, bit_rate: int | None, sample_rate: int, channels: int
) -> None:
    """Raise `InputError` if a format does not hold the bit depth, the bit rate, the sample rate or the channels."""
    subtype_of(audio_format, bit_depth)
    if audio_format in LOSSY_FORMATS:
        choose_bit_rate(audio_format, sample_rate, channels, bit_rate)
    elif bit_rate is not None:
        raise InputError(f"bit rate: expected none for {audio_format}, which is not lossy, found {bit_rate / 1000:g}k")
    if audio_format == "flac" and (channels > MOST_FLAC_CHANNELS or sample_rate > MOST_FLAC_RATE):
        raise InputError(
            f"FLAC holds up to {MOST_FLAC_CHANNELS} channels and {MOST_FLAC_RATE} Hz, "
            f"found {channels} channels at {sample_rate} Hz; use wav"
        )


def rounded(samples: np.ndarray, bits: int) -> np.ndarray:
    """Round to the nearest steps, in the upper bits of 32: libsndfile would round down, and silence become -1."""
    steps = 2.0 ** (bits - 1)
    nearest = np.clip(np.rint(samples.astype(np.float64) * steps), -steps, steps - 1)
    return nearest.astype(np.int32) << (32 - bits)

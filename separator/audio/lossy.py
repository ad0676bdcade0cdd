"""Lossy outputs that decode to as many samples as were encoded, none of them late: MP3, AAC in M4A, Opus, Vorbis."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from separator.audio.formats import KILOBITS
from separator.audio.opening import native_name, reason
from separator.audio.resampling import StreamResampler, resampled_length
from separator.audio.vorbis import encode_vorbis, vorbis_bit_rates
from separator.errors import InputError

BLOCK_SAMPLES = 1 << 16

MOST_CHANNELS = 2
"""Codecs order more channels each in its own way, and cut the one for low tones: the fourth of six."""

AAC_FRAME = 1024
"""Samples; a frame holds up to 6144 bits a channel."""

MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)

DEFAULT_BITS = ((32_000, 96_000), (16_000, 64_000), (0, 32_000))
"""Bits a second and channel unless the caller says otherwise, by the lowest sample rate that they are for."""


LAME_SCALES = ((256_000, 1.0), (224_000, 0.98), (192_000, 0.97), (0, 0.95))
"""Factors by which LAME makes samples smaller, by the lowest bits a second that they are for; they are undone."""


@dataclass(frozen=True)
class LossyFormat:
    """A lossy format.

    Attributes:
        codec: Its name in messages and records.
        encoder: FFmpeg's name of the encoder; empty where libsndfile has a better one.
        container: FFmpeg's name of the container.
        sample_rates: In Hz, that it holds.
    """

    codec: str
    encoder: str
    container: str
    sample_rates: tuple[int, ...]


LOSSY_FORMATS: dict[str, LossyFormat] = {
    "mp3": LossyFormat("MP3", "libmp3lame", "mp3", MPEG_RATES),
    "m4a": LossyFormat("AAC", "aac", "ipod", (*MPEG_RATES, 64000, 88200, 96000)),
    "opus": LossyFormat("OPUS", "libopus", "ogg", (8000, 12000, 16000, 24000, 48000)),
    "ogg": LossyFormat("VORBIS", "", "ogg", MPEG_RATES),
}


def lossy_rate(audio_format: str, sample_rate: int) -> int:
    """Return the rate in Hz that a recording of `sample_rate` is encoded at: the same, or the next above that exists.

    Example:
        >>> lossy_rate("opus", 44100), lossy_rate("mp3", 44100), lossy_rate("mp3", 192000)
        (48000, 44100, 48000)
    """
    rates = LOSSY_FORMATS[audio_format].sample_rates
    return min((each for each in rates if each >= sample_rate), default=rates[-1])


def choose_bit_rate(audio_format: str, sample_rate: int, channels: int, bit_rate: int | None) -> int:
    """Return the bits a second to encode with: those asked for, or the format's own choice.

    Args:
        audio_format: A key of `LOSSY_FORMATS`.
        sample_rate: The recording's, in Hz.
        channels: Its number of channels.
        bit_rate: In bits a second; None leaves the choice.

    Raises:
        InputError: If the format does not hold this many channels, or not this bit rate at this sample rate.
    """
    if channels > MOST_CHANNELS:
        raise InputError(f"{audio_format} holds 1 or 2 channels, found {channels}; use --mono, or wav or flac")
    rate = lossy_rate(audio_format, sample_rate)
    possible = _bit_rates(audio_format, rate, channels)
    if bit_rate is None:
        wanted = channels * next(bits for lowest, bits in DEFAULT_BITS if rate >= lowest)
        return min(max(wanted, possible[0]), possible[-1])
    if bit_rate not in possible:
        listed = ", ".join(f"{each // 1000}k" for each in possible) if isinstance(possible, tuple) else ""
        expected = f"one of {listed}" if listed else f"{possible[0] // 1000}k to {possible[-1] // 1000}k"
        raise InputError(
            f"bit rate: expected {expected} for {audio_format} with {channels} channel(s) at {rate} Hz, "
            f"found {bit_rate / 1000:g}k"
        )
    return bit_rate


def _bit_rates(audio_format: str, sample_rate: int, channels: int) -> Sequence[int]:
    """Return the bits a second that a format can have: few in MP3, any in a range elsewhere."""
    if audio_format == "mp3":  # layer III of MPEG-1, MPEG-2, and MPEG-2.5 as LAME has it
        kilobits = KILOBITS[sample_rate >= 32_000, 3 if sample_rate >= 32_000 else 2]
        return tuple(1000 * each for each in kilobits if sample_rate >= 16_000 or each <= 64)
    if audio_format == "m4a":
        return range(8_000 * channels, 6 * sample_rate * channels + 1)
    if audio_format == "opus":
        return range(6_000 * channels, 256_000 * channels + 1)
    return vorbis_bit_rates(sample_rate, channels)


def encode_lossy(
    source: Path,
    target: Path,
    audio_format: str,
    bit_rate: int | None,
    gain: float,
    tags: Mapping[str, str],
    check: Callable[[], None],
) -> None:
    """Encode a WAV file, block by block.

    The padding that the codec needs is declared: in LAME's header, in the edit list, by the pre-skip. Of AAC all of it
    is put before the sound, where every player leaves it out; few do behind it.

    Args:
        source: The file.
        target: Where the encoded one is to be.
        audio_format: A key of `LOSSY_FORMATS`.
        bit_rate: As for `choose_bit_rate`.
        gain: Factor of the samples.
        tags: Title, artist and so on, under libsndfile's names.
        check: Called after each block; what it raises ends the work.

    Raises:
        InputError: As `choose_bit_rate`.
        OSError: If it cannot be written.
    """
    form = LOSSY_FORMATS[audio_format]
    with soundfile.SoundFile(native_name(source)) as file:
        rate, channels = lossy_rate(audio_format, file.samplerate), file.channels
        bits = choose_bit_rate(audio_format, file.samplerate, channels, bit_rate)
        num_samples = resampled_length(file.frames, file.samplerate, rate)
        if form.codec == "MP3":
            gain /= next(scale for lowest, scale in LAME_SCALES if bits >= lowest)
        blocks = _blocks(file, rate, gain, check)
        if form.encoder:
            _encode_with_ffmpeg(blocks, target, form, rate, channels, bits, num_samples, tags)
        else:
            encode_vorbis(blocks, target, rate, channels, bits, num_samples, tags)


def _blocks(file: soundfile.SoundFile, rate: int, gain: float, check: Callable[[], None]) -> Iterator[np.ndarray]:
    """Give the samples of a file at another rate: `(t, C)` float32."""
    resampler = StreamResampler(file.samplerate, rate, file.channels)
    left = file.frames
    for block in file.blocks(BLOCK_SAMPLES, dtype="float32", always_2d=True):
        left -= len(block)
        ready = resampler.push(torch.from_numpy(np.ascontiguousarray(block.T) * np.float32(gain)), last=left == 0)
        yield np.ascontiguousarray(ready.numpy().T)
        check()


def _encode_with_ffmpeg(
    blocks: Iterator[np.ndarray],
    target: Path,
    form: LossyFormat,
    sample_rate: int,
    channels: int,
    bit_rate: int,
    num_samples: int,
    tags: Mapping[str, str],
) -> None:
    import av

    options = {"ipod": {"movie_timescale": str(sample_rate)}, "ogg": {"fflags": "bitexact"}}.get(form.container, {})
    before = -num_samples % AAC_FRAME if form.encoder == "aac" else 0
    layout = ("mono", "stereo")[channels - 1]
    try:
        with target.open("wb") as file, av.open(file, "w", format=form.container, options=options) as container:
            container.metadata.update({"track" if name == "tracknumber" else name: tags[name] for name in tags})
            stream: Any = container.add_stream(form.encoder, rate=sample_rate, layout=layout)
            context = stream.codec_context
            context.bit_rate = bit_rate
            context.format = next(each for each in context.codec.audio_formats if each.name.startswith("flt"))
            position = -before
            silence = [np.zeros((before, channels), np.float32)] if before else []
            for block in chain(silence, blocks):
                frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout=layout)
                frame.sample_rate, frame.pts = sample_rate, position
                position += len(block)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise OSError(reason(error)) from None

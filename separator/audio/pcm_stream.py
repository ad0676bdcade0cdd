"""Samples through pipes: raw PCM, or WAV whose length nobody knows, read and written as they come."""

import struct
from dataclasses import dataclass
from io import BufferedIOBase

import numpy as np
import torch
from torch import Tensor

from separator.audio.reading import HIGHEST_RATE, LOWEST_RATE, not_finite
from separator.errors import InputError

SAMPLE_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}
"""Bytes of a sample by its format: unsigned, signed, or floating, of so many bits, the lowest byte first."""

WAV_FORMATS = {(1, 8): "u8", (1, 16): "s16", (1, 24): "s24", (1, 32): "s32", (3, 32): "f32", (3, 64): "f64"}
"""Formats by the tag and the bits in a WAV's header."""

EXTENSIBLE = 0xFFFE

MOST_CHUNK_BYTES = 1 << 24
"""Of a chunk before the samples; pictures are smaller."""

UNKNOWN_BYTES = 0xFFFFFFFF


@dataclass(frozen=True)
class PcmFormat:
    """What a stream of samples holds.

    Attributes:
        sample_format: A key of `SAMPLE_BYTES`.
        sample_rate: In Hz.
        channels: Number of channels, interleaved.
    """

    sample_format: str
    sample_rate: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        """Return the bytes of one sample of every channel."""
        return SAMPLE_BYTES[self.sample_format] * self.channels

    def decode(self, data: bytes) -> Tensor:
        """Return bytes as samples `(C, t)`, full scale being 1."""
        kind, size = self.sample_format[0], SAMPLE_BYTES[self.sample_format]
        if self.sample_format == "s24":  # as the upper bytes of 32 bits
            wide = np.zeros((len(data) // 3, 4), dtype=np.uint8)
            wide[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
            values = wide.view("<i4")[:, 0] / 2.0**31
        elif kind == "f":
            values = np.frombuffer(data, dtype=f"<f{size}")
        else:
            values = np.frombuffer(data, dtype=f"<{'u' if kind == 'u' else 'i'}{size}") / 2.0 ** (8 * size - 1)
            values = values - 1 if kind == "u" else values
        return torch.from_numpy(np.array(values.reshape(-1, self.channels).T, dtype=np.float32, order="C"))

    def encode(self, samples: Tensor) -> bytes:
        """Return samples `(C, t)` as bytes; what is above full scale is cut off where the format has no more."""
        values = samples.T.double().numpy()
        size = SAMPLE_BYTES[self.sample_format]
        if self.sample_format[0] == "f":
            return values.astype(f"<f{size}").tobytes()
        scale = 2.0 ** (8 * size - 1)
        steps = np.clip(np.rint(values * scale), -scale, scale - 1)
        if self.sample_format == "u8":
            return (steps + scale).astype(np.uint8).tobytes()
        if self.sample_format == "s24":
            return np.ascontiguousarray(steps.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3]).tobytes()
        return steps.astype(f"<i{size}").tobytes()


class PcmReader:
    """Reads blocks of samples from a stream.

    Args:
        stream: Where they come from; a WAV's header is read first unless `pcm` says what there is.
        name: What messages call it.
        pcm: What it holds if it is raw.

    Raises:
        InputError: If it holds neither, or nothing.
    """

    def __init__(self, stream: BufferedIOBase, name: str, pcm: PcmFormat | None = None) -> None:
        self.stream, self.name = stream, name
        self._left = UNKNOWN_BYTES << 32
        self._waiting = b""
        if pcm is None:
            pcm, self._left = _read_header(stream, name)
        self.pcm = pcm
        self._position = 0
        self.ends_within_a_sample = False
        self.is_truncated = False
        """Whether it ended before what a WAV's header promises."""

    def read(self, num_samples: int) -> Tensor:
        """Return the next samples `(C, t)`: fewer than asked for, or none, at the end.

        What had come when an exception ended the wait for the others is in `rest`.

        Raises:
            InputError: If NaN or infinity is among them.
        """
        size = num_samples * self.pcm.frame_bytes
        while missing := min(size - len(self._waiting), self._left):
            if not (data := self.stream.read1(missing)):
                self.is_truncated = self._left < UNKNOWN_BYTES
                break
            self._waiting, self._left = self._waiting + data, self._left - len(data)
        return self.rest()

    def rest(self) -> Tensor:
        """Return the samples `(C, t)` that have been read from the stream and not from here; raises as `read`."""
        data, self._waiting = self._waiting, b""
        whole = len(data) - len(data) % self.pcm.frame_bytes
        self.ends_within_a_sample |= whole < len(data)
        block = self.pcm.decode(data[:whole])
        finite = block.isfinite().all(dim=0)
        if not finite.all():
            raise InputError(not_finite(self.name, self._position + int(finite.int().argmin()), self.pcm.sample_rate))
        self._position += block.shape[1]
        return block


def streamed_header(pcm: PcmFormat) -> bytes:
    """Return the header of a WAV whose length is not known, as ffmpeg writes it into pipes."""
    bits, frame_bytes = 8 * SAMPLE_BYTES[pcm.sample_format], pcm.frame_bytes
    tag = 3 if pcm.sample_format[0] == "f" else 1
    about = struct.pack("<HHIIHH", tag, pcm.channels, pcm.sample_rate, pcm.sample_rate * frame_bytes, frame_bytes, bits)
    size = struct.pack("<I", UNKNOWN_BYTES)
    return b"RIFF" + size + b"WAVEfmt " + struct.pack("<I", len(about)) + about + b"data" + size


def _read_header(stream: BufferedIOBase, name: str) -> tuple[PcmFormat, int]:
    """Return what a WAV holds and the bytes of its samples; the stream is then at the first."""
    start = stream.read(12)
    if not start:
        raise InputError(f"{name}: expected a WAV or, with --raw, PCM, found nothing")
    if start[:4] not in (b"RIFF", b"RF64", b"BW64") or start[8:] != b"WAVE":
        raise InputError(
            f"{name}: expected a WAV (raw PCM needs --raw and --sample-rate), found {start[:4]!r} at its start"
        )
    pcm = None
    while len(chunk := stream.read(8)) == 8:
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            if pcm is None:
                break
            is_known = start[:4] == b"RIFF" and 0 < size < UNKNOWN_BYTES - (1 << 16)
            return pcm, size if is_known else UNKNOWN_BYTES << 32
        if size > MOST_CHUNK_BYTES:
            break
        content = stream.read(size + size % 2)
        if chunk[:4] == b"fmt ":
            pcm = _parse_format(content, name)
    raise InputError(f"{name}: expected a WAV with samples, found a header without")


def _parse_format(content: bytes, name: str) -> PcmFormat:
    if len(content) < 16:
        raise InputError(f"{name}: expected a WAV, found a damaged header")
    tag, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", content)
    if tag == EXTENSIBLE and len(content) >= 26:
        (tag,) = struct.unpack_from("<H", content, 24)
    if (tag, bits) not in WAV_FORMATS or channels < 1 or not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"{name}: expected a WAV of PCM or float samples, found format {tag} of {bits} bits, {channels} channels, "
            f"{sample_rate} Hz"
        )
    return PcmFormat(WAV_FORMATS[tag, bits], sample_rate, channels)

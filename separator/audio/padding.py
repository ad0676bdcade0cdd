"""Padding: samples that a codec puts before and behind the sound, as far as the file tells of them, or the codec."""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from av import AudioFrame, Packet

FILTER_DELAYS = {
    "mp3float": 1105,
    "mp3": 1105,
    "mp2float": 481,
    "mp2": 481,
    "mp1float": 481,
    "ac3": 256,
    "eac3": 256,
    "dca": 480,
    "opus": 312,
    "amrnb": 40,
    "libopencore_amrnb": 40,
    "amrwb": 80,
    "libopencore_amrwb": 80,
    "g722": 22,
    "g723_1": 60,
    "nellymoser": 128,
    "real_144": 160,
}
"""Samples by which the sound of a decoded file is late at least, by FFmpeg's names of decoders.

The filters of MPEG layers I and II delay by 481 whatever encoded it, III adds a transform of 576, and LAME 48 more, as
others add at least; DTS's filters have as many taps; AC-3's transform overlaps by 256, Nellymoser's by 128. Opus, of
which CAF and MPEG streams do not tell, looks 6.5 ms ahead, AMR 5 ms, G.723.1 7.5 ms; G.722's filters delay by 22,
RealAudio 14.4 by a frame.
"""

SPEEX_DELAYS = ((12_500, 80), (25_000, 223), (1_000_000, 509))
"""Samples by which Speex is late, encoder and decoder together, by the highest sample rate in Hz of its three modes."""

MPEG_LAYER_DELAY = FILTER_DELAYS["mp2"]
"""That of layers I and II, which FFmpeg decodes as III where an MPEG stream or an AVI does not tell them apart."""

MP3_DECODER_DELAY = 529
"""Of those, the decoder's part: an MP3 whose header tells of no more was made by what did not know its own."""

BLOCK_CODECS = ("adpcm_ms", "adpcm_ima", "adpcm_swf", "adpcm_yamaha", "gsm", "g726")
"""Beginnings of FFmpeg's names of decoders of blocks of samples, all of them of one length."""

PADDED_CODECS = (*FILTER_DELAYS, *BLOCK_CODECS, "wma", "vorbis", "speex")
"""Beginnings of FFmpeg's names of decoders whose last frame holds more than the sound, unless that ends by chance."""

END_NOTE = "the file does not tell where its sound ends: up to {} samples of padding may follow it"

OPUS_HEAD = b"OpusHead"


class Padding:
    """What is to be left out of a track's frames, in the order in which they are decoded.

    The number at the start is that given, else the container's, else what the codec always has: `note` says so then.
    The number at the end is the container's.

    Args:
        codec: FFmpeg's name of the decoder; None where all that the container does not name is sound.
        start: Samples before the sound, where it is known.
        may_end_late: Whether a last frame of which nothing is to be dropped may hold padding all the same.
        left_out: First sample, and the one behind the last, of what is not played amid the track, start and all.

    Attributes:
        start: Samples before the sound; known when a frame was decoded.
        frame_samples: Samples of the first frame.
    """

    def __init__(
        self,
        codec: str | None,
        start: int | None = None,
        may_end_late: bool = False,
        left_out: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._start_note: str | None = None
        self._may_end_late = may_end_late
        self._end_note: str | None = None
        self.start = start
        self._codec = codec
        self._left: int | None = start
        self._left_out = left_out
        self._position = 0
        self.frame_samples = 0

    @property
    def note(self) -> str | None:
        """Return what the file does not tell of its padding, as far as it was read; None where it tells all."""
        return self._start_note or self._end_note

    def trim(self, frame: "AudioFrame", packet: "Packet") -> "AudioFrame | None":
        """Return the part of a frame that is sound; None where nothing is.

        Args:
            frame: As the decoder gives it if told not to skip by itself.
            packet: What it was decoded from; the container may say that it is only there for those behind it.
        """
        self.frame_samples = self.frame_samples or frame.samples
        start, end = _told(frame)
        if self._codec == "alac":  # its last frame lacks already what a CAF tells to drop
            end = 0
        if self._left is None:
            if self._codec is not None and self._codec.startswith("wmav"):
                start = 0  # FFmpeg tells of two frames of WMA; its transform delays by one
            self._left = start
            if start <= MP3_DECODER_DELAY and not packet.is_discard and (delay := self._delay(frame, packet)):
                self._left = delay
                self._start_note = (
                    f"the file does not tell how its sound is padded: the first {delay} samples, by which its codec is "
                    "always late, are left out; up to 0.05 s of padding may remain at either end"
                )
            self.start = self._left
        elif self._left == 0:
            self._left = start
        first = min(self._left, frame.samples)
        self._left -= first
        last = max(first, frame.samples - end)
        if self._may_end_late:
            self._end_note = END_NOTE.format(frame.samples - 1) if end == 0 else None
        keeps = np.zeros(frame.samples, bool)
        keeps[first:last] = not packet.is_discard
        for begin, behind in self._left_out:
            keeps[max(0, begin - self._position) : max(0, behind - self._position)] = False
        self._position += frame.samples
        if not keeps.any():
            return None
        return frame if keeps.all() else _part_of(frame, keeps)

    def _delay(self, frame: "AudioFrame", packet: "Packet") -> int:
        """Return the samples that are no sound with any common encoder; for AAC and WMA the first frame."""
        if self._codec is None:
            return 0
        head = bytes(memoryview(packet)[:2])
        if self._codec.startswith("mp3") and len(head) == 2 and head[0] == 0xFF and head[1] >> 1 & 3 > 1:
            return MPEG_LAYER_DELAY
        if self._codec == "speex":
            return next(delay for highest, delay in SPEEX_DELAYS if frame.sample_rate <= highest)
        return frame.samples if self._codec.startswith(("aac", "wmav")) else FILTER_DELAYS.get(self._codec, 0)


def opus_start(header: bytes | None) -> int | None:
    """Return the samples at 48 kHz that an Opus header says to drop (RFC 7845, section 5.1); None if it is none."""
    if header is None or not header.startswith(OPUS_HEAD) or len(header) < 12:
        return None
    return int(struct.unpack_from("<H", header, 10)[0])


def _told(frame: "AudioFrame") -> tuple[int, int]:
    """Return the samples that the container says to drop at the beginning and at the end of a frame."""
    data: Any = frame.side_data
    for each in data:
        if each.type.name == "SKIP_SAMPLES":
            start, end = struct.unpack_from("<II", bytes(each))
            return start, end
    return 0, 0


def _part_of(frame: "AudioFrame", keeps: np.ndarray) -> "AudioFrame":
    values = 1 if frame.format.is_planar else len(frame.layout.channels)
    samples: Any = np.ascontiguousarray(frame.to_ndarray()[:, np.repeat(keeps, values)])
    part = type(frame).from_ndarray(samples, format=frame.format.name, layout=frame.layout.name)
    part.sample_rate, part.pts, part.time_base = frame.sample_rate, frame.pts, frame.time_base
    return part

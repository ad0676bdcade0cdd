"""Decoding of a container's track: packets to blocks of samples, at the times that the packets tell."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from separator.audio.flac import frame_start
from separator.audio.raw_frames import RAW_FORMATS, RawFrames
from separator.audio.tracks import AudioTrack, reason

if TYPE_CHECKING:
    from av import AudioFrame, Packet

GAP_FRAMES, SHORTEST_GAP_SECONDS = 0.75, 0.015
"""Shorter gaps between the times of packets are no loss: times in whole milliseconds, and drifting clocks."""

WITHOUT_TIMES = (*RAW_FORMATS, "avi", "amr", "ac3", "eac3", "dts", "wv", "ape", "tta")
"""FFmpeg's names of formats whose times it makes up, by bytes or packets: there are no gaps in them."""

LONGEST_GAP_SECONDS = 60.0
"""Of silence that is put in place of what is lost, where the container does not say how long it is in all."""


class TrackDecoder:
    """The sound of a container's track, in blocks `(t, C)`.

    What is missing between two packets, by their times, or by the bytes between them where they have none, is silence
    of that length.

    Args:
        track: The track, open.
        sample_rate: Rate in Hz to deliver.
        promised_samples: Samples to deliver by the header; 0 where it does not say.

    Attributes:
        notes: What was done to the sound to make it one signal, as far as it was read.
        passed_over: Samples before the sound, where it begins late, that the header counts.
    """

    def __init__(self, track: AudioTrack, sample_rate: int, promised_samples: int) -> None:
        import av

        self.notes: list[str] = []
        self.passed_over = 0
        self._av = av
        self.errors = (av.FFmpegError, OSError, ValueError, EOFError, MemoryError)
        self._track = track
        self._codec = track.stream.codec_context
        self._layout = self._codec.layout.name
        self._channels = int(self._codec.channels)
        self._rate = sample_rate
        self._promised = promised_samples
        self._resampler: Any = None
        self._setup: tuple[Any, ...] = ()
        self._given = 0
        self._lasted = 0.0  # seconds since the first frame, by the samples and by the packets' times
        self._raw = RawFrames(track) if track.container.format.name in RAW_FORMATS else None
        self._first_time: float | None = None
        self._first_until = 0.0
        self._end_time = 0.0

    def blocks(self) -> Iterator[np.ndarray | OSError]:
        """Give the blocks, and an error in the place of what cannot be decoded or is missing."""
        packets = self._raw.packets() if self._raw else self._track.container.demux(self._track.stream)
        while True:
            try:
                packet = next(packets, None)
            except self.errors as error:
                yield OSError(reason(error))
                break
            if packet is None:
                break
            try:
                frames = self._codec.decode(packet)
            except self.errors as error:
                if self._raw:
                    self._raw.fail(packet)
                if self._first_time is None and packet.pts is not None and packet.time_base is not None:
                    self._first_time = self._end_time = float(packet.pts * packet.time_base)
                yield OSError(reason(error))
                continue
            for frame in frames:
                if not packet.is_discard:
                    yield from self._gap_before(packet, frame)
                part = self._track.padding.trim(frame, packet)
                if part is not None:
                    yield from self._converted(part)
        yield from self._resampled(None)

    def _gap_before(self, packet: "Packet", frame: "AudioFrame") -> Iterator[np.ndarray | OSError]:
        """Give silence in place of what is missing before a frame, and an error that says so."""
        time, seconds = self._time_of(packet, frame), frame.samples / frame.sample_rate
        shortest = max(GAP_FRAMES * seconds, SHORTEST_GAP_SECONDS)
        if self._codec.name == "pcm_dvd":  # its packets bear the time of what begins in them, or in the one before
            shortest = max(shortest, 1.5 * seconds)
        missing = 0.0
        if self._lasted == 0 and packet.pts and packet.time_base and self._track.container.format.name == "avi":
            self._track.begin_at(Fraction(packet.pts * packet.time_base))
        if self._raw is not None:
            lost, other_bytes = self._raw.take_lost(packet)
            missing = lost * seconds
            if other_bytes:
                yield OSError(f"{other_bytes} bytes between its frames are none: what follows may be early")
        elif time is not None and self._first_time is None:
            self._first_time = time
            if packet.duration and packet.time_base:
                self._first_until = time + float(packet.duration * packet.time_base)
        elif time is not None and self._first_time is not None:
            missing = time - self._first_time - self._lasted
            if min(missing, time - self._end_time) <= shortest:
                missing = 0.0
            elif time <= self._first_until:  # in fragments of MP4 the first frame is at 0, and lasts until the next
                self._track.begin_at(Fraction(time - seconds))
                self._first_time += missing
                self.passed_over = round(missing * self._rate)
                missing = 0.0
        if missing:
            room = self._promised - self._given if self._promised else LONGEST_GAP_SECONDS * self._rate
            samples = max(0, min(round(missing * self._rate), round(room - seconds * self._rate)))
            if samples:
                yield OSError(f"{samples / self._rate:.2f} s are missing, silence is in their place")
            for start in range(0, samples, self._rate):
                yield np.zeros((min(self._rate, samples - start), self._channels), np.float32)
            self._given += samples
            self._lasted += missing
        self._lasted += seconds
        self._end_time = (time or 0.0) + seconds

    def _time_of(self, packet: "Packet", frame: "AudioFrame") -> float | None:
        """Return when a frame begins, in seconds; None where nothing tells."""
        if self._track.container.format.name == "flac":  # FFmpeg counts packets, also over those that are lost
            sample = frame_start(bytes(memoryview(packet)[:16]), self._codec.extradata or b"") if packet.size else None
            return None if sample is None else sample / frame.sample_rate
        if frame.pts is None or frame.time_base is None or self._track.container.format.name in WITHOUT_TIMES:
            return None
        return float(frame.pts * frame.time_base)

    def _converted(self, frame: "AudioFrame") -> Iterator[np.ndarray | OSError]:
        """Give the samples of a frame at the track's first channels; what they were before is noted if it changes."""
        found = (frame.sample_rate, frame.layout.name, frame.format.name)
        if found != self._setup:
            yield from self._resampled(None)
            self._resampler = self._av.AudioResampler(format="flt", layout=self._layout, rate=self._rate)
            if self._setup and found[:2] != self._setup[:2]:
                self.notes.append(
                    f"from {self._given / self._rate:.2f} s on it is {found[1]} at {found[0]} Hz: "
                    f"converted to {self._layout} at {self._rate} Hz"
                )
            self._setup = found
        yield from self._resampled(frame)

    def _resampled(self, frame: "AudioFrame | None") -> Iterator[np.ndarray | OSError]:
        """Give the samples of a frame at the rate to deliver, or the last ones for None."""
        if self._resampler is None:
            return
        try:
            for each in self._resampler.resample(frame):
                if each.samples:
                    block = each.to_ndarray().reshape(-1, self._channels)
                    self._given += len(block)
                    yield block if np.isfinite(block).all() else OSError("samples that are no numbers")
        except self.errors as error:
            yield OSError(reason(error))

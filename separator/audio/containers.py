"""An audio track of what libsndfile does not read, or not to its end, through PyAV: MP4, Matroska, MP3, AAC."""

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from separator.audio.file_part import FilePart
from separator.audio.formats import INFO_OFFSETS, INFO_WORDS, find_frames, read_mp3_info
from separator.errors import InputError

if TYPE_CHECKING:
    from av import AudioFrame, Packet

CONTAINER_SUFFIXES = (".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".aac", ".mka", ".mkv", ".webm")

LENGTH_TOLERANCE_SECONDS = 0.25
"""By so much a container's duration may be off without the file being cut short."""

EDIT_TOLERANCE_SECONDS = 0.002
"""By so much an MP4's edit list is off that counts in units of its own, 1/600 s for one."""

PROBE_BYTES = 5_000_000

TAGS_IN_MP3 = (b"TAG", b"ID3", b"APETAGEX")


class ContainerFile:
    """An audio track of a container, read like a `soundfile.SoundFile`; other tracks and pictures are ignored.

    Where a packet cannot be decoded, `read` raises, and goes on behind it when it is called again. MP3 files that are
    joined end to end are one, at the sample rate and with the channels of the first.

    Args:
        path: The file.
        container: FFmpeg's name of the format.
        sample_rate: Rate in Hz to deliver; None is the track's own.
        start: Byte of the file at which it begins.
        end: Byte behind its last; None is the end of the file.
        track: Number of the audio track, from 0.

    Raises:
        InputError: If there is no such track, or none that can be decoded.
    """

    extra_info = ""

    def __init__(
        self,
        path: Path,
        container: str,
        sample_rate: int | None = None,
        start: int = 0,
        end: int | None = None,
        track: int = 0,
    ) -> None:
        import av

        self.path = path
        self.format = container
        self.notes: list[str] = []
        self._av = av
        self._end = end
        self._track = track
        self._errors = (av.FFmpegError, OSError, ValueError, EOFError, MemoryError)
        self._shape: tuple[int, str] | None = None
        self._decoded_samples = 0
        self._position = 0
        self._next_part: int | None = None
        self._open(start)
        try:
            context = self._stream.codec_context
            self._layout = context.layout.name
            self.channels = int(context.channels)
            self.samplerate = sample_rate or int(context.sample_rate or 0)
            self.metadata = {
                key.lower(): value for key, value in {**self._stream.metadata, **self._container.metadata}.items()
            }
            self._most_samples = self._promised_end()
            seconds = self._promised_seconds()
            self.length_is_known = seconds > 0
            if not self.length_is_known and self._container.duration:
                seconds = self._container.duration / 1e6
            self.frames = max(1, round(seconds * self.samplerate))
            # A header may promise anything: one decoded frame tells what there really is.
            self._blocks = self._decode(start)
            self._waiting: list[np.ndarray | OSError] = []
            while self._take_next() and isinstance(self._waiting[-1], OSError):
                pass
            if self._waiting and all(isinstance(each, OSError) for each in self._waiting):
                raise OSError("; ".join(sorted({str(each) for each in self._waiting})))
        except self._errors as error:
            self.close()
            raise InputError(f"{path}: expected sound in {container}, found a damaged file: {_reason(error)}") from None
        if not self._waiting:
            self.frames = 0

    @property
    def subtype(self) -> str:
        """Return libsndfile's name of what the samples are; empty for a lossy codec."""
        context = self._stream.codec_context
        if not context.name.startswith(("pcm", "alac", "flac")):
            return ""
        return "PCM_16" if context.format.name.startswith(("s16", "u8")) else "PCM_24"

    def copy_metadata(self) -> dict[str, str]:
        """Return title, artist and so on, under FFmpeg's names, and the track under libsndfile's too."""
        return {"tracknumber": self.metadata.get("track", ""), **self.metadata}

    def seek(self, sample: int) -> None:
        """Go on reading at a sample, by decoding all before it: containers do not seek to the sample."""
        while self._position < sample and len(self.read(min(1 << 18, sample - self._position))):
            pass

    def read(self, num_samples: int, **_: Any) -> np.ndarray:
        """Return up to `num_samples` samples: `(t, C)` float32, empty at the end.

        Raises:
            OSError: At a packet that cannot be decoded; the next call goes on behind it.
        """
        parts: list[np.ndarray] = []
        missing = num_samples
        while missing > 0 and (self._waiting or self._take_next()):
            first = self._waiting[0]
            if isinstance(first, OSError):
                if parts:
                    break
                self._waiting.pop(0)
                raise first
            parts.append(first[:missing])
            missing -= len(parts[-1])
            if len(parts[-1]) < len(first):
                self._waiting[0] = first[len(parts[-1]) :]
            else:
                self._waiting.pop(0)
        block = np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)
        self._position += len(block)
        return block

    def is_short(self) -> bool:
        """Return whether fewer samples were read than the container promised."""
        tolerance = LENGTH_TOLERANCE_SECONDS * self.samplerate if self.format != "mp3" else 2 * 1152
        return self.length_is_known and self.frames - self._position > tolerance

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._raw.close()

    def _take_next(self) -> bool:
        """Decode one block more; returns whether there was one."""
        block = next(self._blocks, None)
        if block is not None:
            self._waiting.append(block)
        return block is not None

    def _open(self, start: int) -> None:
        self._has_info, self._next_part = True, None
        if self.format == "mp3":
            info = read_mp3_info(self.path, start)
            self._has_info = info is not None
            if info is not None and info[1]:  # FFmpeg would not find the end of the first of several
                behind = find_frames(self.path, sum(info))
                self._next_part = None if behind is None else behind[1]
        self._raw = FilePart(self.path, start, self._next_part or self._end)
        try:
            options = {"probesize": str(PROBE_BYTES)}
            self._container = self._av.open(
                self._raw, "r", format=self.format, options=options, metadata_errors="replace"
            )
        except self._errors as error:
            self._raw.close()
            words = f"expected sound in {self.format}, found a damaged file"
            raise InputError(f"{self.path}: {words}: {_reason(error)}") from None
        if not self._container.streams.audio:
            self.close()
            raise InputError(f"{self.path}: expected a file with sound, found none in it")
        if self._track >= (found := len(self._container.streams.audio)):
            self.close()
            raise InputError(f"{self.path}: expected at least {self._track + 1} audio tracks, found {found}")
        self._stream = self._container.streams.audio[self._track]
        if self._stream.codec_context is None:
            self.close()
            raise InputError(f"{self.path}: expected sound that can be decoded, found a kind that is not known")

    def _promised_seconds(self) -> float:
        """Return how many seconds long the header says that the part now open is; 0 where it does not."""
        if self.format == "aac" or not self._has_info:  # a guess by the bit rate
            return 0.0
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / 1e6 if self._container.duration else 0.0

    def _promised_end(self) -> int | None:
        """Return the number of samples after which there is nothing but padding, where an MP4 says so."""
        if self.format != "mp4":
            return None
        numbers = self.metadata.get("itunsmpb", "").split()
        if len(numbers) > 3 and re.fullmatch("[0-9A-Fa-f]{1,16}", numbers[3]) and int(numbers[3], 16):
            return int(numbers[3], 16)
        return round(self._promised_seconds() * self.samplerate) or None

    def _decode(self, start: int) -> Iterator[np.ndarray | OSError]:
        """Give the blocks of all parts, and an error in the place of what cannot be decoded."""
        done = 0
        held: np.ndarray | None = None  # the last block of an MP4 is cut to its packet's length
        held_samples = 0
        next_part: int | None = start
        while next_part is not None:
            if next_part != start:
                self.close()
                try:
                    self._open(next_part)
                except InputError as error:
                    yield OSError(str(error).removeprefix(f"{self.path}: "))
                    return
                self.frames += round(self._promised_seconds() * self.samplerate)
                self.length_is_known = self.length_is_known and self._has_info
            part = self._decode_part(next_part)
            while True:
                try:
                    item = next(part)
                except StopIteration as stop:
                    next_part = stop.value
                    break
                if isinstance(item, OSError):
                    yield item
                    continue
                block, samples = item
                if held is not None:
                    done += len(held)
                    yield held
                held, held_samples = block, samples
        if held is None:
            return
        if self.format == "mp4":
            end = done + min(len(held), held_samples or len(held))
            if self._most_samples is not None and end - self._most_samples > EDIT_TOLERANCE_SECONDS * self.samplerate:
                end = self._most_samples
            held = held[: max(0, end - done)]
        if len(held):
            yield held

    def _decode_part(self, start: int) -> "Generator[tuple[np.ndarray, int] | OSError, None, int | None]":
        """Give the blocks of the part now open, each with the samples that its packet lasts; returns where the next
        part begins, if there is one.
        """
        resampler = None
        setup: tuple[Any, ...] = ()
        packets = self._container.demux(self._stream)
        decoded = False
        while True:
            try:
                packet = next(packets, None)
            except self._errors as error:
                yield OSError(_reason(error))
                break
            if packet is None:
                break
            if self.format == "mp3" and decoded and (joint := _joint(packet)) is not None:
                yield from self._blocks_of(resampler, None)
                return start + joint
            try:
                frames = packet.decode()
            except self._errors as error:
                yield OSError(_reason(error))
                continue
            for frame in frames:
                decoded = True
                if (found := (frame.sample_rate, frame.layout.name, frame.format.name)) != setup:
                    yield from self._blocks_of(resampler, None)
                    resampler = self._av.AudioResampler(format="flt", layout=self._layout, rate=self.samplerate)
                    setup = found
                    self._note_change(frame.sample_rate, frame.layout.name)
                yield from self._blocks_of(resampler, frame)
        yield from self._blocks_of(resampler, None)
        return self._next_part

    def _note_change(self, sample_rate: int, layout: str) -> None:
        """Note where a part has another sample rate or other channels than the one before it."""
        if self._shape not in (None, (sample_rate, layout)):
            self.notes.append(
                f"from {self._decoded_samples / self.samplerate:.2f} s on it is {layout} at {sample_rate} Hz: "
                f"converted to {self._layout} at {self.samplerate} Hz"
            )
        self._shape = (sample_rate, layout)

    def _blocks_of(self, resampler: Any, frame: "AudioFrame | None") -> "Iterator[tuple[np.ndarray, int] | OSError]":
        """Give the samples of a frame, or the last ones for None, with those that the frame lasts."""
        if resampler is None:
            return
        samples = 0
        if frame is not None and frame.duration and frame.time_base:
            samples = round(frame.duration * frame.time_base * self.samplerate)
        try:
            for each in resampler.resample(frame):
                if each.samples:
                    block = each.to_ndarray().reshape(-1, self.channels)
                    self._decoded_samples += len(block)
                    yield (block, samples) if np.isfinite(block).all() else OSError("samples that are no numbers")
        except self._errors as error:
            yield OSError(_reason(error))


def _joint(packet: "Packet") -> int | None:
    """Return the byte at which another MP3 file begins with this packet, or in it; None if none does."""
    content = bytes(memoryview(packet)[:5000]) if packet.size else b""
    if packet.pos is None:
        return None
    if content.startswith(TAGS_IN_MP3):
        found = re.search(rb"\xff[\xe2-\xff].{11,34}?(?:Xing|Info)", content, re.DOTALL)
        return packet.pos + found.start() if found else None
    return packet.pos if any(content[at : at + 4] in INFO_WORDS for at in INFO_OFFSETS) else None


def _reason(error: BaseException) -> str:
    """Return what an error says, on one line and without the file's name."""
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())

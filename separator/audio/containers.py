"""The audio track of what libsndfile does not read: MP4 and M4A, Matroska and WebM, raw AAC, through PyAV."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from separator.errors import InputError

if TYPE_CHECKING:
    from av import AudioFrame

CONTAINER_SUFFIXES = (".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".aac", ".mka", ".mkv", ".webm")

LENGTH_TOLERANCE_SECONDS = 0.25
"""By so much a container's duration may be off without the file being cut short."""

PROBE_BYTES = 5_000_000


def container_format(path: Path) -> str | None:
    """FFmpeg's name of a file's container, by its first bytes; None if it is none of those above.

    FFmpeg's own guess would take play lists too, which name other files.
    """
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        return "mp4"
    if start[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0:
        return "aac"
    return None


class ContainerFile:
    """The first audio track of a container, read like a `soundfile.SoundFile`; other tracks and pictures are ignored.

    Args:
        path: The file.
        container: What `container_format` found, or FFmpeg's name of another one.
        sample_rate: Rate in Hz to deliver; None is the track's own.

    Raises:
        InputError: If there is no audio track, or none that can be decoded.
    """

    extra_info = ""

    def __init__(self, path: Path, container: str, sample_rate: int | None = None) -> None:
        import av

        self.path = path
        self._av = av
        self._raw = path.open("rb")
        try:
            self._container = av.open(self._raw, "r", format=container, options={"probesize": str(PROBE_BYTES)},
                                      metadata_errors="replace")  # fmt: skip
            if not self._container.streams.audio or self._container.streams.audio[0].codec_context is None:
                raise InputError(f"{path}: expected a file with sound, found none in it")
            self._stream = self._container.streams.audio[0]
            self._track_rate = int(self._stream.codec_context.sample_rate or 0)
            self.samplerate = sample_rate or self._track_rate
            self.channels = int(self._stream.codec_context.channels)
            self._layout = self._stream.codec_context.layout.name
            # A header may promise anything: one raw frame tells what there really is.
            self._blocks = self._decode()
            self._waiting = next(self._blocks, None)
        except (av.FFmpegError, OSError, ValueError, EOFError, MemoryError) as error:
            self._raw.close()
            raise InputError(f"{path}: expected sound in {container}, found a damaged file: {_reason(error)}") from None
        except InputError:
            self._raw.close()
            raise
        seconds = 0.0
        if self._stream.duration and self._stream.time_base:
            seconds = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration and container != "aac":  # of raw AAC it is a guess by the bit rate
            seconds = self._container.duration / 1e6
        self.length_is_known = seconds > 0
        self.frames = 0 if self._waiting is None else max(1, round(seconds * self.samplerate))
        self._position = 0

    @property
    def metadata(self) -> dict[str, str]:
        """Title, artist and so on, under FFmpeg's names."""
        return {key.lower(): value for key, value in {**self._stream.metadata, **self._container.metadata}.items()}

    def seek(self, sample: int) -> None:
        """Go on reading at a sample, by decoding all before it: containers do not seek to the sample."""
        while self._position < sample and len(self.read(min(1 << 18, sample - self._position))):
            pass

    def read(self, num_samples: int, **_: Any) -> np.ndarray:
        """Up to `num_samples` samples: `(t, C)` float32, empty at the end."""
        parts: list[np.ndarray] = []
        missing = num_samples
        try:
            while missing > 0 and self._waiting is not None:
                parts.append(self._waiting[:missing])
                missing -= len(parts[-1])
                rest = self._waiting[len(parts[-1]) :]
                self._waiting = rest if len(rest) else next(self._blocks, None)
        except (self._av.FFmpegError, ValueError, EOFError) as error:
            if not parts:
                raise OSError(_reason(error)) from None
            self._waiting = None
        block = np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)
        self._position += len(block)
        return block

    def is_short(self) -> bool:
        """Whether fewer samples were read than the container promised."""
        return self.frames - self._position > LENGTH_TOLERANCE_SECONDS * self.samplerate

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._raw.close()

    def _decode(self) -> Iterator[np.ndarray]:
        resampler = self._av.AudioResampler(format="flt", layout=self._layout, rate=self.samplerate)
        for frame in self._container.decode(self._stream):
            if frame.sample_rate != self._track_rate or len(frame.layout.channels) != self.channels:
                raise ValueError("the sample rate or the number of channels changes on the way")
            yield from self._samples(resampler.resample(frame))
        yield from self._samples(resampler.resample(None))

    def _samples(self, frames: "list[AudioFrame]") -> Iterator[np.ndarray]:
        for frame in frames:
            if frame.samples:
                yield frame.to_ndarray().reshape(-1, self.channels)


def _reason(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())

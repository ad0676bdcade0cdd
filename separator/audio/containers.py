"""An audio track of what libsndfile does not read, or not to its end, through PyAV: films, MP3, AAC, WMA and others."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from separator.audio.decoding import TrackDecoder
from separator.audio.file_part import FilePart
from separator.audio.formats import has_mp3_info
from separator.audio.padding import BLOCK_CODECS
from separator.audio.tracks import AudioTrack, reason
from separator.errors import InputError

CONTAINER_SUFFIXES = (
    *(".m4a", ".mp4", ".m4b", ".m4v", ".mov", ".3gp", ".3g2", ".aac", ".mka", ".mkv", ".webm", ".weba"),
    *(".wma", ".wmv", ".asf", ".avi", ".flv", ".f4v", ".mxf", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob"),
    *(".amr", ".awb", ".ac3", ".eac3", ".dts", ".mp2", ".wv", ".ape", ".tta", ".rm", ".ra"),
)

WITHOUT_LENGTH = ("aac", "amr", "ac3", "eac3", "dts", "mpegts", "mpeg", "voc")
"""FFmpeg's names of formats whose header does not say how long they are."""

LENGTH_OF_FILM = ("asf", "flv", "avi")
"""FFmpeg's names of formats whose header says so of all tracks together: with pictures, that is not the sound's."""

LENGTH_TOLERANCE_SECONDS = 0.25
"""By so much a container's duration may be off without the file being cut short."""


class ContainerFile:
    """An audio track of a container, read like a `soundfile.SoundFile`; other tracks and pictures are ignored.

    Where a packet cannot be decoded, `read` raises, and goes on behind it when it is called again.

    Args:
        path: The file.
        container: FFmpeg's name of the format.
        sample_rate: Rate in Hz to deliver; None is the track's own.
        start: Byte of the file at which it begins.
        end: Byte behind its last; None is the end of the file.
        track: Number of the audio track, from 0.
        changes: Bytes to read in place of those in the file, as for `FilePart`.

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
        changes: Mapping[int, bytes] | None = None,
    ) -> None:
        self.format = container
        self._position = 0
        self._file = FilePart(path, start, end, changes)
        self._track: AudioTrack | None = None
        try:
            tells_length = container not in WITHOUT_LENGTH and (container != "mp3" or has_mp3_info(self._file))
            self._track = AudioTrack(path, self._file, container, track)
            is_film = container in LENGTH_OF_FILM or not self._track.has_own_length
            if is_film and self._track.container.streams.video:
                tells_length = False
            if container == "avi" and self._track.stream.codec_context.name.startswith(BLOCK_CODECS):
                tells_length = False  # FFmpeg writes it in units of another length
            self._begin(sample_rate, tells_length)
        except InputError:
            self.close()
            raise
        except (OSError, ValueError, MemoryError, ArithmeticError) as error:  # PyAV's errors are these too
            self.close()
            raise InputError(f"{path}: expected sound in {container}, found a damaged file: {reason(error)}") from None

    def _begin(self, sample_rate: int | None, tells_length: bool) -> None:
        """Decode the first frame: a header may promise anything, this tells what there really is."""
        assert self._track is not None
        context = self._track.stream.codec_context
        self.channels = int(context.channels)
        self.samplerate = sample_rate or int(context.sample_rate or 0)
        self.subtype = _subtype(context)
        self.metadata = self._track.tags
        self.length_is_known = tells_length and self._track.seconds > 0
        self.frames = max(1, round(self._track.seconds * self.samplerate))  # at times a guess by the bit rate
        self._decoder = TrackDecoder(self._track, self.samplerate, self.frames if self.length_is_known else 0)
        self._blocks = self._decoder.blocks()
        self._waiting: list[np.ndarray | OSError] = []
        while self._take_next() and isinstance(self._waiting[-1], OSError):
            pass
        if self._waiting and all(isinstance(each, OSError) for each in self._waiting):
            raise OSError("; ".join(sorted({str(each) for each in self._waiting})))
        promised = self._promised_end()
        self._end = None if self._track.ends_by_itself else promised
        self.frames = (promised or self.frames) if self._waiting else 0

    @property
    def length_is_exact(self) -> bool:
        """Tell whether `frames` is no guess and not rounded: then one may count on where a file behind it begins."""
        return self.length_is_known and self.format in ("mp4", "flac")

    @property
    def notes(self) -> list[str]:
        """Return what was done to the sound to make it one signal, as far as it was read."""
        assert self._track is not None
        return [*self._track.notes, *self._decoder.notes]

    @property
    def tracks(self) -> list[str]:
        """Return what each audio track is, in words: title, language, channels."""
        assert self._track is not None
        return [_in_words(each) for each in self._track.container.streams.audio]

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
        missing = num_samples if self._end is None else min(num_samples, self._end - self._position)
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
        missing = self.frames - self._decoder.passed_over - self._position
        return self.length_is_known and missing > tolerance

    def close(self) -> None:
        """Close the file."""
        if self._track is not None:
            self._track.container.close()
        self._file.close()

    def _take_next(self) -> bool:
        """Decode one block more; returns whether there was one."""
        block = next(self._blocks, None)
        if block is not None:
            self._waiting.append(block)
        return block is not None

    def _promised_end(self) -> int | None:
        """Return the number of samples after which there is nothing but padding, where an MP4 or a CAF says so."""
        assert self._track is not None
        if self.format != "mp4":
            return self._track.played_samples
        promised = self._track.played_samples or max(0, self.frames - self._track.start_samples)
        numbers = self.metadata.get("itunsmpb", "").split()
        told = len(numbers) > 3 and re.fullmatch("[0-9A-Fa-f]{1,16}", numbers[3])
        return min(filter(None, (promised, int(numbers[3], 16) if told else 0)), default=None)


def _in_words(stream: Any) -> str:
    """Say what an audio track is, by which people tell it from the others."""
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    layout = stream.codec_context.layout.name if stream.codec_context is not None else "of a kind that is not known"
    return " ".join([*(tags[key] for key in ("title", "language") if tags.get(key, "und") != "und"), layout])


def _subtype(context: Any) -> str:
    """Return libsndfile's name of what the samples are; empty for a lossy codec."""
    if not context.name.startswith(("pcm", "alac", "flac")):
        return ""
    return "PCM_16" if context.format.name.startswith(("s16", "u8")) else "PCM_24"

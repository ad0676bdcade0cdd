"""Opus in Ogg with pages marked at a wrong time, as FFmpeg writes them now and then: libsndfile fails on it."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from separator.audio.containers import LENGTH_TOLERANCE_SECONDS, ContainerFile
from separator.audio.ogg import read_pages

OPUS_RATE = 48_000
"""Samples a second that an Opus file's times are counted in."""

SHORTEST_FRAME = 120
"""Samples: the length of every Opus packet is a multiple."""


def has_wrong_times(path: Path, start: int = 0, end: int | None = None) -> bool:
    """Return whether a page of an Ogg Opus file between two bytes is marked at a time where no packet can end.

    libsndfile moves the sound of such a page and gives up at the next; FFmpeg goes by the packets and plays it all.
    """
    times = [time for time in _page_times(path, start, end) if time > 0][:-1]  # the last page may end within a packet
    return any((time - times[0]) % SHORTEST_FRAME for time in times)


class OpusFile:
    """An Opus file with such pages, decoded by FFmpeg and read like a `soundfile.SoundFile`.

    Args:
        path: The file.
        sample_rate: Rate in Hz to deliver.
        tags: Title, artist and so on.
        start: Byte of the file at which it begins.
        end: Byte behind its last; None is the end of the file.

    Raises:
        InputError: If FFmpeg cannot decode it.
    """

    format = "OGG"
    extra_info = ""

    def __init__(
        self, path: Path, sample_rate: int, tags: dict[str, str], start: int = 0, end: int | None = None
    ) -> None:
        self._path = path
        self._start, self._end = start, end
        self._tags = tags
        self._file = self._opened(sample_rate)
        self.samplerate = sample_rate
        self.channels = self._file.channels
        last = max(_page_times(path, start, end))
        self.frames = -(-(last - _skipped_at_start(path, start)) * sample_rate // OPUS_RATE)
        self._position = 0
        self._said_missing = False

    def seek(self, sample: int) -> None:
        """Go on reading at a sample."""
        if sample < self._position:
            self._file.close()
            self._file = self._opened(self.samplerate)
        self._file.seek(sample)
        self._position = sample

    def read(self, num_samples: int, **_: Any) -> np.ndarray:
        """Read up to `num_samples` samples: `(t, C)` float32, empty at the end.

        Raises:
            OSError: At damage.
        """
        block = self._file.read(min(num_samples, self.frames - self._position))
        self._position += len(block)
        missing = self.frames - self._position
        if len(block) == 0 and missing > LENGTH_TOLERANCE_SECONDS * self.samplerate and not self._said_missing:
            self._said_missing = True
            raise OSError("the rest cannot be decoded")
        return block

    def copy_metadata(self) -> dict[str, str]:
        """Return the tags: title, artist and so on."""
        return self._tags

    def _opened(self, sample_rate: int) -> ContainerFile:
        return ContainerFile(self._path, "ogg", sample_rate, self._start, self._end)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _page_times(path: Path, start: int, end: int | None) -> list[int]:
    """Return the time at the end of each page, in samples at 48 kHz."""
    return [page.time for page in read_pages(path, start, end)]


def _skipped_at_start(path: Path, start: int) -> int:
    """Return the samples at 48 kHz that the file says to drop (RFC 7845, section 5.1)."""
    with path.open("rb") as file:
        file.seek(start)
        begin = file.read(200)
    return int(struct.unpack_from("<H", begin, begin.index(b"OpusHead") + 10)[0])

"""FLAC: read by libsndfile as far as it goes, and behind damage by FFmpeg, which goes on at the next frame."""

from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile

PIECE_SAMPLES = 1 << 16
"""Of a block that reaches into damage libsndfile gives nothing, and to the damage it is decoded once more."""


class FlacFile:
    """A FLAC file, read like a `soundfile.SoundFile`.

    Args:
        file: Open at its beginning.
        reopen: Opens the same with FFmpeg.
    """

    format = "FLAC"
    length_is_known = True

    def __init__(self, file: soundfile.SoundFile, reopen: Callable[[], Any]) -> None:
        self._file: Any = file
        self._reopen = reopen
        self._is_damaged = False
        self.samplerate: int = file.samplerate
        self.channels: int = file.channels
        self.frames: int = file.frames
        self.extra_info: str = file.extra_info
        self.subtype: str = file.subtype
        self._tags: dict[str, str] = file.copy_metadata()
        self._position = 0

    def seek(self, sample: int) -> None:
        """Go on reading at a sample."""
        self._file.seek(sample)
        self._position = sample

    def read(self, num_samples: int, **_: Any) -> np.ndarray:
        """Read up to `num_samples` samples: `(t, C)` float32, empty at the end.

        Raises:
            OSError: At damage; the next call goes on behind it.
        """
        if self._is_damaged:
            block: np.ndarray = self._file.read(num_samples)
            self._position += len(block)
            return block
        parts: list[np.ndarray] = []
        end = self._position + num_samples
        try:
            while self._position < end:
                piece = min(end - self._position, PIECE_SAMPLES)
                parts.append(self._file.read(piece, dtype="float32", always_2d=True))
                self._position += len(parts[-1])
                if len(parts[-1]) < piece:
                    break
        except soundfile.LibsndfileError:
            self._file.close()
            self._file = self._reopen()
            self._is_damaged = True
            self._file.seek(self._position)
        return np.concatenate(parts) if parts else self.read(num_samples)

    def copy_metadata(self) -> dict[str, str]:
        """Return the tags: title, artist and so on."""
        return self._tags

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def frame_start(frame: bytes, stream_info: bytes) -> int | None:
    """Return the number of a frame's first sample, by its header (RFC 9639, section 9.1); None if it is none.

    Args:
        frame: Its first 16 bytes.
        stream_info: The block of that name, which tells the length of frames that are all alike.
    """
    if len(frame) < 11 or frame[0] != 0xFF or frame[1] & 0xFE != 0xF8 or len(stream_info) < 4:
        return None
    following = f"{frame[4]:08b}".find("0")  # as UTF-8 counts: ones before the first zero
    following = max(0, following - 1)
    number = frame[4] & (0x7F if following == 0 else 0x3F >> following)
    for byte in frame[5 : 5 + following]:
        number = number << 6 | byte & 0x3F
    return number if frame[1] & 1 else number * int.from_bytes(stream_info[2:4], "big")

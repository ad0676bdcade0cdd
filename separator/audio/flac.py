"""FLAC in small pieces: of a block that reaches past a file's end or damage, libsndfile gives nothing."""

from typing import Any

import numpy as np
import soundfile

PIECE_SAMPLES = (4096, 64, 1)
"""Where a piece fails, what comes before the damage is read in smaller ones."""


class FlacFile:
    """A FLAC file, read like a `soundfile.SoundFile`.

    Args:
        name: The file's name as libsndfile takes it.
        file: The same file, open at its beginning.
    """

    format = "FLAC"

    def __init__(self, name: str | bytes, file: soundfile.SoundFile) -> None:
        self._name = name
        self._file = file
        self.samplerate: int = file.samplerate
        self.channels: int = file.channels
        self.frames: int = file.frames
        self.extra_info: str = file.extra_info
        self.subtype: str = file.subtype
        self._position = 0
        self._error: soundfile.LibsndfileError | None = None

    def seek(self, sample: int) -> None:
        """Go on reading at a sample."""
        self._file.seek(sample)
        self._position = sample

    def read(self, num_samples: int, **_: Any) -> np.ndarray:
        """Read up to `num_samples` samples: `(t, C)` float32, empty at the end; all before damage, then an error.

        Raises:
            soundfile.LibsndfileError: At the damage.
        """
        if self._error is not None:
            raise self._error
        parts = [np.zeros((0, self.channels), np.float32)]
        end = self._position + num_samples
        for piece in PIECE_SAMPLES:
            try:
                if piece != PIECE_SAMPLES[0]:  # after an error the decoder is of no use
                    self._file.close()
                    self._file = soundfile.SoundFile(self._name)
                    self._file.seek(self._position)
                while self._position < end:
                    part = self._file.read(min(piece, end - self._position), dtype="float32", always_2d=True)
                    if len(part) == 0:
                        break
                    parts.append(part)
                    self._position += len(part)
                return np.concatenate(parts)
            except soundfile.LibsndfileError as error:
                self._error = error
        if len(parts) == 1 and self._error is not None:
            raise self._error
        return np.concatenate(parts)

    def copy_metadata(self) -> dict[str, str]:
        """Return the tags: title, artist and so on."""
        found: dict[str, str] = self._file.copy_metadata()
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()

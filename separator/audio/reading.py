"""Reading audio files, whole or block by block: what libsndfile reads, and what PyAV does."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
import torch
from torch import Tensor

from separator.audio.containers import ContainerFile
from separator.audio.formats import describe_content, describe_place
from separator.audio.opening import READ_ERRORS, ends_early, open_audio, reason
from separator.errors import InputError

BLOCK_SAMPLES = 1 << 18

MOST_BLOCK_VALUES = 1 << 24
"""Samples times channels of a block: a header of a thousand channels makes shorter blocks."""

TAGS = ("title", "artist", "album", "date", "genre", "comment", "copyright", "tracknumber")
"""Tags that are carried over from a recording to its sources, under libsndfile's names."""

FINER_SUBTYPES = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32")
"""libsndfile's names of samples of more than 16 bits."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000
"""Sample rates in Hz that are believed; a damaged header's 1 Hz would turn a second of audio into hours."""


class AudioReader:
    """An audio file open for reading, as a context manager.

    Memory is bounded by the block, never by what the file's header promises.

    Args:
        path: The file.
        track: Which of its audio tracks, from 0: a `.stem.mp4` has one for the mixture and one for each stem.

    Raises:
        InputError: If the file is missing, empty, no audio, or holds no samples; while reading, if it is damaged or
            holds a sample that is NaN or infinite.
    """

    def __init__(self, path: Path | str, track: int = 0) -> None:
        self.path = Path(path)
        found = describe_place(self.path)
        if found is not None:
            raise InputError(f"{self.path}: expected an audio file, found {found}")
        if self.path.stat().st_size == 0:
            raise InputError(f"{self.path}: expected an audio file, found an empty file (0 bytes)")
        self._damaged_places = 0
        self._ended_at: int | None = None
        self._position = 0  # not every file can tell
        try:
            self._file, damage = open_audio(self.path, track)
        except OSError as error:
            raise InputError(f"{self.path}: cannot read: {reason(error)}") from None
        except (soundfile.LibsndfileError, TypeError) as error:
            raise InputError(
                f"{self.path}: expected audio (WAV, FLAC, Ogg, Opus, MP3, MP4, WebM, AAC, WMA and others), "
                f"found something else: {describe_content(self.path) or reason(error)}"
            ) from None
        except InputError:
            content = describe_content(self.path)
            if content is None:
                raise
            raise InputError(f"{self.path}: expected audio, found something else: {content}") from None
        self.damage: str | None = damage
        if self._file.frames == 0:
            self._file.close()
            why = "" if damage is None else f": {damage}"
            raise InputError(f"{self.path}: expected audio, found a file without samples{why}")
        if not LOWEST_RATE <= self._file.samplerate <= HIGHEST_RATE:
            self._file.close()
            raise InputError(
                f"{self.path}: expected a sample rate from {LOWEST_RATE} to {HIGHEST_RATE} Hz, "
                f"found {self._file.samplerate}"
            )

    @property
    def sample_rate(self) -> int:
        """Return the sample rate in Hz."""
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        """Return the number of channels."""
        return int(self._file.channels)

    @property
    def fits_16_bits(self) -> bool:
        """Tell whether 16 bits a sample hold all that the file does: lossy ones are no better than that."""
        return getattr(self._file, "subtype", "") not in FINER_SUBTYPES

    @property
    def num_samples(self) -> int:
        """Return the samples a channel the header promises; a damaged file may hold fewer. 1 if it says nothing."""
        return int(self._file.frames)

    @property
    def length_is_known(self) -> bool:
        """Tell whether the header says how long the file is; a stream's need not."""
        return bool(getattr(self._file, "length_is_known", True))

    @property
    def is_truncated(self) -> bool:
        """Tell whether the file holds less than promised, or is damaged; for some formats known only after reading."""
        return self.damage is not None or ends_early(self._file, self._ended_at)

    def refuse_truncated(self) -> None:
        """Raise `InputError` if the file is known to hold less than promised, see `is_truncated`."""
        if self.is_truncated:
            raise InputError(f"{self.path}: {self.damage or 'cut short: its header promises more than it holds'}")

    @property
    def notes(self) -> list[str]:
        """Return what was done to the sound to make it one signal, in words; known after reading."""
        return list(getattr(self._file, "notes", []))

    @property
    def tracks(self) -> list[str]:
        """Return what each of a film's audio tracks is, in words; empty where there is but one kind of sound."""
        return list(getattr(self._file, "tracks", []))

    @property
    def tags(self) -> dict[str, str]:
        """Return title, artist and the others of `TAGS` that the file has."""
        found = self._file.copy_metadata()
        return {name: found[name] for name in TAGS if found.get(name)}

    def seek(self, sample: int, keep_damaged: bool = False) -> None:
        """Go on reading at a sample.

        Args:
            sample: Its number, from 0.
            keep_damaged: Go over damage on the way, and say so in `damage`, instead of raising.

        Raises:
            InputError: If there is no way to it.
        """
        while True:
            try:
                self._file.seek(sample)
                break
            except READ_ERRORS as error:
                if not (keep_damaged and isinstance(self._file, ContainerFile)):  # others do not go on behind it
                    raise InputError(f"{self.path}: cannot go to sample {sample}: {reason(error)}") from None
                self._note_damage(error)
        self._position = sample

    def blocks(self, block_samples: int = BLOCK_SAMPLES, keep_damaged: bool = False) -> Iterator[Tensor]:
        """Give the rest of the file in blocks `(C, t)`, float32, `t` at most `block_samples`.

        Args:
            block_samples: Samples of a block.
            keep_damaged: Where the file is damaged, say so in `damage` and go on with what can be decoded behind the
                damage, instead of raising; where nothing can, what is before it is all.

        Raises:
            InputError: At damage that is not to be kept, or where nothing can be decoded; at a sample that is NaN or
                infinite.
        """
        block_samples = max(1, min(block_samples, MOST_BLOCK_VALUES // self.channels))
        while True:
            try:
                block = self._file.read(block_samples, dtype="float32", always_2d=True)
            except READ_ERRORS as error:
                self._note_damage(error)
                if keep_damaged and not isinstance(self._file, soundfile.SoundFile):
                    continue
                if keep_damaged and self._position:
                    return
                raise InputError(f"{self.path}: {self.damage}") from None
            if len(block) == 0:
                self._ended_at = self._position
                if self._damaged_places and not self._position:
                    raise InputError(f"{self.path}: {self.damage}")
                return
            finite = np.isfinite(block)
            if not finite.all():
                sample = self._position + int(np.argmin(finite.all(axis=1)))
                raise InputError(not_finite(str(self.path), sample, self.sample_rate))
            self._position += len(block)
            yield torch.from_numpy(np.ascontiguousarray(block.T))

    def _note_damage(self, error: Exception) -> None:
        """Say where the file was first damaged, and in how many places."""
        self._damaged_places += 1
        if self._damaged_places == 1:
            before = f"{self.damage}; " if self.damage is not None else ""
            self._first_damage = f"{before}damaged after {self._position / self.sample_rate:.2f} s: {reason(error)}"
            self.damage = self._first_damage
        else:
            self.damage = f"{self._first_damage}, and again after that: {self._damaged_places} places in all"

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_audio(
    path: Path | str, start: int = 0, num_samples: int | None = None, track: int = 0, whole: bool = False
) -> tuple[Tensor, int]:
    """Read a file, or a part of it.

    Args:
        path: The file.
        start: First sample.
        num_samples: Samples to read; None reads to the end. Fewer come back where the file ends.
        track: As for `AudioReader`.
        whole: Refuse a file that is known to hold less than it promises, see `AudioReader.is_truncated`.

    Shape:
        Returns `(C, T)` float32 and the sample rate in Hz.

    Raises:
        InputError: As `AudioReader`, or if `start` is not within the file.
    """
    with AudioReader(path, track) as reader:
        if whole:
            reader.refuse_truncated()
        if start < 0 or (start >= reader.num_samples and reader.length_is_known):
            raise InputError(f"{path}: expected a start from 0 to {reader.num_samples - 1}, found {start}")
        if start:
            reader.seek(start)
        blocks, read = [], 0
        for block in reader.blocks() if num_samples is None else reader.blocks(min(BLOCK_SAMPLES, num_samples)):
            blocks.append(block if num_samples is None else block[:, : num_samples - read])
            read += block.shape[1]
            if num_samples is not None and read >= num_samples:
                break
        if not blocks:
            raise InputError(f"{path}: expected audio, found a file without samples")
        return torch.cat(blocks, dim=1), reader.sample_rate


def not_finite(name: str, sample: int, sample_rate: int) -> str:
    """Say where a recording holds what is no number."""
    return f"{name}: expected finite samples, found NaN or infinity at sample {sample} ({sample / sample_rate:.3f} s)"

"""Reading audio files, whole or block by block: what libsndfile reads, and the sound of MP4, Matroska and AAC files."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
import torch
from torch import Tensor

from separator.audio.containers import CONTAINER_SUFFIXES, ContainerFile, container_format
from separator.audio.flac import FlacFile
from separator.audio.opus import OpusFile, has_wrong_times
from separator.errors import InputError

SOUNDFILE_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".rf64", ".au", ".caf")

AUDIO_SUFFIXES = SOUNDFILE_SUFFIXES + CONTAINER_SUFFIXES
"""What a folder is searched for; a file given by name may have any suffix."""

STREAMED_BYTES = (0x7FFFF000, 0x7FFFFFFF, 0x80000000)
"""Data sizes of WAV writers that did not know it: SoX, arecord; others write one of the largest 2^16 numbers."""

UNKNOWN_FRAMES = 1 << 62
"""Frames from here on are libsndfile's word for a FLAC stream that does not say its length."""

BLOCK_SAMPLES = 1 << 18

MOST_BLOCK_VALUES = 1 << 24
"""Samples times channels of a block: a header of a thousand channels makes shorter blocks."""

TAGS = ("title", "artist", "album", "date", "genre", "comment", "copyright", "tracknumber")
"""What is carried over from a recording to its sources, under libsndfile's names."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000
"""Sample rates in Hz that are believed; a damaged header's 1 Hz would turn a second of audio into hours."""


CONTAINER_TOLERANCE_SECONDS = 0.2
"""By which containers misstate how long they are: what a coder adds before and after, and a frame of it."""


class AudioReader:
    """An audio file open for reading, as a context manager.

    Memory is bounded by the block, never by what the file's header promises.

    Args:
        path: The file.

    Raises:
        InputError: If the file is missing, empty, no audio, or holds no samples; while reading, if it is damaged or
            holds a sample that is NaN or infinite.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            found = "a folder" if self.path.is_dir() else "nothing"
            raise InputError(f"{self.path}: expected an audio file, found {found}")
        if self.path.stat().st_size == 0:
            raise InputError(f"{self.path}: expected an audio file, found an empty file (0 bytes)")
        self.damage: str | None = None
        self._ended_at: int | None = None
        self._position = 0  # not every file can tell
        self._file: soundfile.SoundFile | FlacFile | OpusFile | ContainerFile
        try:
            container = container_format(self.path)
            if container in ("mp4", "matroska"):
                self._file = ContainerFile(self.path, container)
            else:
                self._file = self._open(container)
        except (soundfile.LibsndfileError, OSError, TypeError) as error:
            raise InputError(
                f"{self.path}: expected audio (WAV, FLAC, Ogg, Opus, MP3, MP4, WebM, AAC), found something else: "
                f"{reason(error)}"
            ) from None
        if self._file.frames == 0:
            self._file.close()
            raise InputError(f"{self.path}: expected audio, found a file without samples")
        if not LOWEST_RATE <= self._file.samplerate <= HIGHEST_RATE:
            self._file.close()
            raise InputError(
                f"{self.path}: expected a sample rate from {LOWEST_RATE} to {HIGHEST_RATE} Hz, "
                f"found {self._file.samplerate}"
            )

    def _open(self, container: str | None) -> "soundfile.SoundFile | FlacFile | OpusFile | ContainerFile":
        try:
            file = soundfile.SoundFile(native_name(self.path))
            if file.subtype == "OPUS" and has_wrong_times(self.path):
                with file:
                    return OpusFile(self.path, file.samplerate, file.copy_metadata())
            if file.format != "FLAC":
                return file
            if file.frames < UNKNOWN_FRAMES:
                return FlacFile(native_name(self.path), file)
            file.close()  # libsndfile does not find the end of such a FLAC
            return ContainerFile(self.path, "flac")
        except soundfile.LibsndfileError:  # the first bytes of AAC may be those of an MP3
            if container is None:
                raise
            return ContainerFile(self.path, container)

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self._file.channels)

    @property
    def num_samples(self) -> int:
        """Samples a channel that the header promises; a damaged file may hold fewer. 1 where it says nothing."""
        return int(self._file.frames)

    @property
    def length_is_known(self) -> bool:
        """Whether the header says how long the file is; a stream's need not."""
        return not isinstance(self._file, ContainerFile) or self._file.length_is_known

    @property
    def length_tolerance(self) -> int:
        """Samples by which the length in the header of an undamaged file may be off: containers round to a frame."""
        return round(CONTAINER_TOLERANCE_SECONDS * self.sample_rate) if isinstance(self._file, ContainerFile) else 0

    @property
    def is_truncated(self) -> bool:
        """Whether the file holds less than it promises, or is damaged; for some formats known only after reading."""
        if self.damage is not None:
            return True
        if isinstance(self._file, ContainerFile):
            return self._file.is_short()
        if self._file.format == "OGG":
            return not _ends_as_ogg(self.path)
        if self._ended_at is not None and self._ended_at < self.num_samples:
            return True
        # libsndfile's log of a WAV: "data : PROMISED (should be FOUND)"; a stream's size is all ones: not known.
        found = re.search(r"^\s*data\s*:\s*(\d+) \(should be (\d+)\)", str(self._file.extra_info), re.MULTILINE)
        if found is None or int(found[1]) in STREAMED_BYTES or int(found[1]) >= 0xFFFF0000:
            return False
        return int(found[2]) < int(found[1])

    @property
    def tags(self) -> dict[str, str]:
        """Title, artist and the others of `TAGS` that the file has."""
        if isinstance(self._file, ContainerFile):
            found = self._file.metadata
            found.setdefault("tracknumber", found.get("track", ""))
        else:
            found = self._file.copy_metadata()
        return {name: found[name] for name in TAGS if found.get(name)}

    def seek(self, sample: int) -> None:
        """Go on reading at a sample."""
        try:
            self._file.seek(sample)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{self.path}: cannot go to sample {sample}: {reason(error)}") from None
        self._position = sample

    def blocks(self, block_samples: int = BLOCK_SAMPLES, keep_damaged: bool = False) -> Iterator[Tensor]:
        """The rest of the file in blocks `(C, t)`, float32, `t` at most `block_samples`.

        Args:
            block_samples: Samples of a block.
            keep_damaged: Where the file is damaged after some samples, stop there and say so in `damage`, instead of
                raising.
        """
        block_samples = max(1, min(block_samples, MOST_BLOCK_VALUES // self.channels))
        while True:
            try:
                block = self._file.read(block_samples, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, OSError) as error:
                position = self._position
                self.damage = f"damaged after {position / self.sample_rate:.2f} s: {reason(error)}"
                if keep_damaged and position:
                    return
                raise InputError(f"{self.path}: {self.damage}") from None
            if len(block) == 0:
                self._ended_at = self._position
                return
            finite = np.isfinite(block)
            if not finite.all():
                sample = self._position + int(np.argmin(finite.all(axis=1)))
                raise InputError(
                    f"{self.path}: expected finite samples, found NaN or infinity at sample {sample} "
                    f"({sample / self.sample_rate:.3f} s)"
                )
            self._position += len(block)
            yield torch.from_numpy(np.ascontiguousarray(block.T))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_audio(path: Path | str, start: int = 0, num_samples: int | None = None) -> tuple[Tensor, int]:
    """Read a file, or a part of it.

    Args:
        path: The file.
        start: First sample.
        num_samples: Samples to read; None reads to the end. Fewer come back where the file ends.

    Shape:
        Returns `(C, T)` float32 and the sample rate in Hz.

    Raises:
        InputError: As `AudioReader`, or if `start` is not within the file.
    """
    with AudioReader(path) as reader:
        if not 0 <= start < reader.num_samples:
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


def _ends_as_ogg(path: Path) -> bool:
    """Whether the last page of an Ogg file is whole and marked as the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2 * 65307))  # no page is longer
        end = file.read()
    at = end.rfind(b"OggS")
    page = end[at:]
    if at < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return False
    return bool(page[5] & 4) and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def native_name(path: Path) -> str | bytes:
    """A file's name as libsndfile takes it: on POSIX its bytes, which need not be text."""
    return os.fsencode(path) if os.name == "posix" else str(path)


def find_audio(folder: Path) -> list[Path]:
    """The audio files below a folder, by suffix, sorted; a link that leads nowhere is one too, for its reader to name.

    Folders behind links are not entered.

    Raises:
        InputError: If there is none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and not path.name.startswith(".")
        and (path.is_file() or not path.exists())
    )
    if not found:
        raise InputError(f"{folder}: expected a folder with audio files, found none in it")
    return found


def reason(error: Exception) -> str:
    """Why a file could not be read or written, in libsndfile's or the system's words, on one line."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").replace("\n", " ")

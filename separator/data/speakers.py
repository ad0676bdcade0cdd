"""A tree of speakers on disk, and their recordings in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from separator.audio.reading import read_audio
from separator.audio.resampling import resample
from separator.errors import InputError

SPEECH_SUFFIXES = (".flac", ".wav", ".opus", ".ogg")


def find_speakers(folder: Path) -> dict[str, list[Path]]:
    """The files of each speaker below `folder`, both sorted by name.

    Args:
        folder: Holds `SPEAKER/**/*.{flac,wav,opus,ogg}`. A file directly in it is a speaker of its own.

    Raises:
        InputError: If the folder is missing or holds no recording.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of speakers, found {'a file' if folder.exists() else 'nothing'}")
    speakers: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SPEECH_SUFFIXES and path.is_file() and not path.name.startswith("."):
            parts = path.relative_to(folder).parts
            name = parts[0] if len(parts) > 1 else path.stem
            speakers.setdefault(name, []).append(path)
    if not speakers:
        raise InputError(f"{folder}: expected SPEAKER/**/*.{{flac,wav,opus,ogg}}, found no such file")
    return speakers


@dataclass(frozen=True)
class Speaker:
    """One talker's recordings.

    Attributes:
        name: Name of the speaker's folder (or file).
        files: Paths of the recordings, relative to the data root.
        utterances: The recordings as int16 arrays `(T,)` at the set's sample rate, in the order of `files`.
    """

    name: str
    files: tuple[str, ...]
    utterances: tuple[np.ndarray, ...]


def load_recording(path: Path, sample_rate: int) -> np.ndarray:
    """A recording as mono int16 `(T,)` at `sample_rate`: half the memory of float32, below the noise of any microphone.

    Raises:
        InputError: If the file cannot be read.
    """
    waveform, file_rate = read_audio(path)
    waveform = resample(waveform.mean(dim=0), file_rate, sample_rate)
    return (waveform.clamp(-1, 1) * 32767).round().numpy().astype(np.int16)


def load_speakers(
    root: Path, path: str, sample_rate: int, on_file: Callable[[], None] | None = None
) -> tuple[Speaker, ...]:
    """Decode every recording of a set into memory, about 2 bytes a sample.

    Args:
        root: Data root; the speakers' `files` are relative to it.
        path: Folder of speakers below `root`.
        sample_rate: Rate in Hz to deliver.
        on_file: Called after each file, to move a progress bar.

    Raises:
        InputError: If the folder is missing or empty, or a file cannot be read (it is named).
    """
    found = find_speakers(root / path)
    files = [file for recordings in found.values() for file in recordings]

    def load(file: Path) -> np.ndarray:
        samples = load_recording(file, sample_rate)
        if on_file is not None:
            on_file()
        return samples

    with ThreadPoolExecutor() as pool:
        decoded = dict(zip(files, pool.map(load, files), strict=True))
    return tuple(
        Speaker(
            name=name,
            files=tuple(str(file.relative_to(root)) for file in recordings),
            utterances=tuple(decoded[file] for file in recordings),
        )
        for name, recordings in found.items()
    )

"""A tree of speakers on disk, and their recordings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from separator.data.recordings import Recording, load_recordings
from separator.errors import InputError

SPEECH_SUFFIXES = (".flac", ".wav", ".opus", ".ogg")


def find_speakers(folder: Path) -> dict[str, list[Path]]:
    """The files of each speaker below `folder`, both sorted by name.

    Args:
        folder: Holds `SPEAKER/**/*.{flac,wav,opus,ogg}`. A file directly in it is a speaker of its own.

    Raises:
        InputError: If the folder is missing or holds no recording, or mixtures and sources instead of speakers.
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
    folders = {part for files in speakers.values() for file in files for part in file.relative_to(folder).parts[:-1]}
    if {"s1", "s2"} <= folders and any(name == "mix" or name.startswith("mix_") for name in folders):
        raise InputError(
            f"{folder}: expected a folder of speakers, found mixtures and their sources: "
            "name a recipe with data.kind librimix or wsj0_mix"
        )
    return speakers


@dataclass(frozen=True)
class Speaker:
    """One talker's recordings.

    Attributes:
        name: Name of the speaker's folder (or file).
        files: Paths of the recordings, relative to the data root.
        utterances: The recordings, in the order of `files`.
    """

    name: str
    files: tuple[str, ...]
    utterances: tuple[Recording, ...]


def load_speakers(
    root: Path, path: str, sample_rate: int, on_file: Callable[[], None] | None = None
) -> tuple[Speaker, ...]:
    """Open every recording of a set; a small set is decoded into memory.

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
    opened = dict(zip(files, load_recordings(files, sample_rate, on_file), strict=True))
    return tuple(
        Speaker(
            name=name,
            files=tuple(str(file.relative_to(root)) for file in recordings),
            utterances=tuple(opened[file] for file in recordings),
        )
        for name, recordings in found.items()
    )

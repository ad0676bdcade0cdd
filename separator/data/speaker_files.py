"""Trees of talkers on disk, `SPEAKER/**/*.flac`: found and opened."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from separator.audio.finding import find_audio
from separator.data.recordings import Speaker, load_recordings
from separator.errors import InputError

SET_NAME = re.compile(r"((train|training|valid|validation|dev|eval|test)([^a-z].*)?|tr|cv|tt)", re.IGNORECASE)
"""Names that folders of sets have, and talkers don't: train-clean-100, dev, test."""

MANY_FOLDERS = 10
"""Folders in a folder, on average, from which on it is no talker's if there are fewer of it."""


def find_speakers(folder: Path, depth: int | None = None) -> dict[str, list[Path]]:
    """Find the files of each speaker below `folder`, in the order of their paths.

    Args:
        folder: Holds `SPEAKER/**/*.flac`. A file above the folders of the speakers is a speaker of its own.
        depth: At which level of folders the speakers are; None is the first, if the tree does not look otherwise.

    Raises:
        InputError: If the folder is missing or holds no recording, mixtures and sources instead of speakers, or sets of
            speakers.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of speakers, found {'a file' if folder.exists() else 'nothing'}")
    level = depth or 1
    speakers: dict[str, list[Path]] = {}
    paths = [path.relative_to(folder).parts for path in find_audio(folder)]
    for parts in paths:
        name = parts[level - 1] if len(parts) > level else Path(parts[-1]).stem
        speakers.setdefault(name, []).append(folder.joinpath(*parts))
    folders = {part for parts in paths for part in parts[:-1]}
    if {"s1", "s1_anechoic"} & folders and any(name == "mix" or name.startswith("mix_") for name in folders):
        raise InputError(
            f"{folder}: expected a folder of speakers, found mixtures and their sources: "
            "name a recipe with data.kind librimix, wsj0_mix or whamr"
        )
    if depth is None:
        _refuse_sets(folder, paths)
    return speakers


def _refuse_sets(folder: Path, paths: Sequence[tuple[str, ...]]) -> None:
    """Refuse folders of which the first level is likely to hold sets of speakers, each of which would be a speaker.

    Folders in a talker's folder are no sign: LibriSpeech has SPEAKER/CHAPTER/*.flac. What tells a set is that it holds
    no file itself, and another level below these, its name, files named after the folder that they are in, or few
    folders that hold many.
    """
    with_files = {parts[0] for parts in paths if len(parts) == 2}
    inner: dict[str, dict[str, tuple[str, ...]]] = {}  # of each folder the folders in it, with a path of each
    for parts in paths:
        if len(parts) > 2 and parts[0] not in with_files:
            inner.setdefault(parts[0], {}).setdefault(parts[1], parts)
    deep = next((parts for parts in paths if len(parts) > 3 and parts[0] not in with_files), None)
    named = next((next(iter(each.values())) for name, each in inner.items() if SET_NAME.fullmatch(name)), None)
    own = _named_after_inner_folder(inner)
    inner_folders = sum(map(len, inner.values()))
    crowded = inner_folders >= MANY_FOLDERS * len(inner) and inner_folders > len(inner) ** 2
    many = next((next(iter(each.values())) for each in inner.values() if crowded), None)
    if (example := deep or named or own or many) is not None:
        raise InputError(
            f"{folder}: expected a folder for each speaker, found what looks like a folder for each set, "
            f"{'/'.join(example)}: name a folder further down, or say with data.speaker_depth at which level the "
            f"speakers are (1: {example[0]}, 2: {example[1]})"
        )


def _named_after_inner_folder(inner: Mapping[str, Mapping[str, tuple[str, ...]]]) -> tuple[str, ...] | None:
    """Return a path such as `wav48/p225/p225_001.wav` if all are like that, in more than one inner folder."""
    paths = [parts for folders in inner.values() for parts in folders.values()]
    if len(paths) > 1 and all(parts[-1].startswith(parts[1]) and not parts[-1].startswith(parts[0]) for parts in paths):
        return paths[0]
    return None


def load_speakers(
    root: Path,
    path: str,
    sample_rate: int,
    depth: int | None = None,
    on_file: Callable[[], None] | None = None,
) -> tuple[Speaker, ...]:
    """Open every recording of a set; a small set is decoded into memory.

    Args:
        root: Data root; the speakers' `files` are relative to it.
        path: Folder of speakers below `root`.
        sample_rate: Rate in Hz to deliver.
        depth: As for `find_speakers`.
        on_file: Called after each file, to move a progress bar.

    Raises:
        InputError: As `find_speakers`, or if a file cannot be read (it is named).
    """
    found = find_speakers(root / path, depth)
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

"""Finding audio files in a folder, and saying what else is there."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from separator.audio.containers import CONTAINER_SUFFIXES
from separator.audio.formats import container_format
from separator.errors import InputError

SOUNDFILE_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".spx", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".w64", ".rf64", ".au", ".caf", ".voc"),
)

AUDIO_SUFFIXES = SOUNDFILE_SUFFIXES + CONTAINER_SUFFIXES
"""Suffixes that a folder is searched for; a file given by name may have any suffix."""

MOST_KINDS = 5
"""Kinds of other files that are named."""


@dataclass
class FolderContents:
    """Files below a folder, sorted; hidden files are left out.

    Attributes:
        audio: The audio files, by suffix; a link that leads nowhere is one too, for its reader to name.
        others: Everything else, and links to folders that were not entered.
        unreadable: Folders that may not be read, each with the reason.
    """

    audio: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def search_folder(folder: Path, enters_links: bool = False) -> FolderContents:
    """Search a folder and those in it.

    Args:
        folder: Folder to search.
        enters_links: Whether links to folders are entered, unless they lead back to where they are.
    """
    contents = FolderContents()

    def note(error: OSError) -> None:
        contents.unreadable.append((Path(os.fsdecode(error.filename or folder)), error.strerror or str(error)))

    for parent, folders, names in os.walk(folder, onerror=note, followlinks=enters_links):
        links = [Path(parent, name) for name in folders if os.path.islink(os.path.join(parent, name))]
        left = [link for link in links if not enters_links or Path(parent).resolve().is_relative_to(link.resolve())]
        contents.others += left
        folders[:] = [name for name in folders if Path(parent, name) not in left]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            is_file = os.path.isfile(path) or not os.path.exists(path)
            is_audio = is_file and path.suffix.lower() in AUDIO_SUFFIXES and not _is_program(path)
            (contents.audio if is_audio else contents.others).append(path)
    contents.audio.sort()
    contents.others.sort()
    contents.unreadable.sort()
    return contents


def _is_program(path: Path) -> bool:
    """Tell whether a `.ts` is TypeScript, and no MPEG transport stream."""
    if path.suffix.lower() != ".ts":
        return False
    try:
        with path.open("rb") as file:
            return container_format(file) is None
    except OSError:  # its reader says so
        return False


def find_audio(folder: Path) -> list[Path]:
    """Find the audio files below a folder, also behind links, as `search_folder` does, but in no hidden folder.

    Raises:
        InputError: If there is none, or a folder that may not be read.
    """
    contents = search_folder(folder, enters_links=True)
    if contents.unreadable and folder.is_dir():
        path, why = contents.unreadable[0]
        raise InputError(f"{path}: cannot read this folder: {why}")
    audio = [
        path for path in contents.audio if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not audio:
        raise InputError(f"{folder}: expected a folder with audio files, found none in it")
    return audio


def check_seen(paths: Iterable[Path]) -> None:
    """Raise InputError if this machine, one of several that share folders, does not see one of them."""
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: expected what all machines of the cluster see, found nothing")


def list_folder(folder: Path) -> list[Path]:
    """Return what is directly in a folder, sorted; hidden files and folders are left out.

    Raises:
        InputError: If the folder may not be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot read this folder: {error.strerror}") from None


def files_by_stem(folder: Path, suffixes: tuple[str, ...] = AUDIO_SUFFIXES) -> dict[str, Path]:
    """Return the audio files directly in a folder, sorted, by their names without suffix.

    Hidden files, folders and files of other kinds are left out.

    Args:
        folder: Folder to look in.
        suffixes: Suffixes in small letters that a file may have.

    Raises:
        InputError: If the folder may not be read, or two files differ in suffix alone.
    """
    found: dict[str, Path] = {}
    for path in list_folder(folder):
        if path.suffix.lower() in suffixes and not path.is_dir():
            if path.stem in found:
                raise second_file(path.stem, path, found[path.stem])
            found[path.stem] = path
    return found


def second_file(name: str, path: Path, other: Path) -> InputError:
    """Return the error of two files where one is expected; it names both."""
    return InputError(f"{path}: expected one file for {name}, found {other.name} too")


def count_kinds(paths: Iterable[PurePath]) -> str:
    """Return how many files there are of each kind, in words: `2 .txt, 1 .jpg`."""
    kinds = Counter(_kind(path) for path in paths)
    named = [f"{number} {kind}" for kind, number in kinds.most_common(MOST_KINDS)]
    rest = sum(kinds.values()) - sum(number for _, number in kinds.most_common(MOST_KINDS))
    return ", ".join([*named, *([f"{rest} others"] if rest else [])])


def _kind(path: PurePath) -> str:
    if os.path.isdir(path):
        return "linked folder"
    if os.path.exists(path) and not os.path.isfile(path):
        return "pipe or device"
    return path.suffix.lower() or "without a suffix"

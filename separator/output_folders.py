"""Folders that results go to: named, found outside of the data, made, and found writable."""

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath

from separator.errors import InputError


def folder_name(path: PurePath) -> str:
    """Return the name of the folder for a recording's sources: its own without the suffix.

    The stem of `...wav` is `..`, which as a folder would lead out of the output folder: such a name is kept whole.
    """
    return path.stem if path.stem.strip(".") else f"_{path.name}"


def check_within(folder: Path, root: Path) -> None:
    """Raise InputError if a link leads from the output folder `root` to a `folder` outside of it."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{folder}: expected a folder in {root}, found a link that leads out of it")


def check_outside(folder: Path, data: Iterable[Path]) -> None:
    """Raise InputError if a folder for results is one of those that hold data, or lies in one."""
    for each in data:
        if folder.resolve().is_relative_to(each.resolve()):
            raise InputError(f"{folder}: expected a folder for results outside of the data, found it in {each}")


def make_folder(folder: Path) -> list[Path]:
    """Make the folder and its parents, and return those that were not there before, innermost first.

    Raises:
        InputError: If it cannot be made.
    """
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        with suppress(FileNotFoundError):  # another thread may just have removed a parent that it had made
            folder.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        in_the_way = next((each for each in (folder, *folder.parents) if each.exists() and not each.is_dir()), None)
        if in_the_way is not None:
            raise _file_in_the_way(folder, in_the_way) from None
        raise InputError(f"{folder}: cannot make this folder: {error.strerror or error}") from None
    return missing


def check_writable(folder: Path) -> None:
    """Make a folder and, for a moment, a file in it: what cannot be written is found before any work.

    Raises:
        InputError: If it cannot be made or written.
    """
    made = make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot write in the output folder: {error.strerror or error}") from None
    finally:
        for each in made:
            with suppress(OSError):
                each.rmdir()


def existing_folder(folder: Path) -> Path:
    """Return a folder, or the innermost of its parents that is there.

    Raises:
        InputError: If that is a file.
    """
    found = next(each for each in (folder, *folder.parents) if each.exists())
    if not found.is_dir():
        raise _file_in_the_way(folder, found)
    return found


def _file_in_the_way(folder: Path, found: Path) -> InputError:
    """Return the error of a file where an output folder, or a parent of it, is to be."""
    return InputError(f"{folder}: expected a folder, found a file{'' if found == folder else f': {found}'}")

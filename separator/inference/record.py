"""The record beside a recording's sources: what they were made from, and how, so that a later run knows its own."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from separator import __version__
from separator.errors import InputError

RECORD_NAME = ".separation.json"

MOST_BYTES = 1_000_000
"""A larger file of that name is none of ours."""


class Stamp(BaseModel):
    """State of a file: size in bytes, when it was changed (nanoseconds since 1970), and SHA-256 where that is known."""

    size: int
    modified: int
    sha256: str | None = None

    def is_of(self, path: Path) -> bool:
        """Return whether a file is the same: of its size and time, or of its size and content."""
        try:
            found = stamp(path)
            if found.size != self.size:
                return False
            return found.modified == self.modified or (self.sha256 is not None and digest(path) == self.sha256)
        except OSError:
            return False


class Record(BaseModel):
    """Record of what the sources in a folder were made from, and how.

    Attributes:
        separator: Version of this package.
        input: The recording.
        options: Whatever else decides what the sources are.
        outputs: Each file, by its path from the record's folder, with `/`.
    """

    separator: str = __version__
    input: Stamp
    options: dict[str, Any]
    outputs: dict[str, Stamp]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(self.model_dump(), indent=2) + "\n", encoding="utf-8")

    def paths(self, folder: Path) -> dict[Path, Stamp]:
        """Return the outputs by path, of a record in `folder`; what lies elsewhere, or a link leads to, is none."""
        root = folder.resolve()
        return {
            folder / name: made
            for name, made in self.outputs.items()
            if Path(name).name and not Path(name).anchor and (folder / name).resolve() == root / name
        }

    def stale(self, folder: Path, targets: Iterable[Path]) -> list[Path]:
        """Return the outputs of a record in `folder` that are still as they were made and are none of `targets`."""
        kept = set(targets)
        return [path for path, made in self.paths(folder).items() if path not in kept and made.is_of(path)]


def files_on_record(folder: Path) -> set[Path]:
    """Return what the records in a folder tell of: `.separation.json`, and `.STEM.separation.json`."""
    try:
        found = [path for path in folder.iterdir() if path.name.startswith(".") and path.name.endswith(RECORD_NAME)]
    except OSError:
        return set()
    records = [record for path in found if (record := read_record(path)) is not None]
    return {path for record in records for path in record.paths(folder)}


def read_record(path: Path) -> Record | None:
    """Read a record; None where there is none that can be read."""
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return None
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def recorded_paths(path: Path) -> set[Path]:
    """Return where the outputs are that a record tells of; empty without one."""
    record = read_record(path)
    return set() if record is None else set(record.paths(path.parent))


def stamp(path: Path) -> Stamp:
    """Return the size and time of a file.

    Raises:
        OSError: If there is none.
    """
    found = path.stat()
    return Stamp(size=found.st_size, modified=found.st_mtime_ns)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def input_stamp(path: Path) -> Stamp:
    """Return size, time and content of a recording.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        return stamp(path).model_copy(update={"sha256": digest(path)})
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None


def are_done(path: Path, targets: Iterable[Path], record_path: Path, options: dict[str, Any]) -> bool:
    """Return whether the sources of a recording are all there, made from what it is now, with these options."""
    record = read_record(record_path)
    if record is None or record.options != options:
        return False
    made = record.paths(record_path.parent)
    if set(made) != set(targets):
        return False
    try:
        is_whole = all(stamp(target).size == each.size for target, each in made.items())
    except OSError:
        return False
    return is_whole and record.input.is_of(path)

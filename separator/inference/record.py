"""The record beside a recording's sources: what they were made from, and how, so that a later run knows its own."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from separator import __version__
from separator.audio.bit_depth import AudioFormat, BitDepth, subtype_of
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
        outputs: Each file, by its name in the folder.
    """

    separator: str = __version__
    input: Stamp
    options: dict[str, Any]
    outputs: dict[str, Stamp]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(self.model_dump(), indent=2) + "\n", encoding="utf-8")

    def stale(self, folder: Path, targets: Iterable[Path]) -> list[Path]:
        """Return the outputs in `folder` that are still as they were made and are none of `targets`."""
        kept = {target.name for target in targets}
        paths = [folder / name for name in self.outputs if name not in kept and Path(name).name == name]
        return [path for path in paths if not path.is_symlink() and self.outputs[path.name].is_of(path)]


def read_record(folder: Path) -> Record | None:
    """Read the record in a folder; None where there is none that can be read."""
    path = folder / RECORD_NAME
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            return None
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def recorded_outputs(folder: Path) -> set[str]:
    """Return the names of the outputs that the record in a folder tells of; empty without one."""
    record = read_record(folder)
    return set() if record is None else set(record.outputs)


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


def options_of(
    settings: dict[str, Any], audio_format: AudioFormat, bit_depth: BitDepth | None, mono: bool, residual: bool
) -> dict[str, Any]:
    """Return what decides the sources of a recording, as plain values; `settings` are those of its Separator."""
    return settings | {
        "format": audio_format,
        "subtype": subtype_of(audio_format, bit_depth),
        "mono": mono,
        "residual": residual,
    }


def are_done(path: Path, targets: Iterable[Path], options: dict[str, Any]) -> bool:
    """Return whether the sources of a recording are all there, made from what it is now, with these options."""
    files = list(targets)
    record = read_record(files[0].parent)
    if record is None or record.options != options or set(record.outputs) != {target.name for target in files}:
        return False
    try:
        is_whole = all(stamp(target).size == record.outputs[target.name].size for target in files)
    except OSError:
        return False
    return is_whole and record.input.is_of(path)

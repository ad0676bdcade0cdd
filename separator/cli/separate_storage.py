"""Recordings that come from a storage, or whose sources go to one, by way of files of this machine."""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from separator.cli.separate_report import SeparationOutcome
from separator.cluster.storage import Storage
from separator.cluster.urls import UrlPath
from separator.errors import InputError

TEMPORARY = "separator-"
"""Beginning of the names of folders for recordings that come from a storage."""


@dataclass(frozen=True)
class StorageCopy:
    """Files of this machine in the place of those of a storage.

    Attributes:
        path: The recording, as it was given.
        folder: For its sources.
        output: The output folder.
        file: The recording here.
        here: The output folder here: itself, if it is no URL.
        check: Called between files; what it raises ends the work.
    """

    path: PurePath
    folder: PurePath
    output: PurePath
    file: Path
    here: Path
    check: Callable[[], None]

    @property
    def folder_here(self) -> Path:
        """Return the folder for the sources here."""
        return self.here / self.folder.relative_to(self.output)

    def mirror(self, record: Path) -> None:
        """Put what tells whether there is something to do in the place of recording and outputs.

        That is empty files of their sizes and times, and their record.

        Args:
            record: Where the record is to be here.
        """
        if isinstance(self.path, UrlPath):
            Storage(self.path).mirror(self.path, self.file)
        if isinstance(self.output, UrlPath):
            _mirror_outputs(Storage(self.output), self.output / record.relative_to(self.here), record)

    def fetch(self) -> None:
        """Bring the recording here, and remove what `mirror` made of outputs."""
        if isinstance(self.output, UrlPath):
            shutil.rmtree(self.here, ignore_errors=True)
        if isinstance(self.path, UrlPath):
            Storage(self.path).fetch(self.path, self.file, self.check)

    def put(self, outcome: SeparationOutcome) -> SeparationOutcome:
        """Bring what was made to the output folder, and return the outcome with the paths there."""
        if not isinstance(self.output, UrlPath):
            return outcome
        if outcome.result is None:
            message = outcome.error or ""  # never skipped: that was looked for before
            return replace(outcome, error=message.replace(str(self.here), str(self.output)))
        made = [each for each in self.here.rglob("*") if each.is_file()]
        Storage(self.output).put({self.output / each.relative_to(self.here): each for each in made}, self.check)
        return replace(outcome, result=replace(outcome.result, outputs=self.there(outcome.result.outputs)))

    def there(self, outputs: dict[str, Path]) -> dict[str, Any]:
        """Return where outputs that were made here are in the output folder."""
        return {name: self.output / path.relative_to(self.here) for name, path in outputs.items()}


@contextmanager
def copy_of(
    path: PurePath, file: Path | None, folder: PurePath, output: PurePath, check: Callable[[], None]
) -> Iterator[StorageCopy]:
    """Give files for a recording, in a temporary folder, as of `StorageCopy`."""
    name = f"{TEMPORARY}{platform.node()}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=name, ignore_cleanup_errors=True) as temporary:
        if file is None:
            file = Path(temporary) / f"recording{path.suffix[:16]}" if isinstance(path, UrlPath) else Path(path)
        here = Path(temporary) / "outputs" if isinstance(output, UrlPath) else Path(output)
        yield StorageCopy(path, folder, output, file, here, check)


def remove_copies_of_the_dead() -> None:
    """Remove what workers of this machine left that were killed."""
    begin = f"{TEMPORARY}{platform.node()}-"
    for folder in Path(tempfile.gettempdir()).glob(f"{begin}*-*"):
        try:
            os.kill(int(folder.name.removeprefix(begin).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OSError):  # no such folder, or of another user
            continue


def _mirror_outputs(storage: Storage, path: UrlPath, copy: Path) -> None:
    """Copy a record from a storage, and make empty files of the sizes of the outputs that it tells of."""
    record = storage.read_record(path)
    if record is None:
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    record.write(copy)
    for output in record.paths(copy.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            storage.mirror(path.parent / output.relative_to(copy.parent), output)
        except InputError:  # it is not there
            continue

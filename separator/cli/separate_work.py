"""The work of `separator separate` on one recording, wherever it lies, and on whichever machine."""

import argparse
import glob
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from separator.audio.finding import check_seen
from separator.cli.separate_report import SeparationOutcome
from separator.cluster.urls import UrlPath, is_url
from separator.errors import InputError, describe
from separator.inference import Separator
from separator.inference.excerpt import OnSeconds
from separator.inference.interrupting import check_between_layers
from separator.inference.output_names import AnyPath, choose_outputs, name_outputs, record_path

if TYPE_CHECKING:
    from separator.cluster.storage import Storage

TEMPORARY = "separator-"
"""Beginning of the names of folders for recordings that come from a storage."""


@dataclass(frozen=True)
class Recording:
    """A recording to separate.

    Attributes:
        path: As it was given.
        folder: For its sources.
        file: Where it lies, if that is not its path.
    """

    path: PurePath
    folder: PurePath
    file: Path | None = None


@dataclass
class SeparationWork:
    """What is done with each recording, here or on a worker of a cluster, which gets all of this once.

    Attributes:
        args: The command's options.
        separator: The model.
        options: How a file is separated, as `separator.inference.files.separate_file` takes it.
        separate: Separates a file of this machine: args, model, the recording's path, file and folder, options, and who
            is told how it goes.
        find_existing: Returns the outputs that are there already: args, model, file, folder and options.
        shared: What a machine has to see to take part.
    """

    args: argparse.Namespace
    separator: Separator
    options: dict[str, Any]
    separate: Callable[..., SeparationOutcome]
    find_existing: Callable[..., dict[str, Path] | None]
    shared: tuple[Path, ...] = ()

    def begin(self, check: Callable[[], None]) -> None:
        """Get ready on a worker, which gives up a recording when `check` raises.

        Raises:
            InputError: If this machine does not see the inputs or the output folder.
        """
        check_seen(self.shared)
        check_between_layers(self.separator, check)
        _remove_temporary_of_the_dead()

    def do(self, recording: Recording, on_seconds: OnSeconds, again: bool = False) -> SeparationOutcome:
        """Separate a recording; what an earlier worker had done before it died is not done `again`."""
        args = argparse.Namespace(**vars(self.args) | {"skip_existing": self.args.skip_existing or again})
        if is_url(recording.path) or is_url(recording.folder):
            try:
                return self._through_storage(args, recording, on_seconds)
            except Exception as error:
                return SeparationOutcome(recording.path, error=describe(error))
        file = recording.file or recording.path
        return self.separate(args, self.separator, recording.path, file, recording.folder, self.options, on_seconds)

    def clear(self, recording: Recording) -> None:
        """Remove what a worker that died at a recording has left beside its outputs."""
        if isinstance(recording.folder, UrlPath):
            from separator.cluster.storage import Storage

            Storage(recording.folder).clear(self._files(recording.folder))
            return
        for target in self._files(Path(recording.folder)):
            for half in target.parent.glob(f".{glob.escape(target.name)}.*.partial*"):
                half.unlink(missing_ok=True)

    def _files(self, folder: AnyPath) -> list[AnyPath]:
        """Return where the outputs of a recording, and their record, are to be."""
        chosen = choose_outputs(self.separator.possible_names(self.args.residual), self.args.only)
        outputs = name_outputs(self.options["name"], folder, chosen, self.args.format)
        return [*outputs.values(), record_path(self.options["name"], folder)]

    def _through_storage(
        self, args: argparse.Namespace, recording: Recording, on_seconds: OnSeconds
    ) -> SeparationOutcome:
        """Separate a recording that comes from a storage, or goes to one, by way of files of this machine."""
        from separator.cluster.storage import Storage

        path, folder = recording.path, recording.folder

        def check() -> None:
            on_seconds(0, 0)

        with _temporary_folder() as temporary:
            file = recording.file or path
            if isinstance(path, UrlPath):
                file = temporary / f"recording{path.suffix[:16]}"
            if isinstance(folder, UrlPath):
                args.output = temporary / "outputs"
            here = args.output / folder.relative_to(self.args.output)
            if args.skip_existing:
                if isinstance(path, UrlPath):
                    Storage(path).mirror(path, Path(file))
                if isinstance(folder, UrlPath):
                    record = record_path(self.options["name"], here)
                    _mirror_outputs(Storage(folder), self.args.output / record.relative_to(args.output), record)
                if (existing := self.find_existing(args, self.separator, file, here, self.options)) is not None:
                    return SeparationOutcome(path, existing=_there(existing, args.output, self.args.output))
                if isinstance(folder, UrlPath):
                    shutil.rmtree(args.output, ignore_errors=True)
            if isinstance(path, UrlPath):
                Storage(path).fetch(path, Path(file), check)
            args.skip_existing = False
            outcome = self.separate(args, self.separator, path, file, here, self.options, on_seconds)
            if not isinstance(folder, UrlPath):
                return outcome
            if outcome.result is None:
                message = outcome.error or ""  # never skipped: that was looked for above
                return replace(outcome, error=message.replace(str(args.output), str(self.args.output)))
            made = [each for each in args.output.rglob("*") if each.is_file()]
            Storage(folder).put({self.args.output / each.relative_to(args.output): each for each in made}, check)
            there = _there(outcome.result.outputs, args.output, self.args.output)
            return replace(outcome, result=replace(outcome.result, outputs=there))


def _there(outputs: dict[str, Path], here: Path, output: PurePath) -> dict[str, Any]:
    """Return where outputs that were made in a folder here are in the output folder."""
    return {name: output / path.relative_to(here) for name, path in outputs.items()}


def _mirror_outputs(storage: "Storage", path: UrlPath, copy: Path) -> None:
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


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    name = f"{TEMPORARY}{platform.node()}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=name, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _remove_temporary_of_the_dead() -> None:
    """Remove what workers of this machine left that were killed."""
    begin = f"{TEMPORARY}{platform.node()}-"
    for folder in Path(tempfile.gettempdir()).glob(f"{begin}*-*"):
        try:
            os.kill(int(folder.name.removeprefix(begin).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, OSError):  # no such folder, or of another user
            continue

"""The work of `separator separate` on one recording, wherever it lies, and on whichever machine."""

import argparse
import glob
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from separator.audio.finding import check_seen
from separator.cli.separate_report import SeparationOutcome
from separator.cli.standard_input import stream_name
from separator.cluster.urls import UrlPath, is_url
from separator.errors import InputError, describe
from separator.inference import Separator
from separator.inference.excerpt import OnSeconds
from separator.inference.file_options import FileOptions
from separator.inference.files import find_targets, separate_file
from separator.inference.interrupting import check_between_layers
from separator.inference.output_names import AnyPath
from separator.inference.record import are_done, recorded_paths
from separator.inference.talkers import TalkerSeparator


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
        options: How a file is separated.
        shared: What a machine has to see to take part.
    """

    args: argparse.Namespace
    separator: Separator | TalkerSeparator
    options: FileOptions
    shared: tuple[Path, ...] = ()

    def begin(self, check: Callable[[], None]) -> None:
        """Get ready on a worker, which gives up a recording when `check` raises.

        Raises:
            InputError: If this machine does not see the inputs or the output folder.
        """
        from separator.cli.separate_storage import remove_copies_of_the_dead

        check_seen(self.shared)
        check_between_layers(self.separator, check)
        remove_copies_of_the_dead()

    def do(self, recording: Recording, on_seconds: OnSeconds, again: bool = False) -> SeparationOutcome:
        """Separate a recording; what an earlier worker had done before it died is not done `again`."""
        may_skip = self.args.skip_existing or again
        if is_url(recording.path) or is_url(recording.folder):
            try:
                return self._through_storage(recording, on_seconds, may_skip)
            except Exception as error:
                return SeparationOutcome(recording.path, error=describe(error))
        file, folder = recording.file or Path(recording.path), Path(recording.folder)
        return self._separate(recording.path, file, folder, self.args.output, on_seconds, may_skip)

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
        outputs = self.options.outputs(self.separator.possible_names(self.options.residual), folder)
        return [*outputs.values(), self.options.record_path(folder)]

    def _through_storage(self, recording: Recording, on_seconds: OnSeconds, may_skip: bool) -> SeparationOutcome:
        """Separate a recording that comes from a storage, or goes to one, by way of files of this machine."""
        from separator.cli.separate_storage import copy_of

        def check() -> None:
            on_seconds(0, 0)

        path = recording.path
        with copy_of(path, recording.file, recording.folder, self.args.output, check) as copy:
            if may_skip:
                copy.mirror(self.options.record_path(copy.folder_here))
                if (existing := self._find_existing(copy.file, copy.folder_here, copy.here)) is not None:
                    return SeparationOutcome(path, existing=copy.there(existing))
            copy.fetch()
            return copy.put(self._separate(path, copy.file, copy.folder_here, copy.here, on_seconds))

    def _find_existing(self, file: Path, folder: Path, root: Path) -> dict[str, Path] | None:
        """Return the outputs of a recording if they are there, made in the way that is asked for.

        Raises:
            InputError: If a link leads out of the output folder.
        """
        outputs, record = find_targets(self.separator, folder, self.options, root)
        made_as = self.options.made_as(self.separator.settings)
        if self.args.talkers is not None or (self.args.enrol and not self.args.only):  # who was heard, the record knows
            recorded = recorded_paths(record)
            outputs = {name: output for name, output in outputs.items() if output in recorded}
        return outputs if are_done(file, outputs.values(), record, made_as) else None

    def _separate(
        self, path: PurePath, file: Path, folder: Path, root: Path, on_seconds: OnSeconds, may_skip: bool = False
    ) -> SeparationOutcome:
        """Separate a recording that was given as `path` and lies in `file`, unless its outputs are there."""
        started = time.perf_counter()
        try:
            if may_skip and (existing := self._find_existing(file, folder, root)) is not None:
                return SeparationOutcome(path, existing=existing)
            return SeparationOutcome(path, separate_file(self.separator, file, folder, self.options, on_seconds, root))
        except Exception as error:  # whatever is wrong with one file must not lose the others
            if self.args.debug:
                traceback.print_exc()
            message = describe(error)
            if file != path:
                message = message.replace(str(file), stream_name(path) if isinstance(path, Path) else str(path))
            elif not isinstance(error, InputError):
                message = f"{path}: {message}"
            return SeparationOutcome(path, error=message, failed_after=time.perf_counter() - started)

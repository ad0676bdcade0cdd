"""The files of one recording's sources: all of them with their record, or none."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from separator.audio.reading import AudioReader
from separator.audio.writing import AudioWriter, common_gain
from separator.errors import InputError
from separator.inference.file_options import FileOptions
from separator.inference.record import Record, read_record, stamp
from separator.output_folders import make_folder
from separator.replacing import bring_to_disk, remove_leftovers, temporary_name


class OutputFiles:
    """The files of a recording, as a context manager: all of them are there in the end, or none.

    Args:
        reader: The recording.
        targets: Where its sources are to be; their folders are made if they are missing.
        record_path: Where their record is to be, in a folder that holds them or theirs.
        channels: Channels of each.
        options: Of which the format, its bit depth and bit rate count here.
        expected: Samples of each; 0 where it is not known.
        record: What they are made from and how; it gets its outputs here.
        document: Where a text about the sources is to be; None without one.

    Raises:
        InputError: If they cannot be written.
    """

    def __init__(
        self,
        reader: AudioReader,
        targets: list[Path],
        record_path: Path,
        channels: int,
        options: FileOptions,
        expected: int,
        record: Record,
        document: Path | None = None,
    ) -> None:
        self.reader = reader
        self.record = record
        self.targets = targets
        self.channels = channels
        self.options = options
        self.expected = expected
        self.writers: list[AudioWriter] = []
        self.done = False
        self._token = secrets.token_hex(4)
        self._made: list[Path] = []
        self._record_path = record_path
        self._documents = [] if document is None else [document]
        self._record_written = False

    def __enter__(self) -> "OutputFiles":
        reader = self.reader
        try:
            files = (*self.targets, *self._documents, self._record_path)
            for folder in dict.fromkeys(path.parent for path in files):
                self._made[:0] = make_folder(folder)  # innermost first
                remove_leftovers(folder, [path.name for path in files])
            for target in self.targets:
                self.writers.append(
                    AudioWriter(
                        target,
                        reader.sample_rate,
                        self.channels,
                        self.options.audio_format,
                        self.expected,
                        self.options.bit_depth,
                        reader.tags,
                        self._token,
                        self.options.bit_rate,
                    )
                )
        except BaseException:
            self._end()
            raise
        return self

    def commit(self, check: Callable[[], None], text: str = "") -> float:
        """Bring all to disk under their names, and return the gain they needed.

        Args:
            check: Called now and then; what it raises ends the work.
            text: What the document holds.
        """
        gain = common_gain(self.writers)
        for writer in self.writers:
            writer.finish(gain, check)
        for document in self._documents:
            self._write(document, text)
        self._begin_moves()
        for writer in self.writers:
            writer.commit()
        for document in self._documents:
            temporary_name(document, self._token).replace(document)
        self.done = True
        return gain

    def _write(self, document: Path, text: str) -> None:
        temporary = temporary_name(document, self._token)
        try:
            temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
            bring_to_disk(temporary)
        except OSError as error:
            raise InputError(f"{document}: cannot write: {error.strerror}") from None

    def _begin_moves(self) -> None:
        """Put the record in its place, and remove what it does not tell of: a kill leaves no sources of two runs."""
        folder = self._record_path.parent
        temporary = temporary_name(self._record_path, self._token)
        try:
            self.record.outputs |= {
                writer.target.relative_to(folder).as_posix(): stamp(writer.temporary) for writer in self.writers
            }
            for each in self._documents:
                self.record.outputs[each.relative_to(folder).as_posix()] = stamp(temporary_name(each, self._token))
            self.record.write(temporary)
            earlier = read_record(self._record_path)
            made = self.targets + self._documents
            stale = [] if earlier is None else earlier.stale(folder, made)
            for each in [path for path in stale if not path.samefile(self.reader.path)] + made:
                each.unlink(missing_ok=True)
            temporary.replace(self._record_path)
            self._record_written = True
        except OSError as error:
            raise InputError(f"{self._record_path}: cannot write: {error.strerror}") from None

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        for writer in self.writers:
            writer.discard()
            if not self.done and writer.committed:  # some sources alone would look like a result
                writer.target.unlink(missing_ok=True)
        if not self.done and self._record_written:
            self._record_path.unlink(missing_ok=True)
        for target in (
            *self.targets,
            *self._documents,
            self._record_path,
        ):  # a signal may come before a writer is in the list
            with suppress(NotADirectoryError):  # a file is in the place of the folder
                temporary_name(target, self._token).unlink(missing_ok=True)
        if not self.done:
            for each in self._made:
                with suppress(OSError):  # not empty, or gone
                    each.rmdir()

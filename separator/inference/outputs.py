"""The files of one recording's sources: all of them with their record, or none."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from separator.audio.bit_depth import AudioFormat, BitDepth
from separator.audio.reading import AudioReader
from separator.audio.writing import AudioWriter, common_gain
from separator.errors import InputError
from separator.inference.output_folders import make_folder
from separator.inference.record import RECORD_NAME, Record, read_record, stamp
from separator.replacing import bring_to_disk, remove_leftovers, temporary_name


class OutputFiles:
    """The files of a recording, as a context manager: all of them are there in the end, or none.

    Args:
        reader: The recording.
        targets: Where its sources are to be, all in one folder, which is made if it is missing.
        channels: Channels of each.
        audio_format: As of `AudioWriter`.
        bit_depth: As of `AudioWriter`.
        record: What they are made from and how; it gets its outputs here.
        document: Where a text about the sources is to be, in the same folder; None without one.

    Raises:
        InputError: If they cannot be written.
    """

    def __init__(
        self,
        reader: AudioReader,
        targets: list[Path],
        channels: int,
        audio_format: AudioFormat,
        bit_depth: BitDepth | None,
        record: Record,
        document: Path | None = None,
    ) -> None:
        self.reader = reader
        self.document = document
        self.record = record
        self.targets = targets
        self.channels = channels
        self.audio_format = audio_format
        self.bit_depth = bit_depth
        self.writers: list[AudioWriter] = []
        self.done = False
        self._token = secrets.token_hex(4)
        self._made: list[Path] = []
        self._record_path = targets[0].with_name(RECORD_NAME)
        self._documents = [] if document is None else [document]
        self._record_written = False

    def __enter__(self) -> "OutputFiles":
        reader = self.reader
        try:
            self._made = make_folder(self.targets[0].parent)
            folder = self._record_path.parent
            remove_leftovers(folder, [path.name for path in self._all])
            expected = reader.num_samples if reader.length_is_known else 0
            for target in self.targets:
                self.writers.append(
                    AudioWriter(
                        target,
                        reader.sample_rate,
                        self.channels,
                        self.audio_format,
                        expected,
                        self.bit_depth,
                        reader.tags,
                        self._token,
                    )
                )
        except BaseException:
            self._end()
            raise
        return self

    @property
    def _all(self) -> Sequence[Path]:
        return (*self.targets, *self._documents, self._record_path)

    def commit(self, check: Callable[[], None], write_document: Callable[[Path], None] | None = None) -> float:
        """Bring all to disk under their names, and return the gain they needed.

        Args:
            check: Called now and then; what it raises ends the work.
            write_document: Writes the text to the path that it is called with.
        """
        gain = common_gain(self.writers)
        for writer in self.writers:
            writer.finish(gain, check)
        try:
            for document in self._documents if write_document is not None else ():
                write_document(temporary_name(document, self._token))
                bring_to_disk(temporary_name(document, self._token))
            self._begin_moves()
            for writer in self.writers:
                writer.commit()
            for document in self._documents:
                temporary_name(document, self._token).replace(document)
        except OSError as error:
            raise InputError(f"{self.document}: cannot write: {error.strerror}") from None
        self.done = True
        return gain

    def _begin_moves(self) -> None:
        """Put the record in its place, and remove what it does not tell of: a kill leaves no sources of two runs."""
        folder = self._record_path.parent
        temporary = temporary_name(self._record_path, self._token)
        try:
            self.record.outputs |= {writer.target.name: stamp(writer.temporary) for writer in self.writers}
            for each in self._documents:
                self.record.outputs[each.name] = stamp(temporary_name(each, self._token))
            self.record.write(temporary)
            earlier = read_record(folder)
            kept = [*self.targets, *self._documents]
            stale = [] if earlier is None else earlier.stale(folder, kept)
            for each in [path for path in stale if not path.samefile(self.reader.path)] + kept:
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
        for target in self._all:  # a signal may come before a writer is in the list
            with suppress(NotADirectoryError):  # a file is in the place of the folder
                temporary_name(target, self._token).unlink(missing_ok=True)
        if not self.done:
            for each in self._made:
                with suppress(OSError):  # not empty, or gone
                    each.rmdir()

"""A tree of audio converted once into what training reads fast: the same tree at one rate, with an index."""

import csv
import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from separator.audio.finding import second_file
from separator.audio.opening import native_name
from separator.audio.reading import AudioReader
from separator.audio.resampling import StreamResampler
from separator.audio.writing import check_whole, write_reason
from separator.data.index import FIELDS, INDEX_NAME, IndexRow, read_rows
from separator.data.song_files import STEM_TRACKS, is_stem_file, song_name
from separator.errors import InputError
from separator.output_folders import check_outside, make_folder
from separator.replacing import remove_leftovers, replace_file, replace_table

HASH_BYTES = 1 << 20


@dataclass(frozen=True)
class Conversion:
    """One file to write.

    Attributes:
        source: The file that is read.
        target: Where it goes, relative to the prepared tree.
        track: Which of its audio tracks, from 0.
    """

    source: Path
    target: Path
    track: int = 0


@dataclass(frozen=True)
class ConversionResult:
    """What became of a conversion.

    Attributes:
        conversion: The conversion.
        row: Its line of the index; None if it failed.
        error: Why it failed.
        was_there: Whether an earlier call had done it.
        clipped: Samples that resampling lifted over full scale and that were limited to it.
    """

    conversion: Conversion
    row: IndexRow | None = None
    error: str = ""
    was_there: bool = False
    clipped: int = 0


def plan_conversions(root: Path, files: Iterable[Path], suffix: str) -> list[Conversion]:
    """Return a conversion for each audio file, and for every signal of a `.stem.mp4`.

    Args:
        root: The data set.
        files: Audio files below it.
        suffix: ".flac" or ".wav", of the files to write.

    Raises:
        InputError: If a file is not below the root, or two would be written to one place.
    """
    conversions: list[Conversion] = []
    for path in files:
        if not path.is_relative_to(root) or ".." in path.relative_to(root).parts:
            raise InputError(f"{path}: expected files below {root}, whose place the prepared tree keeps, found another")
        place = path.relative_to(root)
        if is_stem_file(path):
            folder = place.parent / song_name(path)
            conversions += [
                Conversion(path, folder / f"{name}{suffix}", track) for track, name in enumerate(STEM_TRACKS)
            ]
        else:
            conversions.append(Conversion(path, place.with_suffix(suffix)))
    sources: dict[Path, Path] = {}
    for each in conversions:
        if each.target in sources:
            raise second_file(each.target.stem, each.source, sources[each.target])
        sources[each.target] = each.source
    return conversions


def prepare(
    root: Path,
    output: Path,
    sample_rate: int,
    conversions: Sequence[Conversion],
    tables: Iterable[Path] = (),
    jobs: int | None = None,
    on_done: Callable[[ConversionResult], None] | None = None,
) -> list[ConversionResult]:
    """Convert a data set; what an earlier call has done is kept, and what it left half done is done again.

    Files keep their place in the tree and their channels; 16 bits stay 16 bits, more become 24. `index.csv` holds
    length, rate, and size, time and checksum of what was read: where the time is another, the checksum tells whether a
    file is done again. Files of earlier calls that this one does not name stay, and in the index.

    Args:
        root: The data set; it is only read.
        output: The prepared tree, outside of `root`.
        sample_rate: In Hz.
        conversions: The files to write.
        tables: Files below `root` that are copied, such as LibriMix' metadata.
        jobs: Files converted at the same time; None takes one for each core.
        on_done: Called after each file.

    Raises:
        InputError: If the output cannot be written.
    """
    check_outside(output, [root])
    make_folder(output)
    results: list[ConversionResult] = []
    try:
        remove_leftovers(output)
        known = read_rows(output)
        with ExitStack() as stack:
            _write_index(output / INDEX_NAME, known.values())
            journal = stack.enter_context((output / INDEX_NAME).open("a", newline="", encoding="utf-8"))
            pool = stack.enter_context(ThreadPoolExecutor(jobs or os.cpu_count()))
            stack.callback(pool.shutdown, cancel_futures=True)
            write = csv.writer(journal).writerow
            for done in pool.map(lambda conversion: _convert(conversion, output, sample_rate, known), conversions):
                if done.row is not None and not done.was_there:
                    write(astuple(done.row))
                    journal.flush()
                results.append(done)
                if on_done is not None:
                    on_done(done)
        done_now = {each.target.as_posix() for each in conversions}
        rows = {name: row for name, row in known.items() if name not in done_now and (output / name).is_file()}
        rows |= {done.row.file: done.row for done in results if done.row is not None}
        _write_index(output / INDEX_NAME, rows.values())
        _copy_tables(root, tables, output)
    except OSError as error:
        raise InputError(f"{error.filename or output}: cannot write: {error.strerror or error}") from None
    return results


def _write_index(path: Path, rows: Iterable[IndexRow]) -> None:
    replace_table(path, FIELDS, map(astuple, sorted(rows, key=lambda row: row.file)))


def _copy_tables(root: Path, tables: Iterable[Path], output: Path) -> None:
    for path in tables:
        target = output / path.relative_to(root)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            replace_file(target, lambda temporary, content=content: temporary.write_bytes(content))  # type: ignore[misc]


def _convert(conversion: Conversion, output: Path, sample_rate: int, known: dict[str, IndexRow]) -> ConversionResult:
    name = conversion.target.as_posix()
    target = output / conversion.target
    row = known.get(name)
    try:
        facts = conversion.source.stat()
        size, changed = facts.st_size, facts.st_mtime_ns
        if row is not None and (row.sample_rate, row.source_bytes) == (sample_rate, size) and target.is_file():
            if row.source_time_ns == changed:
                return ConversionResult(conversion, row, was_there=True)
            if row.source_sha256 == _checksum(conversion.source):  # copied, or touched
                return ConversionResult(conversion, replace(row, source_time_ns=changed), was_there=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        counts = [0, 0]

        def write(temporary: Path) -> None:
            try:
                counts[:] = _write_audio(conversion, temporary, target.suffix, sample_rate)
                check_whole(temporary, counts[0])
            except (soundfile.LibsndfileError, AssertionError) as error:  # the last where a disk is full
                raise OSError(errno.EIO, write_reason(error, temporary)) from None

        replace_file(target, write)
        num_samples, clipped = counts
        row = IndexRow(name, num_samples, sample_rate, size, changed, _checksum(conversion.source))
        return ConversionResult(conversion, row, clipped=clipped)
    except InputError as error:
        return ConversionResult(conversion, error=str(error))
    except OSError as error:
        if error.filename != str(conversion.source):  # the output: nothing else can be written either
            raise
        return ConversionResult(conversion, error=f"{conversion.source}: cannot read: {error.strerror}")


def _write_audio(conversion: Conversion, path: Path, suffix: str, sample_rate: int) -> tuple[int, int]:
    """Write a conversion's signal; returns its length and how many samples were over full scale."""
    num_samples = clipped = 0
    with AudioReader(conversion.source, conversion.track) as reader:
        resampler = StreamResampler(reader.sample_rate, sample_rate, reader.channels)
        subtype, kind = "PCM_16" if reader.fits_16_bits else "PCM_24", suffix[1:].upper()
        with soundfile.SoundFile(native_name(path), "w", sample_rate, reader.channels, subtype, format=kind) as file:
            blocks = reader.blocks()
            block = next(blocks, None)
            while block is not None:
                following = next(blocks, None)
                ready = resampler.push(block, last=following is None).numpy().T
                clipped += int((np.abs(ready) > 1).sum())
                file.write(np.clip(ready, -1, 1))
                num_samples += len(ready)
                block = following
        reader.refuse_truncated()
    return num_samples, clipped


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

"""A tree of audio converted once into what training reads fast: the same tree at one rate, with an index."""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Literal, TextIO

import numpy as np
import soundfile

from separator.audio.finding import find_audio
from separator.audio.opening import native_name, reason
from separator.audio.reading import AudioReader
from separator.audio.resampling import StreamResampler
from separator.data.index import FIELDS, INDEX_NAME, IndexRow, read_rows
from separator.data.musdb import STEM_TRACKS, is_stem_file, song_name
from separator.errors import InputError
from separator.replacing import remove_leftovers, replace_file

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


def find_conversions(root: Path, suffix: str) -> list[Conversion]:
    """Return a conversion for every audio file below a folder, and for every signal of its `.stem.mp4` files.

    Args:
        root: The data set.
        suffix: ".flac" or ".wav", of the files to write.

    Raises:
        InputError: If there is none, or two would be written to one place.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a data set, found {'a file' if root.exists() else 'nothing'}")
    conversions: list[Conversion] = []
    for path in find_audio(root):
        place = path.relative_to(root)
        if is_stem_file(path):
            folder = place.parent / song_name(path)
            conversions += [
                Conversion(path, folder / f"{name}{suffix}", track) for track, name in enumerate(STEM_TRACKS)
            ]
        else:
            conversions.append(Conversion(path, place.with_suffix(suffix)))
    seen: dict[Path, Path] = {}
    for conversion in conversions:
        if conversion.target in seen:
            raise InputError(f"{conversion.source} and {seen[conversion.target]} would both become {conversion.target}")
        seen[conversion.target] = conversion.source
    return conversions


def prepare(
    root: Path,
    output: Path,
    sample_rate: int,
    audio_format: Literal["flac", "wav"] = "flac",
    jobs: int | None = None,
    on_done: Callable[[ConversionResult], None] | None = None,
) -> list[ConversionResult]:
    """Convert a data set; what an earlier call has done is kept, and what it left half done is done again.

    Files keep their place in the tree and their channels; 16 bits stay 16 bits, more become 24. CSV files (LibriMix'
    metadata) are copied. `index.csv` holds length, rate, and size, time and checksum of what was read: where
    the time is another, the checksum tells whether a file is done again.

    Args:
        root: The data set; it is only read.
        output: The prepared tree, outside of `root`.
        sample_rate: In Hz.
        audio_format: "flac" or "wav".
        jobs: Files converted at the same time; None takes one for each core.
        on_done: Called after each file.

    Raises:
        InputError: If there is nothing to convert, or the output cannot be written.
    """
    conversions = find_conversions(root, f".{audio_format}")
    if output.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{output}: expected a folder outside of {root}")
    results: list[ConversionResult] = []
    try:
        output.mkdir(parents=True, exist_ok=True)
        remove_leftovers(output)
        known = read_rows(output)
        with ExitStack() as stack:
            journal = stack.enter_context(_journal(output / INDEX_NAME, known))
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
        rows = {done.row.file: done.row for done in results if done.row is not None}
        replace_file(output / INDEX_NAME, lambda path: _write_index(path, rows.values()))
        _copy_tables(root, output)
    except OSError as error:
        raise InputError(f"{error.filename or output}: cannot write: {error.strerror or error}") from None
    return results


def _journal(path: Path, known: dict[str, IndexRow]) -> TextIO:
    """Open the index for appending, after the rows that count."""
    replace_file(path, lambda temporary: _write_index(temporary, known.values()))
    return path.open("a", newline="", encoding="utf-8")


def _write_index(path: Path, rows: Iterable[IndexRow]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(asdict(row) for row in sorted(rows, key=lambda row: row.file))


def _copy_tables(root: Path, output: Path) -> None:
    for path in sorted(root.rglob("*.csv")):
        target = output / path.relative_to(root)
        if path.name != INDEX_NAME and not target.exists():
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
            counts[:] = _write_audio(conversion, temporary, target.suffix, sample_rate)

        replace_file(target, write)
        num_samples, clipped = counts
        row = IndexRow(name, num_samples, sample_rate, size, changed, _checksum(conversion.source))
        return ConversionResult(conversion, row, clipped=clipped)
    except (InputError, soundfile.LibsndfileError) as error:
        return ConversionResult(
            conversion, error=str(error) if isinstance(error, InputError) else f"{conversion.source}: {reason(error)}"
        )


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
        if reader.is_truncated:
            raise InputError(f"{conversion.source}: cut short: its header promises more than it holds")
    return num_samples, clipped


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

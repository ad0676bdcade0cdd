"""Facts from audio files' headers, and the index of them that `separator prepare` leaves, to open nothing twice."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from separator.audio.reading import AudioReader
from separator.errors import InputError
from separator.section import Lengths

INDEX_NAME = "index.csv"


@dataclass(frozen=True)
class FileFacts:
    """Length and rate that a file's header states.

    Attributes:
        num_samples: Samples a channel.
        sample_rate: In Hz.
    """

    num_samples: int
    sample_rate: int


@dataclass(frozen=True)
class IndexRow:
    """One prepared file.

    Attributes:
        file: Its path in the tree.
        num_samples, sample_rate: What was written.
        source_bytes, source_time_ns, source_sha256: Size, time of the last change and checksum of what was read.
    """

    file: str
    num_samples: int
    sample_rate: int
    source_bytes: int
    source_time_ns: int
    source_sha256: str


FIELDS = [field.name for field in fields(IndexRow)]


def read_facts(path: Path, track: int = 0) -> FileFacts:
    """Look at a file's header, or at that of one of its audio tracks.

    Raises:
        InputError: If it cannot be read, or promises more than there is.
    """
    with AudioReader(path, track) as reader:
        reader.refuse_truncated()
        return FileFacts(reader.num_samples, reader.sample_rate)


def read_aligned_facts(
    files: Sequence[Path], known: Mapping[Path, FileFacts] = {}, lengths: Lengths = "error", hint: str = ""
) -> tuple[dict[Path, FileFacts], dict[Path, str]]:
    """Look at the headers of files that must be of one rate, and of one length where another is an error.

    Args:
        files: The files.
        known: Facts that need no look at the header.
        lengths: What happens where they differ in length.
        hint: What to do about lengths, for errors.

    Returns:
        The facts of those that can be read, and what is wrong with each that cannot, or is not as most are (as the
        first among equals).
    """
    facts: dict[Path, FileFacts] = {}
    problems: dict[Path, str] = {}
    for path in files:
        try:
            facts[path] = known[path] if path in known else read_facts(path)
        except InputError as error:
            problems[path] = str(error)
    if not facts:
        return facts, problems
    usual = Counter(facts.values()).most_common(1)[0][0]
    first = next(path for path, found in facts.items() if found == usual)
    where = f"as in {first.parent.name}/{first.name}"
    for path, found in facts.items():
        if found.sample_rate != usual.sample_rate:
            problems[path] = f"{path}: expected {usual.sample_rate} Hz {where}, found {found.sample_rate}"
        elif found.num_samples != usual.num_samples and lengths == "error":
            problems[path] = f"{path}: expected {usual.num_samples} samples {where}, found {found.num_samples}{hint}"
    return facts, problems


def common_length(num_samples: Iterable[int], lengths: Lengths = "error") -> int:
    """Return the length that files of these lengths are given together."""
    return (min if lengths == "cut" else max)(num_samples)


def read_rows(root: Path) -> dict[str, IndexRow]:
    """Read the index of a prepared tree by file; empty if there is none. A last line cut short is left out."""
    path = root / INDEX_NAME
    if not path.is_file():
        return {}
    rows: dict[str, IndexRow] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if None in row.values() or len(row["source_sha256"] or "") != 64:
                    continue
                row["source_time_ns"] = row.get("source_time_ns") or "0"  # 0.1.0 did not write it
                numbers: dict[str, Any] = {name: int(row[name]) for name in FIELDS[1:-1]}
                rows[row["file"]] = IndexRow(file=row["file"], source_sha256=row["source_sha256"], **numbers)
    except (KeyError, ValueError, UnicodeDecodeError, csv.Error):
        expected = ", ".join(FIELDS)
        raise InputError(f"{path}: expected an index with the columns {expected}, found something else") from None
    return rows


def read_index(root: Path) -> dict[Path, FileFacts]:
    """Read length and rate of each prepared file, by its path."""
    return {root / row.file: FileFacts(row.num_samples, row.sample_rate) for row in read_rows(root).values()}

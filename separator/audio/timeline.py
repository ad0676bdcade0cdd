"""Who spoke when: segments of talkers, in files of RTTM, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from separator.errors import InputError

TimelineFormat = Literal["rttm", "json", "csv"]

MOST_BYTES = 100_000_000
"""A larger file is no timeline."""

COLUMNS = ("talker", "start_seconds", "end_seconds")


@dataclass(frozen=True, order=True)
class Segment:
    """Stretch of a recording in which a talker speaks; those of two talkers may overlap.

    Attributes:
        start_seconds: Where it begins.
        end_seconds: Where it ends, later than that.
        talker: Who speaks.
    """

    start_seconds: float
    end_seconds: float
    talker: str

    def __post_init__(self) -> None:
        if not (0 <= self.start_seconds < self.end_seconds < math.inf):
            raise InputError(
                f"expected a start of at least 0 s and a later end, found {self.start_seconds} to {self.end_seconds}"
            )


Timeline = tuple[Segment, ...]
"""Segments in the order in which they begin."""


def timeline_text(segments: Iterable[Segment], timeline_format: TimelineFormat, recording: str) -> str:
    """Return segments as a file holds them, in milliseconds.

    Args:
        segments: Who spoke when.
        timeline_format: `rttm` (NIST's Rich Transcription Time Marked: what programs for diarisation read), `json` or
            `csv`.
        recording: Name of the recording, for `rttm` and `json`.

    Raises:
        InputError: If the format is another.

    Example:
        >>> text = timeline_text([Segment(0.5, 2.0, "talker1")], "rttm", "talk")
        >>> text
        'SPEAKER talk 1 0.500 1.500 <NA> <NA> talker1 <NA> <NA>\\n'
        >>> length = Path("talk.rttm").write_text(text)
        >>> read_timelines(Path("talk.rttm"))
        {'talk': (Segment(start_seconds=0.5, end_seconds=2.0, talker='talker1'),)}
    """
    write: dict[TimelineFormat, Callable[[list[Segment], str], str]]
    write = {"rttm": _to_rttm, "json": _to_json, "csv": _to_csv}
    if timeline_format not in write:
        raise InputError(f"timeline: expected {', '.join(write)}, found {timeline_format!r}")
    return write[timeline_format](sorted(segments), recording)


def read_timelines(path: Path) -> dict[str, Timeline]:
    """Read the timelines in a file, by the names of their recordings; those of a CSV file is its own, without suffix.

    Raises:
        InputError: If it cannot be read; it names the file, and the line where one is wrong.
    """
    read: dict[str, Callable[[str, str], list[tuple[str, Segment]]]]
    read = {".rttm": _from_rttm, ".json": _from_json, ".csv": _from_csv}
    if path.suffix.lower() not in read:
        raise InputError(f"{path}: expected a timeline, .rttm, .json or .csv, found {path.suffix or 'no suffix'}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"expected a timeline of at most {MOST_BYTES // 1_000_000} MB, found a larger file")
        text = path.read_text(encoding="utf-8-sig")
        found = read[path.suffix.lower()](text, path.stem)
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected text in UTF-8, found other bytes") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    timelines: dict[str, list[Segment]] = {}
    for recording, segment in found:
        timelines.setdefault(recording, []).append(segment)
    return {recording: tuple(sorted(segments)) for recording, segments in timelines.items()}


def _to_rttm(segments: list[Segment], recording: str) -> str:
    name = "_".join(recording.split()) or "recording"
    return "".join(
        f"SPEAKER {name} 1 {each.start_seconds:.3f} {each.end_seconds - each.start_seconds:.3f} <NA> <NA> "
        f"{'_'.join(each.talker.split())} <NA> <NA>\n"
        for each in segments
    )


def _from_rttm(text: str, name: str) -> list[tuple[str, Segment]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":  # comments, and what else a file of this kind may tell
            continue
        if len(fields) < 8:
            raise InputError(f"line {number}: expected at least 8 fields of a SPEAKER, found {len(fields)}")
        start, length = _numbers(number, fields[3], fields[4])
        if length:  # programs write segments of no length
            found.append((fields[1], _segment(number, start, start + length, fields[7])))
    return found


def _to_json(segments: list[Segment], recording: str) -> str:
    listed = [
        {name: value if name == "talker" else round(value, 3) for name, value in asdict(each).items()}
        for each in segments
    ]
    return json.dumps({"recording": recording, "segments": listed}, indent=2) + "\n"


def _from_json(text: str, name: str) -> list[tuple[str, Segment]]:
    try:
        content = json.loads(text)
        recording = str(content.get("recording", name))
        listed = [[each[column] for column in COLUMNS] for each in content["segments"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"expected JSON with segments of {', '.join(COLUMNS)}, found something else") from None
    return [
        (recording, _segment(number, *_numbers(number, start, end), str(talker), "segment"))
        for number, (talker, start, end) in enumerate(listed, 1)
    ]


def _to_csv(segments: list[Segment], recording: str) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([each.talker, f"{each.start_seconds:.3f}", f"{each.end_seconds:.3f}"] for each in segments)
    return file.getvalue()


def _from_csv(text: str, name: str) -> list[tuple[str, Segment]]:
    reader = csv.DictReader(io.StringIO(text))
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise InputError(f"expected the columns {', '.join(COLUMNS)}, found {', '.join(reader.fieldnames or ['none'])}")
    try:
        listed = [[each[column] or "" for column in COLUMNS] for each in reader]
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: expected CSV, found {error}") from None
    return [
        (name, _segment(number, *_numbers(number, start, end), talker))
        for number, (talker, start, end) in enumerate(listed, 2)
    ]


def _numbers(line: int, *values: object) -> tuple[float, float]:
    try:
        first, second = (float(each) for each in values)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"line {line}: expected two numbers of seconds, found {values[0]} and {values[1]}") from None
    return first, second


def _segment(line: int, start: float, end: float, talker: str, what: str = "line") -> Segment:
    try:
        return Segment(start, end, talker)
    except InputError as error:
        raise InputError(f"{what} {line}: {error}") from None

"""Report of `separator separate` on a recording: lines for people, or one JSON object."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from separator.cli.main import print_error, print_line, print_result

if TYPE_CHECKING:
    from separator.inference.separated_file import SeparatedFile


@dataclass(frozen=True)
class SeparationOutcome:
    """Outcome of a recording: one of `result`, `existing` and `error`.

    Attributes:
        path: As it was given.
        result: It was separated.
        existing: It was skipped: these outputs were there.
        error: It failed.
        failed_after: Seconds of work until then.
    """

    path: PurePath
    result: "SeparatedFile | None" = None
    existing: Mapping[str, PurePath] | None = None
    error: str | None = None
    failed_after: float = 0.0


def report(outcome: SeparationOutcome, as_json: bool, model: str) -> None:
    """Print an outcome: outputs or JSON on stdout, errors, warnings and a summary on stderr.

    Args:
        outcome: What came of a recording.
        as_json: Whether it is printed as JSON, which has the summary too.
        model: Name of what separated it.
    """
    if outcome.error is not None:
        print_error(outcome.error)
    shown = "standard input" if str(outcome.path) == "-" else str(outcome.path)
    if (result := outcome.result) is not None:
        if result.warning is not None:
            print_line("warning", f"{shown}: {result.warning}")
        for note in [*result.notes, *([result.clipping] if result.clipping is not None else [])]:
            print_line("note", f"{shown}: {note}")
    if as_json:
        print_result(json.dumps(_as_json(outcome, model)))
    elif result is not None:
        print_result("\n".join(map(str, result.outputs.values())))
        print_line("done", f"{shown}: {_summary(result, model)}")


def _summary(result: "SeparatedFile", model: str) -> str:
    """Say in a line what separated a recording, how long it is and took, and how loud each source is."""
    levels = ", ".join(f"{name} {'silent' if db is None else f'{db:.1f} dB'}" for name, db in result.levels_db.items())
    times = f"{duration(result.seconds)} in {duration(result.processing_seconds)}"
    return f"{times} with {model}; {levels}"


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    Example:
        >>> duration(3.21), duration(75), duration(7384.2)
        ('3.2 s', '1 min 15 s', '2 h 3 min 4 s')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours} h ' if hours else ''}{minutes} min {rest} s"


def _as_json(outcome: SeparationOutcome, model: str) -> dict[str, Any]:
    result = outcome.result
    outputs = result or outcome.existing or {}
    processing_seconds = outcome.failed_after if result is None else result.processing_seconds
    content: dict[str, Any] = {
        "input": str(outcome.path),
        "model": model,
        "outputs": {name: str(output) for name, output in outputs.items()},
        "skipped": outcome.existing is not None,
        "error": None if outcome.error is None else " ".join(outcome.error.split()),
        "processing_seconds": round(processing_seconds, 3),
    }
    if result is not None:
        content |= {
            "seconds": round(result.seconds, 3),
            "num_samples": result.num_samples,
            "sample_rate": result.sample_rate,
            "levels_db": {name: None if db is None else round(db, 2) for name, db in result.levels_db.items()},
            "gain": result.gain,
            "peak": round(result.peak, 6),
            "truncated": result.truncated,
            "damage": result.damage,
            "notes": result.notes,
            "realtime_factor": round(processing_seconds / result.seconds, 4),
        }
    return content

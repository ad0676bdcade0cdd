"""Timelines of who spoke when, by any software, against true ones."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from separator import __version__
from separator.audio.timeline import read_timelines
from separator.errors import InputError, some
from separator.metrics.diarisation import DiarisationErrors, diarisation_errors
from separator.output_folders import make_folder
from separator.replacing import replace_text

COLLARS_SECONDS = (0.0, 0.25)
"""Around the beginnings and ends of true segments, where it is not scored: none, and what NIST left out."""


def score_timelines(references: Path | str, estimates: Path | str, output: Path | str | None = None) -> dict[str, Any]:
    """Score the timelines in a file, `.rttm`, `.json` or `.csv`, against those in another.

    Args:
        references: The true ones.
        estimates: Those to score; recordings are matched by their names, unless each file has only one.
        output: Folder for `summary.json`, made if missing; None writes nothing.

    Returns:
        The diarisation error rate of all recordings together and of each, in percent, with its parts in seconds, by
        the collar in seconds.

    Raises:
        InputError: If a file cannot be read, the estimates lack a recording, or pyannote.metrics is not installed.

    Example:
        >>> truth = "SPEAKER talk 1 0 2 <NA> <NA> anna <NA> <NA>", "SPEAKER talk 1 2 2 <NA> <NA> ben <NA> <NA>"
        >>> length = Path("truth.rttm").write_text("\\n".join(truth))
        >>> length = Path("found.csv").write_text("talker,start_seconds,end_seconds\\n1,0,3\\n2,3,4")
        >>> score_timelines("truth.rttm", "found.csv")["diarisation_error_percent"]
        {'0.0': 25.0, '0.25': 25.0}
    """
    references, estimates = Path(references), Path(estimates)
    truths, found = read_timelines(references), read_timelines(estimates)
    if not truths:
        raise InputError(f"{references}: expected segments, found none")
    if len(truths) == 1 and len(found) < 2:  # whatever they are called; nobody was found where there is none
        found = dict(zip(truths, found.values() or [()], strict=True))
    if missing := [name for name in truths if name not in found]:
        raise InputError(f"{estimates}: expected the recordings of {references}, found none called {some(missing)}")
    summary: dict[str, Any] = {"separator": __version__, "references": str(references), "estimates": str(estimates)}
    of_all: dict[str, float] = {}
    recordings: dict[str, dict[str, Any]] = {name: {} for name in truths}
    for collar in COLLARS_SECONDS:
        errors = {name: diarisation_errors(found[name], truth, collar) for name, truth in truths.items()}
        for name, each in errors.items():
            recordings[name][str(collar)] = _rounded(each)
        of_all[str(collar)] = _rounded(_sum(list(errors.values())))["percent"]
    summary |= {"diarisation_error_percent": of_all, "recordings": recordings}
    if output is not None:
        make_folder(Path(output))
        replace_text(Path(output) / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def are_timelines(*paths: Path) -> bool:
    """Return whether files are timelines, by their names: `.csv` may be something else where the other is none."""
    return any(path.suffix.lower() in (".rttm", ".json") for path in paths)


def _sum(errors: list[DiarisationErrors]) -> DiarisationErrors:
    fields = [asdict(each) for each in errors]
    return DiarisationErrors(**{name: sum(each[name] for each in fields) for name in fields[0]})


def _rounded(errors: DiarisationErrors) -> dict[str, float]:
    return {"percent": round(errors.percent, 3)} | {name: round(value, 3) for name, value in asdict(errors).items()}

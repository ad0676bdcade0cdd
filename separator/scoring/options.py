"""Options of a scoring that `score` and `evaluate` share, and who is told how it goes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from separator.errors import InputError
from separator.scoring.config import Engine


@dataclass(frozen=True)
class Watcher:
    """Who is told how a scoring goes, and what its outputs say of how it was started.

    Attributes:
        on_progress: Called with the number of items done and of all, after each.
        on_failure: Called with the name of each item that failed, and why.
        on_note: Called with a line that is no error.
        command: The command line that repeats the scoring, for its outputs.
    """

    on_progress: Callable[[int, int], None] = lambda done, total: None
    on_failure: Callable[[str, Exception], None] = lambda name, error: None
    on_note: Callable[[str], None] = lambda line: None
    command: tuple[str, ...] = ()


class Workers(Protocol):
    """Interface of what scores items elsewhere, as `separator.cluster.pool.ClusterPool` does."""

    def run(self, work: Any, tasks: Iterable[Any], size: Callable[[Any], float]) -> Iterator[tuple[Any, Future[Any]]]:
        """Do every task, the largest first; gives each with its result as soon as that is known."""
        ...


@dataclass(frozen=True)
class ScoringOptions:
    """Keywords of `score` and `evaluate` alike.

    Attributes:
        metrics: Names of metrics or groups, comma-separated; "auto" decides by the sources' names.
        engine: As in `ScoringConfig`.
        permute: As in `ScoringConfig`; None assigns talkers by their scores and all others by their names.
        sources: The sources to score, of trees of tracks; None is all.
        sample_rate: Resample everything to this rate in Hz first, of trees of tracks; None does not.
        limit: Score as many items, evenly spaced; None is all.
        jobs: Scoring processes; None is this one, and one a core, at most 8, where scoring takes long. Elsewhere than
            on the CPU it is one.
        against: Other scores, `scores.csv` or its folder: the summary has the differences on the items of both.
        facts: A CSV of facts about items, their names in its first column.
        by: Its columns that the means are split by, `COLUMN` or `COLUMN=EDGE:EDGE...` with the edges of the groups
            that numbers fall in; without, there are four groups of the same size.
        replace: Do away with scores in the folder that were made with other settings, where they are an error else.
        watcher: Told how it goes.
        workers: Score items elsewhere, such as on a cluster; None scores them in `jobs` processes here.
    """

    metrics: str = "auto"
    engine: Engine = "fast"
    permute: bool | None = None
    sources: Sequence[str] | None = None
    sample_rate: int | None = None
    limit: int | None = None
    jobs: int | None = None
    against: Path | str | None = None
    facts: Path | str | None = None
    by: Sequence[str] = ()
    replace: bool = False
    watcher: Watcher = Watcher()
    workers: Workers | None = None

    def __post_init__(self) -> None:
        for option, number in (("jobs", self.jobs), ("limit", self.limit)):
            if number is not None and number < 1:
                raise InputError(f"{option}: expected at least 1, found {number}")
        if bool(self.by) != (self.facts is not None):
            raise InputError("facts: expected a CSV of facts and the columns to split by, found only one of the two")

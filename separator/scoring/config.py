"""Settings of scoring: which metrics, which engine, what becomes of signals that do not fit, and who is told of it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from separator.errors import InputError
from separator.metrics.perceptual import require_package
from separator.scoring.assignment import find_talkers
from separator.scoring.measures import load_museval
from separator.scoring.metrics import GROUPS, METRICS
from separator.section import Lengths

Engine = Literal["fast", "museval"]

MUSIC_SOURCES = frozenset({"vocals", "drums", "bass", "other", "accompaniment", "guitar", "piano"})


@dataclass(frozen=True)
class ScoringConfig:
    """How items are scored.

    Attributes:
        metrics: Names in `METRICS`.
        engine: Who computes what others compute too: our own implementation, or museval itself.
        permute: Assign the talkers' estimates to the references by the highest mean SI-SDR (all estimates, where no
            names differ by a number alone); all others, and all without this, by name.
        lengths: What happens where an estimate is not as long as its reference: an error, the shorter one gets zeros,
            or the longer one is cut.
        mono: Take the mean of all channels, of references and estimates.
        sample_rate: Resample everything to this rate in Hz before it is scored; None keeps the references' own, and an
            estimate of another rate is an error.
        sum_as_mixture: Where there is no mixture, take the sum of the references.
    """

    metrics: tuple[str, ...]
    engine: Engine = "fast"
    permute: bool = False
    lengths: Lengths = "error"
    mono: bool = False
    sample_rate: int | None = None
    sum_as_mixture: bool = False

    def __post_init__(self) -> None:
        for metric in map(METRICS.__getitem__, self.metrics):
            if metric.package is not None:
                require_package(metric.package)
            if self.engine == "museval" and self.engine in metric.engines:
                load_museval()
        if self.sample_rate is not None and not 1000 <= self.sample_rate <= 1_000_000:
            raise InputError(f"sample rate: expected from 1000 to 1000000 Hz, found {self.sample_rate}")

    @classmethod
    def for_sources(
        cls, sources: Sequence[str], metrics: str = "auto", permute: bool | None = None, **options: Any
    ) -> Self:
        """Decide by the sources' names what is left open.

        Args:
            sources: Names of the sources.
            metrics: As `choose_metrics` takes them.
            permute: None permutes talkers, sources whose names differ by a number alone.
            options: The other attributes.

        Raises:
            InputError: If a metric is unknown or cannot be computed here, or an option is wrong.
        """
        permute = bool(find_talkers(sources)) if permute is None else permute
        return cls(choose_metrics(metrics, sources), permute=permute, **options)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the scores of every source, by column."""
        return tuple(column.name for metric in self.metrics for column in METRICS[metric].columns)

    @property
    def headline(self) -> str:
        """Return the score that items are ranked by."""
        return self.columns[0]


def choose_metrics(names: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics of a list such as `speech,stoi`; `auto` decides by the sources' names.

    Raises:
        InputError: If a name is unknown.
    """
    if names == "auto":
        names = "music" if MUSIC_SOURCES & {source.lower() for source in sources} else "speech,talkers"
    chosen: list[str] = []
    for name in filter(None, re.split(r"[,\s]+", names)):
        if name not in METRICS and name not in GROUPS:
            raise InputError(f"metrics: expected auto or any of {', '.join([*GROUPS, *METRICS])}, found {name!r}")
        chosen += GROUPS.get(name, (name,))
    if not chosen:
        raise InputError(f"metrics: expected auto or any of {', '.join([*GROUPS, *METRICS])}, found none")
    return tuple(dict.fromkeys(chosen))


def comparability_note(config: ScoringConfig, sample_rate: int, original_rate: int) -> str | None:
    """Say in every output of a score that it cannot be set beside published ones; None where it can."""
    rates = {METRICS[name].published_rate for name in config.metrics} - {None}
    music, published = bool(rates), max(filter(None, rates), default=original_rate)
    if sample_rate == published or (music and sample_rate > published):
        return None
    of = f", of references at {original_rate} Hz" if original_rate != sample_rate else ""
    what = f"{'music ' if music else ''}scored at {sample_rate} Hz{of}"
    return f"{what}: cannot be compared with published figures at {published} Hz"


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

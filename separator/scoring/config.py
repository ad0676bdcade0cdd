"""Settings of scoring: which metrics, which engine, and what happens to signals that do not fit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

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

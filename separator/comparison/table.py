"""The table of a comparison: a row a recipe, as CSV and as Markdown."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import bootstrap

from separator.comparison.compare import Result
from separator.scoring.excerpts import item_score
from separator.scoring.item_scores import ItemScores
from separator.scoring.summary import source_values

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """One recipe.

    Attributes:
        name: The recipe's name.
        architecture: Its architecture.
        parameters: Weights.
        mmacs_per_second: Million multiply-accumulates for a second of audio.
        receptive_field_seconds: Of the convolutions.
        latency_ms: None if not causal.
        real_time_factor: Measured on the machine that made the table.
        peak_memory_mb: Measured, of the whole process.
        steps: Optimiser steps.
        training_minutes: Time of them, validations included.
        valid_si_sdri_db: The best validation, whose weights were scored.
        si_sdri_db: Mean over all sources of all mixtures of the test list.
        si_sdri_db_low, si_sdri_db_high: Bootstrap confidence interval over mixtures.
        si_sdri_db_median: Median over all sources.
        share_worse: Share of the sources whose SI-SDR is below the mixture's own.
        behind_best_db: Mean difference to the best recipe on the same mixtures.
        behind_best_db_low, behind_best_db_high: Its confidence interval; with 0 outside it the best is better.
    """

    name: str
    architecture: str
    parameters: int
    mmacs_per_second: float
    receptive_field_seconds: float
    latency_ms: float | None
    real_time_factor: float
    peak_memory_mb: float
    steps: int
    training_minutes: float
    valid_si_sdri_db: float
    si_sdri_db: float
    si_sdri_db_low: float
    si_sdri_db_high: float
    si_sdri_db_median: float
    share_worse: float
    behind_best_db: float
    behind_best_db_low: float
    behind_best_db_high: float


def make_rows(results: list[Result]) -> list[Row]:
    """Make a row for each result, the best first."""
    by_mixture = {result.recipe.name: mixture_means(result.items) for result in results}
    best = max(by_mixture.values(), key=lambda means: float(means.mean()), default=np.zeros(0))
    rows = [_row(result, by_mixture[result.recipe.name], best) for result in results]
    return sorted(rows, key=lambda row: -row.si_sdri_db)


def mixture_means(items: list[ItemScores]) -> np.ndarray:
    """Return the mean SI-SDRi of each mixture in dB, in the order of the list: `(mixtures,)`.

    A mixture whose sources are all silent has none, whatever the model, and is left out.
    """
    return np.array([mean for item in items if (mean := item_score(item, "si_sdr_db")) is not None])


def confidence_interval(values: np.ndarray) -> tuple[float, float]:
    """Bootstrap interval of the mean: whole mixtures are drawn, as their sources are not independent.

    Args:
        values: One value a mixture; the ends are the value itself where all are the same.

    Source:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, percentile interval.
    """
    if len(values) < 2 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _row(result: Result, means: np.ndarray, best: np.ndarray) -> Row:
    values = [source_values(source)["si_sdri_db"] for item in result.items for source in item.sources]
    improvements = [value for value in values if value is not None]
    low, high = confidence_interval(means)
    behind_low, behind_high = confidence_interval(best - means)
    cost, outcome = result.cost, result.outcome
    latency = cost["latency_seconds"]
    return Row(
        name=result.recipe.name,
        architecture=cost["architecture"],
        parameters=cost["parameters"],
        mmacs_per_second=round(cost["macs_per_second"] / 1e6, 1),
        receptive_field_seconds=round(cost["receptive_field_seconds"], 3),
        latency_ms=None if latency is None else round(1000 * latency, 2),
        real_time_factor=round(cost["measured"]["real_time_factor"], 5),
        peak_memory_mb=round(cost["measured"]["peak_memory_mb"], 1),
        steps=outcome["steps"],
        training_minutes=round(outcome["training_seconds"] / 60, 1),
        valid_si_sdri_db=round(outcome["valid_si_sdri_db"], 3),
        si_sdri_db=round(float(means.mean()), 3),
        si_sdri_db_low=round(low, 3),
        si_sdri_db_high=round(high, 3),
        si_sdri_db_median=round(median(improvements), 3),
        share_worse=round(sum(each < 0 for each in improvements) / len(improvements), 4),
        behind_best_db=round(float((best - means).mean()), 3),
        behind_best_db_low=round(behind_low, 3),
        behind_best_db_high=round(behind_high, 3),
    )


def write_csv(rows: list[Row], path: Path) -> None:
    """Write all columns, one row a recipe."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def markdown(rows: list[Row]) -> str:
    """Format the columns that fit on a page as a Markdown table."""
    header = (
        "| recipe | SI-SDRi, dB (95 %) | behind the best, dB (95 %) | made worse | parameters | MMAC/s | RTF "
        "| peak MB | receptive field | latency | trained |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return header + "".join(
        f"| {row.name} | **{row.si_sdri_db:.2f}** ({row.si_sdri_db_low:.2f} to {row.si_sdri_db_high:.2f}) "
        f"| {_behind(row)} | {100 * row.share_worse:.0f} % | {row.parameters:,} | {row.mmacs_per_second:.0f} "
        f"| {row.real_time_factor:.3f} | {row.peak_memory_mb:.0f} | {row.receptive_field_seconds:.2f} s "
        f"| {'chunk' if row.latency_ms is None else f'{row.latency_ms:.0f} ms'} "
        f"| {row.steps} steps, {row.training_minutes:.0f} min |\n"
        for row in rows
    )


def _behind(row: Row) -> str:
    if row.behind_best_db == 0:
        return "the best"
    return f"{row.behind_best_db:.2f} ({row.behind_best_db_low:.2f} to {row.behind_best_db_high:.2f})"

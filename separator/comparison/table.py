"""The table of a comparison: a row a recipe, and with seeds a row a run, as CSV and as Markdown."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from statistics import fmean, median, stdev

import numpy as np

from separator.comparison.compare import Result, ScoredRun
from separator.comparison.fairness import differences_between
from separator.recipe import Recipe, differences_text
from separator.replacing import replace_table
from separator.scoring.excerpts import item_score
from separator.scoring.item_scores import ItemScores
from separator.scoring.summary import NORMAL_95, column_values


@dataclass(frozen=True)
class TableRow:
    """One recipe, the mean of its runs; or one of its runs.

    Attributes:
        name: The recipe's name.
        seed: Seed of the training; None of the mean of several.
        num_seeds: Number of runs in this row.
        differences: Settings in which the recipe differs from the first one; empty for that one itself.
        architecture: Its architecture.
        parameters: Weights.
        mmacs_per_second: Million multiply-accumulates for a second of audio.
        receptive_field_seconds: Of the convolutions.
        latency_ms: None if not causal.
        real_time_factor: Measured on the machine that made the table.
        peak_memory_mb: Measured, of the whole process.
        steps: Optimiser steps of a run.
        training_minutes: Time of them, validations included.
        valid_si_sdri_db: The best validation, whose weights were scored.
        si_sdri_db: Mean over all mixtures of the test list, their sources, and the seeds.
        si_sdri_db_seeds: Standard deviation of the mean over seeds; None of one run.
        si_sdri_db_low, si_sdri_db_high: 95 % confidence interval over mixtures.
        si_sdri_db_median: Median over all sources.
        share_worse: Share of the sources whose SI-SDR is below the mixture's own.
        behind_best_db: Mean difference to the best recipe on the same mixtures.
        behind_best_db_low, behind_best_db_high: Its confidence interval; with 0 outside it the best is better.
    """

    name: str
    seed: int | None
    num_seeds: int
    differences: str
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
    si_sdri_db_seeds: float | None
    si_sdri_db_low: float
    si_sdri_db_high: float
    si_sdri_db_median: float
    share_worse: float
    behind_best_db: float
    behind_best_db_low: float
    behind_best_db_high: float


@dataclass(frozen=True)
class ComparedRecipe:
    """A recipe in the table.

    Attributes:
        mean: The mean of its runs.
        runs: A row for each run, where seeds were asked for; else empty.
    """

    mean: TableRow
    runs: tuple[TableRow, ...] = ()


def make_table(results: list[Result], first: Recipe, with_runs: bool = False) -> list[ComparedRecipe]:
    """Make the table, the best recipe first.

    Args:
        results: The results.
        first: The recipe that the others are said to differ from.
        with_runs: Whether each run has a row of its own too.
    """
    best = max((run_means(result.runs) for result in results), key=lambda means: float(means.mean()))
    table = []
    for result in results:
        different = differences_text(differences_between(first, result.recipe))
        runs = tuple(_row(result, (run,), best, different) for run in result.runs) if with_runs else ()
        mean = _row(result, result.runs, best, different)
        table.append(ComparedRecipe(replace(mean, seed=None) if with_runs else mean, runs))
    return sorted(table, key=lambda compared: -compared.mean.si_sdri_db)


def run_means(runs: Sequence[ScoredRun]) -> np.ndarray:
    """Return the SI-SDRi of each mixture in dB, the mean over runs: `(mixtures,)`."""
    return np.mean([mixture_means(run.items) for run in runs], axis=0)


def mixture_means(items: list[ItemScores]) -> np.ndarray:
    """Return the mean SI-SDRi of each mixture in dB, in the order of the list: `(mixtures,)`.

    A mixture whose sources are all silent has none, whatever the model, and is left out.
    """
    return np.array([mean for item in items if (mean := item_score(item, "si_sdr_db")) is not None])


def confidence_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the mean over mixtures, in the normal approximation, as `summary.json` has it.

    Args:
        values: One value a mixture, as its sources are not independent; of a single one the ends are the value itself.
    """
    mean = float(values.mean())
    half = NORMAL_95 * stdev(values.tolist()) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return mean - half, mean + half


def _row(result: Result, runs: Sequence[ScoredRun], best: np.ndarray, differences: str) -> TableRow:
    sources = (source for run in runs for item in run.items for source in item.sources)
    improvements = column_values(sources, "si_sdri_db")
    means, cost = run_means(runs), result.cost
    low, high = confidence_interval(means)
    behind_low, behind_high = confidence_interval(best - means)
    latency = cost["latency_seconds"]
    return TableRow(
        name=result.recipe.name,
        seed=runs[0].seed if len(runs) == 1 else None,
        num_seeds=len(runs),
        differences=differences,
        architecture=cost["architecture"],
        parameters=cost["parameters"],
        mmacs_per_second=round(cost["macs_per_second"] / 1e6, 1),
        receptive_field_seconds=round(cost["receptive_field_seconds"], 3),
        latency_ms=None if latency is None else round(1000 * latency, 2),
        real_time_factor=round(cost["measured"]["real_time_factor"], 5),
        peak_memory_mb=round(cost["measured"]["peak_memory_mb"], 1),
        steps=round(fmean(run.outcome["steps"] for run in runs)),
        training_minutes=round(fmean(run.outcome["training_seconds"] for run in runs) / 60, 1),
        valid_si_sdri_db=round(fmean(run.outcome["valid_si_sdri_db"] for run in runs), 3),
        si_sdri_db=round(float(means.mean()), 3),
        si_sdri_db_seeds=round(stdev(float(run_means([run]).mean()) for run in runs), 3) if len(runs) > 1 else None,
        si_sdri_db_low=round(low, 3),
        si_sdri_db_high=round(high, 3),
        si_sdri_db_median=round(median(improvements), 3),
        share_worse=round(sum(each < 0 for each in improvements) / len(improvements), 4),
        behind_best_db=round(float((best - means).mean()), 3),
        behind_best_db_low=round(behind_low, 3),
        behind_best_db_high=round(behind_high, 3),
    )


def write_csv(table: list[ComparedRecipe], path: Path) -> None:
    """Write all columns: a row for each recipe, each followed by those of its runs."""
    rows = [astuple(row) for compared in table for row in (compared.mean, *compared.runs)]
    replace_table(path, [field.name for field in fields(TableRow)], rows)


def markdown(table: list[ComparedRecipe]) -> str:
    """Format the columns that fit on a page as a Markdown table, a row for each recipe."""
    rows = [compared.mean for compared in table]
    spread = " ± over seeds" if any(row.si_sdri_db_seeds is not None for row in rows) else ""
    header = (
        f"| recipe | SI-SDRi{spread}, dB (95 %) | behind the best, dB (95 %) | made worse | parameters | MMAC/s | RTF "
        "| peak MB | receptive field | latency | trained |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return header + "".join(
        f"| {row.name} | {_score(row)} | {_behind(row)} | {100 * row.share_worse:.0f} % | {row.parameters:,} "
        f"| {row.mmacs_per_second:,.1f} | {row.real_time_factor:.3f} | {row.peak_memory_mb:.0f} "
        f"| {row.receptive_field_seconds:.2f} s "
        f"| {'chunk' if row.latency_ms is None else f'{row.latency_ms:.0f} ms'} "
        f"| {f'{row.num_seeds} runs of ' * (row.num_seeds > 1)}{row.steps} steps, {row.training_minutes:.0f} min |\n"
        for row in rows
    )


def _score(row: TableRow) -> str:
    spread = "" if row.si_sdri_db_seeds is None else f" ± {row.si_sdri_db_seeds:.2f}"
    return f"**{row.si_sdri_db:.2f}**{spread} ({row.si_sdri_db_low:.2f} to {row.si_sdri_db_high:.2f})"


def _behind(row: TableRow) -> str:
    if row.behind_best_db == 0:
        return "the best"
    return f"{row.behind_best_db:.2f} ({row.behind_best_db_low:.2f} to {row.behind_best_db_high:.2f})"

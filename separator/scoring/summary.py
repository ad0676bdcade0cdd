"""Outputs of an evaluation: a table of all scores, their summary, and museval's JSON for each track."""

import json
import math
import statistics
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from separator.replacing import replace_file, replace_table, replace_text
from separator.scoring.config import ScoringConfig, comparability_note
from separator.scoring.empty_bands import empty_bands_note
from separator.scoring.item_scores import ItemScores, SourceScores, Values
from separator.scoring.lags import summarise_lags
from separator.scoring.layouts import SUBSETS
from separator.scoring.measures import MUSIC_FRAME_SECONDS
from separator.scoring.metrics import COLUMNS, MEAN, METRICS, OF_FRAMES
from separator.scoring.talkers import summarise_talkers

SCORES_NAME = "scores.csv"
SUMMARY_NAME = "summary.json"
SUMMARY_DECIMALS = 4

NORMAL_95 = 1.96
"""Standard errors on either side of a mean that hold 95 % of a normal distribution."""

INTERVALS = (
    "mean_interval: 95 %, the mean ± 1.96 standard errors, in the normal approximation over items: the sources of an "
    "item are not taken as independent; standard_deviation: of the values of all items and sources"
)


def source_values(source: SourceScores) -> Values:
    """Return every column of a source: its scores, the mixture's own as `input_...`, and the improvements."""
    values = dict(source.scores)
    values.update({f"input_{column}": value for column, value in source.input_scores.items()})
    for name, before in source.input_scores.items():
        if (improvement := COLUMNS[name].improvement) is not None and name in source.scores:
            after = source.scores[name]
            values[improvement.name] = None if after is None or before is None else round(after - before, 6)
    return values


def column_values(sources: Iterable[SourceScores], column: str) -> list[float]:
    """Return a column of several sources, as far as it is defined."""
    return [value for source in sources if (value := source_values(source).get(column)) is not None]


def find_notes(items: list[ItemScores], config: ScoringConfig) -> list[str]:
    """Find the notes that every output must carry about these scores, each once."""
    notes = {comparability_note(config, item.sample_rate, item.original_rate) for item in items}
    empty = [item.name for item in items if item.empty_bands]
    return sorted(note for note in notes if note) + ([empty_bands_note(empty)] if empty else [])


def write_scores(items: list[ItemScores], config: ScoringConfig, path: Path) -> None:
    """Write a row for each item and source; an empty cell where a score is not defined."""
    columns = list(
        dict.fromkeys(column for item in items for source in item.sources for column in source_values(source))
    )
    before = list(
        dict.fromkeys(column for item in items for source in item.sources for column in source.without_consistency)
    )
    names = [*columns, *(f"without_consistency_{column}" for column in before), "lag_samples", "note"]
    rows: list[list[Any]] = []
    for item in items:
        note = "; ".join(find_notes([item], config))
        for source in item.sources:
            values = source_values(source)
            cells = [values.get(column) for column in columns]
            cells += [source.without_consistency.get(column) for column in before]
            row = [item.name, source.source, source.estimate, item.seconds, item.sample_rate, *cells]
            rows.append([*row, source.lag_samples, note])
    replace_table(path, ["item", "source", "estimate", "seconds", "sample_rate", *names], rows)


def summarise(items: list[ItemScores]) -> dict[str, Any]:
    """Summarise the scores of all items.

    Each column's own value is the field's aggregation, as the table of metrics says: for BSS Eval v4 the median over
    frames, then the median over tracks for each source, then the mean over sources; else the mean, or the median, over
    items and sources.

    Returns:
        The values by column, and `scores` with means and what they are worth, medians and counts, of all and of each
        source.
    """
    columns: dict[str, dict[str, dict[int, float | None]]] = {}  # by source and number of the item
    for number, item in enumerate(items):
        for source in item.sources:
            for column, value in source_values(source).items():
                columns.setdefault(column, {}).setdefault(source.source, {})[number] = value
    names = dict.fromkeys(source.source for item in items for source in item.sources)
    details, headline = {}, {}
    for column, by_source in columns.items():
        kind = COLUMNS[column.removeprefix("input_")].aggregation
        which = "mean" if kind == MEAN else "median"
        every = _statistics(
            [values[number] for values in by_source.values() if number in values] for number in range(len(items))
        )
        sources = {
            name: _statistics([each] for each in by_source[name].values()) for name in names if name in by_source
        }
        sources = {name: {"value": each[which], **each} for name, each in sources.items()}
        value = every[which]
        if kind == OF_FRAMES:
            medians = [each["median"] for each in sources.values() if each["median"] is not None]
            value = _rounded(statistics.fmean(medians)) if medians else None
        headline[column] = value
        details[column] = {"value": value, "aggregation": kind, **every, "sources": sources}
    return {**headline, "scores": details}


def _statistics(items: Iterable[list[float | None]]) -> dict[str, Any]:
    """Summarise the values of each item.

    Source:
        Cochran, "Sampling Techniques", 1977, section 9A.1: the mean over whole clusters, here items, as a ratio.
    """
    given = list(items)
    clusters = [[value for value in item if value is not None] for item in given]
    defined = [value for cluster in clusters for value in cluster]
    found: dict[str, Any] = dict.fromkeys(("mean", "standard_deviation", "mean_interval", "median"))
    if defined:
        mean = statistics.fmean(defined)
        found |= {"mean": _rounded(mean), "median": _rounded(statistics.median(defined))}
        number = sum(bool(cluster) for cluster in clusters)
        if number > 1:
            deviations = sum(sum(value - mean for value in cluster) ** 2 for cluster in clusters)
            error = math.sqrt(number / (number - 1) * deviations) / len(defined)
            found["standard_deviation"] = _rounded(statistics.stdev(defined))
            found["mean_interval"] = [_rounded(mean + side * NORMAL_95 * error) for side in (-1, 1)]
    return found | {"defined": len(defined), "undefined": sum(map(len, given)) - len(defined)}


def _rounded(value: float) -> float:
    return round(value, SUMMARY_DECIMALS)


def museval_json(item: ItemScores, note: str | None = None) -> str:
    """Return one track as museval's `TrackStore` writes it, infinite scores as NaN, with the rates and a note."""
    targets = [
        {
            "name": source.source,
            "frames": [
                {
                    "time": number * MUSIC_FRAME_SECONDS,
                    "duration": MUSIC_FRAME_SECONDS,
                    "metrics": {
                        name: round(values[number], 5) if math.isfinite(values[number]) else math.nan
                        for name, values in source.frames.items()
                    },
                }
                for number in range(len(next(iter(source.frames.values()))))
            ],
        }
        for source in item.sources
    ]
    try:
        museval_version = version("museval")
    except PackageNotFoundError:
        museval_version = "unknown"
    content = {"targets": targets, "museval_version": museval_version, "sample_rate": item.sample_rate}
    content |= {"original_sample_rate": item.original_rate, **({"note": note} if note else {})}
    return json.dumps(content, indent=2) + "\n"


def make_summary(
    items: list[ItemScores], config: ScoringConfig, about: dict[str, Any], failures: dict[str, str]
) -> dict[str, Any]:
    """Say all that there is to say of a scoring.

    Args:
        items: All that were scored, in their order.
        config: What was measured.
        about: Settings, command, versions: what is needed to repeat it.
        failures: Why items could not be scored, by name.

    Returns:
        The content of `summary.json`.
    """
    return {
        **about,
        "num_items": len(items),
        "num_failed": len(failures),
        "failed": failures,
        "sample_rates": sorted({item.sample_rate for item in items}),
        "notes": find_notes(items, config),
        "metrics": {name: METRICS[name].definition for name in config.metrics},
        "intervals": INTERVALS,
        **summarise(items),
        "talkers": summarise_talkers(items),
        "lags": summarise_lags(
            [source.lag_samples for item in items for source in item.sources],
            [item.sample_rate for item in items for _ in item.sources],
        ),
    }


def write_outputs(
    folder: Path,
    items: list[ItemScores],
    config: ScoringConfig,
    summary: dict[str, Any],
    report: Callable[[Path], None],
) -> None:
    """Write `scores.csv`, `{test,train}/TRACK.json`, the report and, last, `summary.json`.

    Args:
        folder: Where to.
        items: All that were scored, in their order.
        config: What was measured.
        summary: As `make_summary` gives it.
        report: Writes the report at a path.
    """
    write_scores(items, config, folder / SCORES_NAME)
    if any(column.aggregation == OF_FRAMES for name in config.metrics for column in METRICS[name].columns):
        for item in items:
            path = folder / item.subset / f"{item.name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_text(path, museval_json(item, "; ".join(find_notes([item], config)) or None))
        for subset, name in ((subset, name) for subset in SUBSETS for name in summary["failed"]):
            (folder / subset / f"{name}.json").unlink(missing_ok=True)  # of an earlier run, before its files changed
    replace_file(folder / "report.html", report)
    replace_text(folder / SUMMARY_NAME, json.dumps(summary, indent=2) + "\n")

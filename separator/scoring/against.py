"""Scores set against other scores of the same items: paired differences."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from separator.errors import InputError, some
from separator.scoring.item_scores import ItemScores
from separator.scoring.metrics import COLUMNS
from separator.scoring.summary import SCORES_NAME, SUMMARY_DECIMALS, source_values

CONFIDENCE = 0.95

SAME_SECONDS = 0.1
"""Items of one name whose lengths differ by more are not the same item."""

METHOD = (
    "mean difference of the items' means over their sources, this minus the other, on the items and sources that both "
    "have; 95 %: Student's t over items, paired (scipy.stats.ttest_rel)"
)


@dataclass(frozen=True)
class OtherScores:
    """Scores that were made before.

    Attributes:
        path: Their `scores.csv`.
        seconds: The length of each item.
        values: The scores by item and source, by column; those that are not defined are left out.
    """

    path: Path
    seconds: dict[str, float]
    values: dict[tuple[str, str], dict[str, float]]


def read_scores(path: Path) -> OtherScores:
    """Read the `scores.csv` of an earlier scoring, given itself or by its folder.

    Raises:
        InputError: If there is none, or it holds something else.
    """
    path = path / SCORES_NAME if path.is_dir() else path
    scores = OtherScores(path, {}, {})
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            for row in csv.DictReader(file):
                item, source = row["item"], row["source"]
                scores.seconds[item] = float(row["seconds"])
                scores.values[item, source] = {
                    name: float(value) for name, value in row.items() if name in COLUMNS and value
                }
    except OSError as error:
        raise InputError(f"{path}: expected the scores to set against: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise InputError(
            f"{path}: expected a scores.csv with the columns item, source, seconds and scores, found something else"
        ) from None
    if not scores.values:
        raise InputError(f"{path}: expected scores of items, found none")
    return scores


def check_common(names: Iterable[str], other: OtherScores) -> None:
    """Refuse scores that have no item in common with those to be made.

    Raises:
        InputError: If that is so.
    """
    given = list(names)
    if not other.seconds.keys() & set(given):
        raise InputError(
            f"{other.path}: expected scores of the same items ({some(given)}), found {some(list(other.seconds))}"
        )


def set_against(items: list[ItemScores], other: OtherScores) -> dict[str, Any]:
    """Set scores against others.

    Returns:
        `scores`, the path of the others; `items`, how many both have; `only_here` and `only_there`, the names of the
        rest, `other_length`, names that stand for items of another length there; `method`; and `differences` by column:
        mean, interval and p-value (None of a single item), number of items, and how many are better and worse here.
    """
    here = {item.name: item for item in items}
    common = [name for name in here if name in other.seconds]
    other_length = [name for name in common if abs(here[name].seconds - other.seconds[name]) > SAME_SECONDS]
    same = [here[name] for name in common if name not in other_length]
    differences = {}
    for column in COLUMNS:
        pairs = [pair for item in same if (pair := _pair(item, other, column)) is not None]
        if pairs and not COLUMNS[column].same_for_item:
            differences[column] = _difference(np.array(pairs), COLUMNS[column].lower_is_better)
    return {
        "scores": str(other.path),
        "items": len(same),
        "only_here": [name for name in here if name not in other.seconds],
        "only_there": [name for name in other.seconds if name not in here],
        "other_length": other_length,
        "method": METHOD,
        "differences": differences,
    }


def _pair(item: ItemScores, other: OtherScores, column: str) -> tuple[float, float] | None:
    """Return an item's mean here and there over the sources that have the score in both; None if none has."""
    pairs = [
        (value, theirs[column])
        for source in item.sources
        if (value := source_values(source).get(column)) is not None
        and column in (theirs := other.values.get((item.name, source.source), {}))
    ]
    if not pairs:
        return None
    ours, theirs_mean = np.mean(pairs, axis=0)
    return float(ours), float(theirs_mean)


def _difference(pairs: np.ndarray, lower_is_better: bool) -> dict[str, Any]:
    """Compare the means of the items here and there, `(items, 2)`."""
    ours, theirs = pairs.T
    gains = ours - theirs
    better = int(((gains < 0) if lower_is_better else (gains > 0)).sum())
    found: dict[str, Any] = {"mean": _rounded(gains.mean()), "interval": None, "p_value": None}
    if len(gains) > 1 and np.ptp(gains) > 0:
        from scipy.stats import ttest_rel  # half a second to import, and few set scores against others

        test = ttest_rel(ours, theirs)
        interval = test.confidence_interval(CONFIDENCE)
        found |= {"interval": [_rounded(interval.low), _rounded(interval.high)], "p_value": float(test.pvalue)}
    equal = int((gains == 0).sum())
    return found | {"items": len(gains), "better": better, "worse": len(gains) - better - equal, "equal": equal}


def describe_against(found: dict[str, Any]) -> list[str]:
    """Say what `set_against` found, a line a score; what follows from another (SI-SDRi from SI-SDR) is left out."""
    lines = [f"difference to {found['scores']} on {found['items']} common items (95 %: paired t over items):"]
    derived = {column.improvement.name for column in COLUMNS.values() if column.improvement is not None}
    for name, each in found["differences"].items():
        if name not in derived:
            low, high = each["interval"] or (each["mean"], each["mean"])
            between = "" if each["interval"] is None else f" ({low:+.3f} to {high:+.3f}, p = {each['p_value']:.2g})"
            lines.append(
                f"  {COLUMNS[name].label}: {each['mean']:+.3f}{between}, better on {each['better']} and worse on "
                f"{each['worse']} of {each['items']}"
            )
    for key, what in (
        ("only_here", "not among those scores"),
        ("only_there", "only among those scores"),
        ("other_length", "of another length there, not compared"),
    ):
        if names := found[key]:
            lines.append(f"  {len(names)} items {what}: {some(names)}")
    return lines


def _rounded(value: float) -> float:
    return round(float(value), SUMMARY_DECIMALS)

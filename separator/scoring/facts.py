"""Facts about items, out of a CSV, and the scores of the items that have one in common."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from separator.audio.finding import AUDIO_SUFFIXES
from separator.errors import InputError, some
from separator.scoring.item_scores import ItemScores
from separator.scoring.metrics import COLUMNS
from separator.scoring.summary import summarise

MOST_VALUES = 5
"""A column of no more different numbers is split by each of them."""

QUANTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Split:
    """A column that scores are split by.

    Attributes:
        column: Its name.
        edges: Where one group of numbers ends and the next begins; None lets the numbers decide.
        facts: What it says of each item; of some it may say nothing.
    """

    column: str
    edges: tuple[float, ...] | None
    facts: dict[str, str]


def read_facts(path: Path, by: Sequence[str], names: Iterable[str]) -> list[Split]:
    """Read what a CSV says of items.

    Its first column holds their names, with or without the suffix of an audio file. Several rows of an item (a row a
    source) must say the same, or nothing.

    Args:
        path: The CSV.
        by: `COLUMN`, or `COLUMN=EDGE:EDGE...` of numbers.
        names: The items.

    Raises:
        InputError: If it cannot be read, a column is missing or says two things of an item, or it knows none of the
            items.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            header, *rows = [row for row in csv.reader(file) if any(row)] or [[]]
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV of facts: {getattr(error, 'strerror', error)}") from None
    splits = []
    for each in by:
        column, edges = _column_and_edges(each, header)
        if column not in header[1:]:
            raise InputError(f"{path}: expected the column {column}, found {', '.join(header[1:]) or 'none'}")
        number = header.index(column, 1)
        facts: dict[str, str] = {}
        for row in rows:
            item, value = _plain(row[0]), row[number].strip() if number < len(row) else ""
            if value and facts.setdefault(item, value) != value:
                raise InputError(f"{path}: expected one {column} of {item}, found {facts[item]} and {value}")
        if edges is not None and _numbers(facts.values()) is None:
            raise InputError(f"{path}: expected numbers in the column {column}, found {some(sorted(facts.values()))}")
        splits.append(Split(column, edges, facts))
    known, given = {_plain(row[0]) for row in rows}, list(names)
    if not known & {_plain(name) for name in given}:
        raise InputError(f"{path}: expected facts about {some(given)} in the first column, found {some(sorted(known))}")
    return splits


def _column_and_edges(text: str, header: list[str]) -> tuple[str, tuple[float, ...] | None]:
    column, sign, edges = text.rpartition("=")
    if not sign or text in header:
        return text, None
    try:
        numbers = tuple(float(edge) for edge in edges.split(":"))
    except ValueError:
        numbers = ()
    if not numbers or list(numbers) != sorted(set(numbers)):
        raise InputError(f"by: expected COLUMN=EDGE:EDGE with rising numbers, found {text!r}")
    return column, numbers


def _plain(name: str) -> str:
    return str(PurePath(name).with_suffix("")) if PurePath(name).suffix.lower() in AUDIO_SUFFIXES else name


def summarise_groups(items: list[ItemScores], splits: Sequence[Split]) -> dict[str, Any]:
    """Summarise the items of each group apart.

    Returns:
        By column: `edges` of numbers, else None; `unknown`, the items of which the column says nothing; and `groups`
        by what it says, in order, each with its number of `items` and its `scores` (value, mean, its interval, number
        of defined values).
    """
    return {split.column: _summarise_split(items, split) for split in splits}


def _summarise_split(items: list[ItemScores], split: Split) -> dict[str, Any]:
    told = {item.name: fact for item in items if (fact := split.facts.get(_plain(item.name))) is not None}
    numbers = _numbers(told.values())
    edges = split.edges
    if edges is None and numbers is not None and len(set(numbers)) > MOST_VALUES:
        edges = tuple(dict.fromkeys(float(edge) for edge in np.quantile(numbers, QUANTILES)))
    label: Callable[[str], str] = (lambda fact: fact) if edges is None else lambda fact: _bin(float(fact), edges)
    order = sorted(dict.fromkeys(told.values()), key=str if numbers is None else float)
    if edges is not None:
        order = [_bin(edge, edges) for edge in (-np.inf, *edges)]
    groups = {}
    for name in order:
        members = [item for item in items if item.name in told and label(told[item.name]) == name]
        if members:
            scores = summarise(members)["scores"]
            kept = ("value", "mean", "mean_interval", "defined")
            groups[name] = {
                "items": len(members),
                "scores": {column: {key: each[key] for key in kept} for column, each in scores.items()},
            }
    unknown = [item.name for item in items if item.name not in told]
    return {"edges": None if edges is None else list(edges), "unknown": unknown, "groups": groups}


def _numbers(facts: Iterable[str]) -> list[float] | None:
    try:
        numbers = [float(fact) for fact in facts]
    except ValueError:
        return None
    return numbers if numbers and np.isfinite(numbers).all() else None


def _bin(number: float, edges: tuple[float, ...]) -> str:
    """Name the group of a number; an edge belongs to the group above it."""
    place = int(np.searchsorted(edges, number, side="right"))
    if place == 0:
        return f"below {edges[0]:.4g}"
    return f"{edges[-1]:.4g} and above" if place == len(edges) else f"{edges[place - 1]:.4g} to {edges[place]:.4g}"


def describe_groups(groups: dict[str, Any], headline: str) -> list[str]:
    """Say what `summarise_groups` found of one score, as a table for each column.

    Args:
        groups: What it returned.
        headline: The score; its improvement over the mixture where that was measured.
    """
    lines = []
    for column, split in groups.items():
        name = shown_column(split, headline)
        width = max(len(column), *map(len, split["groups"]), 0)
        lines.append(f"{column:{width}}  items  {COLUMNS[name].label} (95 %)")
        for label, group in split["groups"].items():
            lines.append(f"{label:{width}}  {group['items']:5}  {mean_text(group['scores'].get(name))}")
        if unknown := split["unknown"]:
            lines.append(f"nothing is said of the {column} of {len(unknown)} items: {some(unknown)}")
    return lines


def shown_column(split: dict[str, Any], headline: str) -> str:
    """Return the score that a table shows: the headline's improvement where it was measured."""
    improvement = COLUMNS[headline].improvement
    measured = {column for group in split["groups"].values() for column in group["scores"]}
    return improvement.name if improvement is not None and improvement.name in measured else headline


def mean_text(entry: dict[str, Any] | None) -> str:
    """Put a mean and its interval in words."""
    if entry is None or entry["mean"] is None:
        return "–"
    low, high = entry["mean_interval"] or (None, None)
    return f"{entry['mean']:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")

"""Notes of a summary on talkers beside the scores: similar voices, and one alone."""

import statistics
from typing import Any

from separator.scoring.item_scores import ItemScores, SourceScores
from separator.scoring.measures import LIMIT_DB

PITCH_LIMIT_OCTAVES = 0.4
"""Voices nearer than this are similar."""

APART_DB = 15.0
"""A lone talker's other outputs should be at least this far below."""


def summarise_talkers(items: list[ItemScores]) -> dict[str, Any]:
    """Summarise items with several talkers by the distance of their pitches, and items with one.

    Returns:
        `pitch`, where both were measured: `limit_octaves`, and for `below` and `above` it the number of `items` and
        the mean over items of their talkers' mean SI-SDRi (`si_sdri_db`).
        `lone`, if there are such items: their number, the median of `other_output_db`, the share of items in which
        the other outputs are `APART_DB` lower, and the share of those with noise, or anything else beside the
        talker, in which the talker's output has a lower SI-SDR than the mixture (None if there are none).
    """
    summary: dict[str, Any] = {}
    pairs = [pair for item in items if (pair := pitch_and_improvement(item)) is not None]
    if pairs:
        sides = {
            "below": [gain for distance, gain in pairs if distance < PITCH_LIMIT_OCTAVES],
            "above": [gain for distance, gain in pairs if distance >= PITCH_LIMIT_OCTAVES],
        }
        summary["pitch"] = {"limit_octaves": PITCH_LIMIT_OCTAVES} | {
            side: {"items": len(gains), "si_sdri_db": round(statistics.fmean(gains), 4) if gains else None}
            for side, gains in sides.items()
        }
    lone = [source for item in items for source in item.sources if source.scores.get("other_output_db") is not None]
    if lone:
        distances = [source.scores["other_output_db"] or 0.0 for source in lone]
        gains = [
            gain
            for source in lone
            if (gain := _improvement(source)) is not None and (source.input_scores["si_sdr_db"] or 0) < LIMIT_DB
        ]
        summary["lone"] = {
            "items": len(lone),
            "other_output_db": round(statistics.median(distances), 4),
            "other_output_15_db_share": _share([distance >= APART_DB for distance in distances]),
            "worse_than_input_share": _share([gain < 0 for gain in gains]) if gains else None,
        }
    return summary


def pitch_and_improvement(item: ItemScores) -> tuple[float, float] | None:
    """Return how far the nearest two talkers' pitches lie apart and the talkers' mean SI-SDRi; None if not measured."""
    talkers = [source for source in item.sources if source.scores.get("pitch_distance_octaves") is not None]
    gains = [gain for source in talkers if (gain := _improvement(source)) is not None]
    if not gains:
        return None
    return talkers[0].scores["pitch_distance_octaves"] or 0.0, statistics.fmean(gains)


def describe_talkers(summary: dict[str, Any]) -> list[str]:
    """Say what `summarise_talkers` found, a line each."""
    lines = []
    if (pitch := summary.get("pitch")) is not None:
        below, above = pitch["below"], pitch["above"]
        lines.append(
            f"SI-SDRi by the distance of the talkers' pitches: below {pitch['limit_octaves']} octave "
            f"{_decibels(below['si_sdri_db'])} ({below['items']} items), above {_decibels(above['si_sdri_db'])} "
            f"({above['items']} items)"
        )
    if (lone := summary.get("lone")) is not None:
        line = (
            f"one talker alone ({lone['items']} items): the other output at least {APART_DB:g} dB lower in "
            f"{lone['other_output_15_db_share']:.0%} of items"
        )
        if lone["worse_than_input_share"] is not None:
            line += f", SI-SDR worse than the input's in {lone['worse_than_input_share']:.0%}"
        lines.append(line)
    return lines


def _improvement(source: SourceScores) -> float | None:
    after, before = source.scores.get("si_sdr_db"), source.input_scores.get("si_sdr_db")
    return None if after is None or before is None else after - before


def _share(items: list[bool]) -> float:
    return round(sum(items) / len(items), 4)


def _decibels(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} dB"

"""Mixture consistency: what it does to the SI-SDR of a model whose sources do not sum to the mixture by themselves."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from separator.scoring.item_scores import ItemScores, SourceScores
from separator.scoring.metrics import COLUMNS
from separator.scoring.summary import summarise


def summarise_consistency(items: list[ItemScores], settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Say whether the estimates were made to sum to the mixture, and what they score without.

    Args:
        items: The scores.
        settings: Those of the scoring.

    Returns:
        `applied`; `by_model`, whether the model's sources sum to the mixture whatever its weights; and `without`, the
        means of `si_sdr_db` and `si_sdri_db` before it was applied, where they were measured. None where no model was
        scored.
    """
    if "mixture_consistency" not in settings:
        return None
    found = {"applied": settings["mixture_consistency"], "by_model": settings["model_sums_to_mixture"]}
    before = [
        replace(item, sources=tuple(map(_before, item.sources)))
        for item in items
        if any(source.without_consistency for source in item.sources)
    ]
    if before:
        means = summarise(before)
        found["without"] = {name: means[name] for name in ("si_sdr_db", "si_sdri_db") if name in means}
    return found


def _before(source: SourceScores) -> SourceScores:
    measured = source.without_consistency
    mixture = {name: value for name, value in source.input_scores.items() if name in measured}
    return replace(source, scores=measured, input_scores=mixture)


def describe_consistency(found: dict[str, Any] | None) -> list[str]:
    """Say what `summarise_consistency` found, in a line."""
    if found is None:
        return []
    if not found["applied"]:
        what = "the model's sources sum to the mixture anyway" if found["by_model"] else "not applied"
        return [f"mixture consistency: {what}"]
    if "without" not in found:
        what = ", which the model's sources have by themselves" if found["by_model"] else ""
        return [f"mixture consistency: applied{what}"]
    scores = ", ".join(
        f"{COLUMNS[name].title} {'–' if value is None else f'{value:.3f}'} dB"
        for name, value in found["without"].items()
    )
    return [f"mixture consistency: applied, as separate does; without, as training validates: {scores}"]

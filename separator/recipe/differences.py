"""Differences between two recipes, setting by setting."""

from typing import Any

import yaml

TABLES = ("loss.terms", "loss.source_weights")
"""Settings that are weights by names: two of them differ as a whole."""


def find_differences(first: Any, second: Any, key: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the settings in which two recipes, or parts of them, differ, each with its two values.

    Args:
        first, second: Plain values, as `recipe_to_dict` returns them.
        key: What the two are called.

    Returns:
        By `section.key`; a setting that one side lacks is None there.

    Example:
        >>> from separator.recipe.differences import find_differences
        >>> find_differences({"loss": {"terms": {"snr": 1.0}}}, {"loss": {"terms": {"l1": 2.0}, "threshold_db": 30}})
        {'loss.terms': ({'snr': 1.0}, {'l1': 2.0}), 'loss.threshold_db': (None, 30)}
    """
    if not (isinstance(first, dict) and isinstance(second, dict)) or key in TABLES:
        return {} if first == second else {key: (first, second)}
    found: dict[str, tuple[Any, Any]] = {}
    for name in {**first, **second}:
        found |= find_differences(first.get(name), second.get(name), f"{key}.{name}".removeprefix("."))
    return found


def differences_text(differences: dict[str, tuple[Any, Any]]) -> str:
    """Return differences on one line: `loss.terms: si_sdr → snr; optimizer.gradient_clip: 5.0 → 1.0`."""
    return "; ".join(
        f"{key}: {setting_text(before)} → {setting_text(now)}" for key, (before, now) in differences.items()
    )


def setting_text(value: Any) -> str:
    """Return a value as a recipe has it, `–` where there is none, weights by names as a sum."""
    if value is None or value == {}:
        return "–"
    if isinstance(value, dict) and all(isinstance(each, float) for each in value.values()):
        return " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in value.items())
    flow = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return flow.strip()[1:-1]

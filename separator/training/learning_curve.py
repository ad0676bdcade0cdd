"""Picture of a run: `learning_curve.png`, training loss, validation score and learning rate over the steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from separator.replacing import replace_file
from separator.training.learning import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE_NAME = "learning_curve.png"

SMOOTHED_SHARE = 0.03
"""Share of the rows that one point of the smoothed loss is the mean of."""

LOSS_COLOUR, SCORE_COLOUR, RATE_COLOUR, MARK_COLOUR = "#1f5fa8", "#b5451b", "#4c7a34", "#777777"


def draw_learning_curve(rows: Sequence[dict[str, str]], path: Path, score: Score) -> None:
    """Draw the rows of `metrics.csv`; dashed lines mark where the run was resumed.

    Args:
        rows: As `separator.training.metrics_table.read_metrics` gives them.
        path: The PNG file; replaced whole.
        score: What models are chosen by.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    steps, parts, hours = (_column(rows, name) for name in ("step", "part", "hours"))
    figure = Figure(figsize=(9, 7.5), dpi=100)
    # Margins of our own: to have them found at each validation takes as long as to draw.
    margins = {"left": 0.09, "right": 0.98, "bottom": 0.07, "top": 0.92, "hspace": 0.13}
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.6), gridspec_kw=margins)
    _draw_loss(panels[0], steps, _column(rows, "train_loss"))
    _draw_score(panels[1], steps, _column(rows, score.key), score)
    known = np.isfinite(rates := _column(rows, "learning_rate"))
    panels[2].plot(steps[known], rates[known], color=RATE_COLOUR, linewidth=1.5)
    panels[2].set_ylim(bottom=0)
    panels[2].ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    names = ("training loss", f"validation {score.label}, {score.unit}", "learning rate")
    for panel, name in zip(panels, names, strict=True):
        panel.set_ylabel(name)
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_axisbelow(True)
    _mark_resumes(panels, steps[:-1][np.diff(parts) > 0])
    panels[0].set_xlim(0, max(1.0, float(steps.max(initial=1)) * 1.02))
    panels[2].set_xlabel("steps")
    panels[2].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[2].xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    _add_hours(panels[0], steps, hours)
    replace_file(path, lambda temporary: figure.savefig(temporary, format="png"))


def _column(rows: Sequence[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row.get(name) or "nan") for row in rows], dtype=np.float64)


def _draw_loss(panel: "Axes", steps: np.ndarray, losses: np.ndarray) -> None:
    known = np.isfinite(losses)
    steps, losses = steps[known], losses[known]
    width = max(1, round(SMOOTHED_SHARE * len(losses)))
    if width == 1:
        panel.plot(steps, losses, color=LOSS_COLOUR, linewidth=1.5)
    else:
        panel.plot(steps, losses, color=LOSS_COLOUR, alpha=0.25, linewidth=0.8, label="mean of 10 steps")
        panel.plot(steps, smoothed(losses, width), color=LOSS_COLOUR, linewidth=1.8, label="smoothed")
        panel.legend(frameon=False, fontsize=9)
    if len(losses) > 1:  # the first steps would flatten all others
        low, high = float(losses.min()), float(np.quantile(losses, 0.99))
        panel.set_ylim(low - 0.05 * (high - low) - 1e-9, high + 0.15 * (high - low) + 1e-9)


def _draw_score(panel: "Axes", steps: np.ndarray, scores: np.ndarray, score: Score) -> None:
    known = np.isfinite(scores)
    steps, scores = steps[known], scores[known]
    panel.plot(steps, scores, color=SCORE_COLOUR, linewidth=1.5, marker="o", markersize=3 if len(steps) < 100 else 0)
    if len(scores):
        best = int(np.argmax(scores) if score.higher_is_better else np.argmin(scores))
        label = f"best: {scores[best]:.2f} {score.unit} at step {steps[best]:,.0f}"
        panel.plot(steps[best], scores[best], "*", color=SCORE_COLOUR, markersize=13, label=label)
        panel.legend(frameon=False, fontsize=9, loc="lower right")


def _mark_resumes(panels: Sequence["Axes"], steps: np.ndarray) -> None:
    for step in steps:
        for panel in panels:
            panel.axvline(step, color=MARK_COLOUR, linestyle="--", linewidth=0.9)
    if len(steps):
        panels[-1].annotate(
            "resumed",
            (steps[0], 0.06),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=8,
            color=MARK_COLOUR,
        )


def _add_hours(panel: "Axes", steps: np.ndarray, hours: np.ndarray) -> None:
    """Add a scale of the time spent training on top; not where none was told."""
    known = np.isfinite(hours)
    at, spent = np.concatenate([[0.0], steps[known]]), np.concatenate([[0.0], hours[known]])
    if len(at) < 2 or not (np.diff(spent) > 0).all() or not (np.diff(at) > 0).all():
        return

    def to_hours(step: Any) -> Any:
        return np.interp(step, at, spent) + np.maximum(0, np.asarray(step) - at[-1]) * spent[-1] / at[-1]

    def to_steps(hour: Any) -> Any:
        return np.interp(hour, spent, at) + np.maximum(0, np.asarray(hour) - spent[-1]) * at[-1] / spent[-1]

    scale = panel.secondary_xaxis("top", functions=(to_hours, to_steps))
    scale.set_xlabel("hours of training")


def smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """Return the mean of the `width` values around each; fewer at the ends."""
    ones = np.ones(width)
    return np.convolve(values, ones, "same") / np.convolve(np.ones_like(values), ones, "same")

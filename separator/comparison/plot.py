"""The picture of a comparison: quality against three kinds of cost."""

from pathlib import Path

from separator.comparison.table import ComparedRecipe

PANELS = {
    "mmacs_per_second": "million multiply-accumulates a second of audio",
    "parameters": "parameters",
    "real_time_factor": "real-time factor, measured",
}
MARKERS = "osD^v<>PX*hd"
FEW_TICKS, MORE_TICKS = (1, 2, 5), (1, 1.5, 2, 3, 5, 7)
"""Labelled in each decade."""

SIDE_STEP = 1.06
"""Factor between the places of recipes that cost the same."""


def plot_table(table: list[ComparedRecipe], path: Path) -> None:
    """Plot SI-SDRi over multiply-accumulates, parameters and real-time factor, as PNG.

    A thin bar is the confidence interval over mixtures, a thick one the standard deviation over seeds, whose runs are
    small dots. Recipes that cost the same stand side by side.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator

    figure = Figure(figsize=(14, 5.2), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for panel, (column, label) in zip(panels, PANELS.items(), strict=True):
        costs = _side_by_side([getattr(compared.mean, column) for compared in table])
        for number, (compared, cost) in enumerate(zip(table, costs, strict=True)):
            row, color = compared.mean, f"C{number % 10}"
            below, above = row.si_sdri_db - row.si_sdri_db_low, row.si_sdri_db_high - row.si_sdri_db
            panel.errorbar(
                cost,
                row.si_sdri_db,
                yerr=[[max(below, 0)], [max(above, 0)]],
                marker=MARKERS[number % len(MARKERS)],
                color=color,
                markersize=8,
                capsize=3,
                linestyle="none",
                label=row.name,
            )
            if row.si_sdri_db_seeds is not None:
                panel.errorbar(cost, row.si_sdri_db, yerr=row.si_sdri_db_seeds, color=color, elinewidth=6, alpha=0.35)
            scores = [run.si_sdri_db for run in compared.runs]
            panel.plot([cost] * len(scores), scores, ".", color="black", markersize=4, zorder=3)
        panel.set_xscale("log")
        low, high = min(costs), max(costs)
        panel.set_xlim(low / 1.6, high * 1.6)  # nearly equal costs do not fill the axis
        plain = EngFormatter(sep="") if column == "parameters" else FuncFormatter(lambda value, _: f"{value:g}")
        panel.xaxis.set_major_locator(LogLocator(subs=FEW_TICKS if high > 8 * low else MORE_TICKS))
        panel.xaxis.set_major_formatter(plain)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlabel(label)
        panel.grid(alpha=0.3)
    several = any(compared.mean.si_sdri_db_seeds is not None for compared in table)
    bars = "thin bar: 95 % over mixtures" + ("; thick: ± standard deviation over seeds (dots)" if several else "")
    if len({compared.mean.parameters for compared in table}) < len(table):
        bars += "; recipes that cost the same stand side by side"
    panels[0].set_ylabel("SI-SDRi on the test mixtures, dB")
    figure.suptitle(bars, fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110, format="png")


def _side_by_side(costs: list[float]) -> list[float]:
    """Return where to draw each of the costs: equal ones next to each other around their true place."""
    places = []
    for number, cost in enumerate(costs):
        before, equal = costs[:number].count(cost), costs.count(cost)
        places.append(cost * SIDE_STEP ** (before - (equal - 1) / 2))
    return places

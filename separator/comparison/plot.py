"""The picture of a comparison: quality against three kinds of cost."""

from pathlib import Path

from separator.comparison.table import Row

PANELS = {
    "mmacs_per_second": "million multiply-accumulates a second of audio",
    "parameters": "parameters",
    "real_time_factor": "real-time factor, measured",
}
MARKERS = "osD^v<>PX*hd"
FEW_TICKS, MORE_TICKS = (1, 2, 5), (1, 1.5, 2, 3, 5, 7)
"""Labelled in each decade."""


def plot_rows(rows: list[Row], path: Path) -> None:
    """Plot SI-SDRi and its confidence interval over multiply-accumulates, parameters and real-time factor, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator

    figure = Figure(figsize=(14, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for panel, (column, label) in zip(panels, PANELS.items(), strict=True):
        for number, row in enumerate(rows):
            below, above = row.si_sdri_db - row.si_sdri_db_low, row.si_sdri_db_high - row.si_sdri_db
            panel.errorbar(
                getattr(row, column),
                row.si_sdri_db,
                yerr=[[max(below, 0)], [max(above, 0)]],
                marker=MARKERS[number % len(MARKERS)],
                color=f"C{number % 10}",
                markersize=8,
                capsize=3,
                linestyle="none",
                label=row.name,
            )
        panel.set_xscale("log")
        low, high = min(getattr(row, column) for row in rows), max(getattr(row, column) for row in rows)
        panel.set_xlim(low / 1.6, high * 1.6)  # nearly equal costs do not fill the axis
        plain = EngFormatter(sep="") if column == "parameters" else FuncFormatter(lambda value, _: f"{value:g}")
        panel.xaxis.set_major_locator(LogLocator(subs=FEW_TICKS if high > 8 * low else MORE_TICKS))
        panel.xaxis.set_major_formatter(plain)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlabel(label)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("SI-SDRi on the test mixtures, dB (95 % interval)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110, format="png")

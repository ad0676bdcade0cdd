"""The report of an evaluation: one page of HTML that needs no other file and asks nobody for anything."""

import json
import shlex
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from separator.data.song_files import MIXTURE
from separator.scoring.against import describe_against
from separator.scoring.config import ScoringConfig
from separator.scoring.consistency import describe_consistency
from separator.scoring.excerpts import Excerpt, ExcerptStore, best_and_worst, item_score, ranking_column
from separator.scoring.facts import mean_text, shown_column
from separator.scoring.figures import (
    DYNAMIC_RANGE_DB,
    box_plots,
    histogram,
    peak_level_db,
    scatter_plot,
    sound,
    spectrogram,
)
from separator.scoring.item_scores import ItemScores, SourceScores
from separator.scoring.lags import describe_lags
from separator.scoring.metrics import COLUMNS
from separator.scoring.summary import column_values
from separator.scoring.talkers import PITCH_LIMIT_OCTAVES, describe_talkers, pitch_and_improvement

LOSSLESS_BYTES = 20_000_000
"""Sounds of up to so much, as 16 bits, are in the page as FLAC, which halves them."""

POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
"""Security policy of the page: a browser lets it do nothing but show what is in it."""

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1200px; padding: 1.5rem; color: #1c1c1c;
  background: #fff; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .8rem; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
.wide { overflow-x: auto; } .note { background: #fff3cd; border-left: 4px solid #d39e00; padding: .5rem .8rem; }
.failed { background: #fde2e1; border-left: 4px solid #b3261e; padding: .5rem .8rem; overflow-wrap: anywhere; }
.plain { color: #666; font-size: .9rem; } img { max-width: 100%; }
.signals { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem 1rem; }
.mixture { grid-column: 1 / -1; } figure { margin: 0; }
figure img { width: 100%; height: 130px; display: block; image-rendering: auto; }
figcaption { font-size: .85rem; } audio { width: 100%; height: 34px; margin-top: .2rem; }
pre { background: #f5f5f5; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem; }
"""


def write_report(
    path: Path, items: list[ItemScores], config: ScoringConfig, summary: dict[str, Any], excerpts: ExcerptStore
) -> None:
    """Write the page.

    Args:
        path: The file.
        items: All that were scored.
        config: What was measured.
        summary: As `separator.scoring.summary.make_summary` makes it.
        excerpts: Where the best and worst items' sounds are.
    """
    title = escape(_printable(summary["title"]))
    parts = [f"<h1>{title}</h1>", _overview(items, summary)]
    parts += [f'<p class="note">{escape(note)}</p>' for note in (*summary["notes"], *describe_lags(summary["lags"]))]
    parts += [
        f'<p class="failed">not scored: {escape(_printable(name))}: {escape(_printable(reason))}</p>'
        for name, reason in summary["failed"].items()
    ]
    if items:
        parts += [_table(summary), *_groups(summary, config.headline), _against(summary)]
        parts += [_plots(items, config, summary), _examples(items, config, excerpts)]
    parts.append(_settings(summary))
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )
    path.write_text(page, encoding="utf-8")


def _overview(items: list[ItemScores], summary: dict[str, Any]) -> str:
    seconds = sum(item.seconds for item in items)
    rates = ", ".join(f"{rate} Hz" for rate in summary["sample_rates"]) or "no rate"
    failed = f", {summary['num_failed']} not scored" if summary["num_failed"] else ""
    return f'<p class="plain">{len(items)} items{failed}, {seconds / 60:.1f} minutes, scored at {rates}</p>'


def _table(summary: dict[str, Any]) -> str:
    rows = []
    names = list(dict.fromkeys(name for entry in summary["scores"].values() for name in entry["sources"]))
    for name, column in COLUMNS.items():
        if name not in summary["scores"]:
            continue
        entry = summary["scores"][name]
        before = summary["scores"].get(f"input_{name}", {}).get("value")
        cells = [entry["value"], before, entry["mean"], entry["median"]]
        cells += [entry["sources"].get(each, {}).get("value") for each in names]
        undefined = entry["undefined"] or ""
        numbers = "".join(f"<td>{_number(cell)}</td>" for cell in cells)
        rows.append(f"<tr><td>{escape(column.label)}</td>{numbers}<td>{undefined}</td></tr>")
    heads = ["", "all", "mixture", "mean", "median", *names, "undefined"]
    header = "".join(f"<th>{escape(head)}</th>" for head in heads)
    return (
        f'<h2>Scores</h2><div class="wide"><table><tr>{header}</tr>{"".join(rows)}</table></div>'
        '<p class="plain">“all” and each source: the mean, for BSS Eval v4 the median over frames, then over tracks '
        "(“all” is then the mean over sources). “mixture”: the unprocessed mixture taken as the estimate. “mean” and "
        "“median”: over items and sources.</p>"
        + "".join(
            f"<p>{escape(line)}</p>"
            for line in (*describe_talkers(summary["talkers"]), *describe_consistency(summary.get("consistency")))
        )
    )


def _groups(summary: dict[str, Any], headline: str) -> list[str]:
    """Make a table for each column of facts that the scores are split by."""
    tables = []
    for column, split in summary.get("groups", {}).items():
        shown = shown_column(split, headline)
        rows = "".join(
            f"<tr><td>{escape(_printable(label))}</td><td>{group['items']}</td>"
            f"<td>{mean_text(group['scores'].get(shown))}</td></tr>"
            for label, group in split["groups"].items()
        )
        unknown = f'<p class="plain">Nothing is said of {len(split["unknown"])} items.</p>' if split["unknown"] else ""
        tables.append(
            f"<h2>By {escape(_printable(column))}</h2><table><tr><th></th><th>items</th>"
            f"<th>{escape(COLUMNS[shown].label)}, mean (95 %)</th></tr>{rows}</table>{unknown}"
        )
    return tables


def _against(summary: dict[str, Any]) -> str:
    found = summary.get("against")
    lines = [] if found is None else describe_against(found)
    paragraphs = "".join(f"<p>{escape(_printable(line))}</p>" for line in lines)
    return f"<h2>Against other scores</h2>{paragraphs}" if lines else ""


def _plots(items: list[ItemScores], config: ScoringConfig, summary: dict[str, Any]) -> str:
    shown = COLUMNS[config.headline].improvement
    if shown is None or shown.name not in summary["scores"]:
        shown = COLUMNS[config.headline]
    values = column_values((source for item in items for source in item.sources), shown.name)
    measured = tuple(column for column in config.columns if column in summary["scores"])
    boxes = box_plots(items, measured)
    parts = [f'<h2>By source</h2><img alt="box plots of each score by source" src="{boxes}">']
    if any(source.input_scores for item in items for source in item.sources):
        parts.append('<p class="plain">Blue: the estimates. Grey: the unprocessed mixture.</p>')
    if values:
        bars = histogram(values, shown.label)
        parts.append(f'<h2>Distribution</h2><img alt="histogram of {escape(shown.label)}" src="{bars}">')
    if pairs := [pair for item in items if (pair := pitch_and_improvement(item)) is not None]:
        points = scatter_plot(
            pairs, PITCH_LIMIT_OCTAVES, COLUMNS["pitch_distance_octaves"].label, COLUMNS["si_sdri_db"].label
        )
        parts.append(f'<h2>Similar voices</h2><img alt="SI-SDRi against the distance of pitches" src="{points}">')
    return "\n".join(parts)


def _examples(items: list[ItemScores], config: ScoringConfig, excerpts: ExcerptStore) -> str:
    parts, most = [], -(-len(items) // 4)  # of few items the middle ones are left out, as of many
    ends = [chosen[:most] for chosen in best_and_worst(items, config.headline)]
    shown = [excerpts.load(item.name) for chosen in ends for item in chosen]
    lossless = sum(each.reference.nbytes + each.estimate.nbytes for each in shown if each) <= LOSSLESS_BYTES
    for heading, chosen in zip(("Best items", "Worst items"), ends, strict=True):
        if chosen:
            parts.append(f"<h2>{heading}</h2>")
            parts += [_example(item, config, shown.pop(0), lossless) for item in chosen]
    return "\n".join(parts)


def _example(item: ItemScores, config: ScoringConfig, excerpt: Excerpt | None, lossless: bool) -> str:
    value = item_score(item, config.headline)
    ranked = COLUMNS[ranking_column(item, config.headline)]
    heading = f"<h3>{escape(_printable(item.name))}: {ranked.title} {_number(value)} {ranked.unit}</h3>"
    if excerpt is None:
        return f'{heading}<p class="plain">No excerpt is left of this item.</p>'
    rate = excerpt.sample_rate
    signals: list[tuple[str, np.ndarray]] = [] if excerpt.mixture is None else [(MIXTURE, excerpt.mixture)]
    for number, source in enumerate(item.sources):
        signals.append((f"{source.source}: estimate{_scores_of(source, config)}", excerpt.estimate[number]))
        signals.append((f"{source.source}: reference", excerpt.reference[number]))
    top = max(peak_level_db(signal, rate) for _, signal in signals)
    figures = [
        f'<figure class="{"mixture" if name == MIXTURE else "source"}">'
        f'<img alt="spectrogram of {escape(_printable(name))}" src="{spectrogram(signal, rate, top)}">'
        f'<figcaption>{escape(_printable(name))}</figcaption><audio controls preload="metadata" '
        f'src="{sound(signal, rate, lossless)}"></audio></figure>'
        for name, signal in signals
    ]
    seconds = excerpt.reference.shape[-1] / rate
    return (
        f'{heading}<p class="plain">{seconds:.1f} s from {excerpt.start_seconds:.1f} s on; spectrograms from 0 to '
        f"{rate / 2000:g} kHz on a mel scale, {DYNAMIC_RANGE_DB:.0f} dB deep, alike for all of an item.</p>"
        f'<div class="signals">{"".join(figures)}</div>'
    )


def _scores_of(source: SourceScores, config: ScoringConfig) -> str:
    headline = COLUMNS[config.headline]
    before = source.input_scores.get(config.headline)
    mixture = "" if before is None else f", mixture {_number(before)}"
    return f", {headline.title} {_number(source.scores.get(headline.name))} {headline.unit}{mixture}"


def _settings(summary: dict[str, Any]) -> str:
    left_out = {"title", "command", "scores", "talkers", "failed", "notes", "groups", "against", *summary["scores"]}
    settings = {key: value for key, value in summary.items() if key not in left_out}
    command = f"<pre>{escape(_printable(shlex.join(summary['command'])))}</pre>" if summary["command"] else ""
    return (
        f"<h2>To repeat it</h2>{command}"
        f"<pre>{escape(_printable(json.dumps(settings, indent=2, ensure_ascii=False)))}</pre>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _printable(text: str) -> str:
    """Return a name as valid text, even where its bytes are none."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

"""The few seconds of an item that a report shows and plays, kept on disk for the best and the worst items only."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from separator.replacing import replace_file
from separator.scoring.item_scores import ItemScores
from separator.scoring.items import Signals
from separator.scoring.metrics import COLUMNS
from separator.scoring.summary import column_values, source_values

EXCERPT_SECONDS = 6.0
SHOWN = 5
"""Items shown from either end."""

FULL_SCALE = 32767


@dataclass(frozen=True)
class Excerpt:
    """Part of an item, on one scale: only what would clip is turned down, all signals alike.

    Attributes:
        start_seconds: Where in the item it begins.
        sample_rate: In Hz.
        mixture: `(C, t)` int16; None if there is none.
        reference: `(S, C, t)` int16.
        estimate: `(S, C, t)` int16, in the order of the references.
    """

    start_seconds: float
    sample_rate: int
    mixture: np.ndarray | None
    reference: np.ndarray
    estimate: np.ndarray


def cut_excerpt(signals: Signals, scores: ItemScores) -> Excerpt:
    """Cut the stretch in which the references sound together the most."""
    rate, total = signals.sample_rate, signals.reference.shape[-1]
    length = min(total, round(EXCERPT_SECONDS * rate))
    start = 0
    if total > length:
        frame = max(1, rate // 4)
        levels = torch.nn.functional.avg_pool1d(signals.reference.square().mean(dim=1), frame)  # (S, K)
        loudness = (levels + 1e-6).log().sum(dim=0)  # the sum of logarithms is low where one is silent
        windows = loudness.unfold(0, max(1, min(len(loudness), length // frame)), 1).sum(dim=1)
        start = min(int(windows.argmax()) * frame, total - length)
    parts = [signals.reference, signals.estimate]
    if signals.mixture is not None:
        parts.append(signals.mixture.unsqueeze(0))
    cut = [part[..., start : start + length] for part in parts]
    gain = FULL_SCALE / max(1.0, *(float(part.abs().max()) for part in cut))
    reference, estimate, *mixture = [np.round(part.cpu().numpy() * gain).astype(np.int16) for part in cut]
    order = [signals.estimates.index(source.estimate) for source in scores.sources]
    return Excerpt(start / rate, rate, mixture[0][0] if mixture else None, reference, estimate[order])


def best_and_worst(items: Iterable[ItemScores], column: str) -> tuple[list[ItemScores], list[ItemScores]]:
    """Return the items at either end by `item_score`, the best first and the worst first, none in both."""
    named = {item.name: item for item in items}
    ranks = {name: item_score(item, column) for name, item in named.items()}
    best, worst = _ends({name: rank for name, rank in ranks.items() if rank is not None})
    return [named[name] for name in best], [named[name] for name in worst]


def _ends(scores: dict[str, float]) -> tuple[list[str], list[str]]:
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    worst = ranked[-min(SHOWN, len(ranked) // 2) :][::-1] if len(ranked) > 1 else []
    return ranked[: min(SHOWN, len(ranked) - len(worst))], worst


def item_score(item: ItemScores, column: str) -> float | None:
    """Return the mean over an item's sources of a score, or of its improvement where it has one; None if undefined."""
    values = column_values(item.sources, ranking_column(item, column))
    return float(np.mean(values)) if values else None


def ranking_column(item: ItemScores, column: str) -> str:
    """Return the improvement over the mixture if the column has one and there is a mixture, else the column."""
    improvement = COLUMNS[column].improvement
    return improvement.name if improvement and improvement.name in source_values(item.sources[0]) else column


class ExcerptStore:
    """Excerpts in a folder, no more than a report needs.

    Args:
        folder: Made when the first one is kept.
        column: The score that items are ranked by.
        items: Those that are finished already.
    """

    def __init__(self, folder: Path, column: str, items: Iterable[ItemScores] = ()) -> None:
        self.folder = folder
        self.column = column
        self._ranks: dict[str, float] = {}
        for item in items:
            self.count(item)

    def keep(self, excerpt: Excerpt, scores: ItemScores) -> None:
        """Keep an excerpt if its item is among the best or worst of those so far, and drop those that no longer are.

        What falls out never comes back: more items can only push it further from the ends.
        """
        self.count(scores)
        shown = {self.path(name) for ends in _ends(self._ranks) for name in ends}
        if self.path(scores.name) in shown:
            self.folder.mkdir(parents=True, exist_ok=True)
            arrays = {name: value for name, value in vars(excerpt).items() if value is not None}
            replace_file(self.path(scores.name), lambda path: _save(path, arrays))
        for path in self.folder.glob("*.npz"):
            if path not in shown:
                path.unlink()

    def count(self, scores: ItemScores) -> None:
        """Let an item take part in the ranking."""
        rank = item_score(scores, self.column)
        if rank is None:
            self._ranks.pop(scores.name, None)
        else:
            self._ranks[scores.name] = rank

    def load(self, name: str) -> Excerpt | None:
        """Load the excerpt of an item; None if there is none, or it is damaged."""
        try:
            with np.load(self.path(name), allow_pickle=False) as arrays:
                start, rate = float(arrays["start_seconds"]), int(arrays["sample_rate"])
                return Excerpt(start, rate, arrays.get("mixture"), arrays["reference"], arrays["estimate"])
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def path(self, name: str) -> Path:
        """Return the path of an item's excerpt, whatever characters its name has."""
        return self.folder / f"{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:16]}.npz"


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)

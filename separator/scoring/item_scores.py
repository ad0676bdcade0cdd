"""The scores of one item: every metric of every source, for the estimates and for the mixture itself."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from separator.scoring.assignment import Group, best_order, find_groups, find_talkers
from separator.scoring.config import ScoringConfig
from separator.scoring.empty_bands import has_empty_bands
from separator.scoring.items import Signals
from separator.scoring.lags import find_lags
from separator.scoring.measures import LIMIT_DB, mean_si_sdr
from separator.scoring.metrics import METRICS, Metric

SCORE_DECIMALS = 6

Values = dict[str, float | None]
Frames = dict[str, list[float]]


@dataclass(frozen=True)
class SourceScores:
    """One source of one item.

    Attributes:
        source: Name of the reference.
        estimate: Name of the estimate that belongs to it.
        scores: By column; None where the metric is not defined, such as for silence.
        input_scores: The same of the mixture; empty if there is none.
        frames: What is measured frame by frame, by the columns' titles: of BSS Eval v4 as museval has them.
        without_consistency: The score that is measured also before the estimate was made to sum to the mixture, by
            column; empty where it was not, or does so anyway.
        lag_samples: How much later than the reference the estimate comes, where SI-SDR suffers by it; else None.
    """

    source: str
    estimate: str
    scores: Values
    input_scores: Values = field(default_factory=dict)
    frames: Frames = field(default_factory=dict)
    without_consistency: Values = field(default_factory=dict)
    lag_samples: int | None = None


@dataclass(frozen=True)
class ItemScores:
    """One item.

    Attributes:
        name: Its name.
        subset: `test` or `train`.
        sample_rate: Rate in Hz that it was scored at.
        original_rate: Rate of the references' files.
        seconds: Its length.
        sources: In the order of the references.
        empty_bands: Whether BSS Eval v4 was measured on references with empty bands.
    """

    name: str
    subset: str
    sample_rate: int
    original_rate: int
    seconds: float
    sources: tuple[SourceScores, ...]
    empty_bands: bool = False

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "ItemScores":
        """Restore the scores from what `asdict` gave."""
        sources = tuple(SourceScores(**source) for source in content["sources"])
        return cls(**{**content, "sources": sources})


def score_item(signals: Signals, config: ScoringConfig, device: str = "cpu") -> ItemScores:
    """Score an item.

    Scores in dB are within ±100: a perfect estimate has 100 dB. A score is None where it is not defined: where the
    reference is silent, SIR of a lone source, PESQ and STOI of a signal that is too short. Utterance SDR is defined
    there too. Frames of BSS Eval v4 in which an estimate is perfect are left out of its median, as museval does.

    A silent estimate of a source that sounds has an SI-SDR, an SDR of BSS Eval v3 and an utterance SDR of 0 dB, which
    is what an SDR without scaling gives it, and SI-SDR where it is computed with a small floor: otherwise a model could
    raise its mean by giving up. STOI has 0 for it. Its other scores are None: museval, mir_eval and P.862 have none.

    Args:
        signals: The item, as `fitted` returns it.
        config: What to measure.
        device: Where SDRs are computed.
    """
    reference, order = signals.reference, list(range(len(signals.sources)))
    groups: list[Group] = [([number], [number]) for number in order]
    if config.permute:
        groups = find_groups(signals.sources, signals.estimates)
        order = best_order(mean_si_sdr(signals.estimate.unsqueeze(1), reference.unsqueeze(0)), groups)
    estimate, rate = signals.estimate[order] if config.permute else signals.estimate, signals.sample_rate
    lags = find_lags(signals.estimate, reference, order, groups, rate)
    chosen = [METRICS[name] for name in config.metrics]
    of_all, of_talkers = ([each for each in chosen if each.of_talkers is kind] for kind in (False, True))
    on_device = reference.to(device)
    scores, frames = _measure(of_all, estimate.to(device), on_device, rate, config.engine)
    talkers = [number for group in find_talkers(signals.sources) for number in group]
    if talkers:
        found, _ = _measure(of_talkers, estimate[talkers], reference[talkers], rate, config.engine)
        for number, values in zip(talkers, found, strict=True):
            scores[number] |= {name: value for name, value in values.items() if value is not None}
    before: list[Values] = [{} for _ in order]
    if signals.mixture is not None:
        # Silence in one copy of the mixture is silence in all, and blanks the same frames.
        mixture = signals.mixture.to(device).expand_as(on_device)
        before, _ = _measure(of_all, mixture, on_device, rate, config.engine)
    plain: list[Values] = [{} for _ in order]
    if signals.without_consistency is not None and "si_sdr" in config.metrics:
        plain, _ = _measure([METRICS["si_sdr"]], signals.without_consistency[order], reference, rate, config.engine)
    return ItemScores(
        name=signals.name,
        subset=signals.subset,
        sample_rate=signals.sample_rate,
        original_rate=signals.original_rate,
        seconds=round(reference.shape[-1] / signals.sample_rate, 3),
        sources=tuple(
            SourceScores(
                source,
                signals.estimates[order[number]],
                scores[number],
                before[number],
                frames[number],
                plain[number],
                lags[number],
            )
            for number, source in enumerate(signals.sources)
        ),
        empty_bands=any(each.rounds_in_empty_bands for each in chosen) and has_empty_bands(reference),
    )


def _measure(
    metrics: Iterable[Metric],
    estimate: Tensor,
    reference: Tensor,
    sample_rate: int,
    engine: str,
) -> tuple[list[Values], list[Frames]]:
    """Compute metrics of sources, as the table says."""
    scores: list[Values] = [{} for _ in reference]
    frames: list[Frames] = [{} for _ in reference]
    for metric in metrics:
        measured = metric.engines.get(engine, metric.measure)(estimate, reference, sample_rate)
        for column, values in zip(metric.columns, measured, strict=True):
            if values.ndim == 2:
                framewise = values.cpu().numpy()
                values = _medians(framewise)
                for number, found in enumerate(framewise):
                    frames[number][column.title] = np.round(found, SCORE_DECIMALS).tolist()
            if column.needs_others and len(reference) == 1:
                values = torch.full_like(values, torch.nan)
            for number, value in enumerate(values.double().clamp(-LIMIT_DB, LIMIT_DB).tolist()):
                scores[number][column.name] = None if np.isnan(value) else round(value, SCORE_DECIMALS)
    return scores, frames


def _medians(frames: np.ndarray) -> Tensor:
    """Take the medians of the finite frames, as museval does: `(S, K)` to `(S)`; infinite where no frame is finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a source without any
        medians = np.nanmedian(np.where(np.isinf(frames), np.nan, frames), axis=1)
        return torch.from_numpy(np.where(np.isnan(medians), np.nanmax(frames, axis=1), medians))

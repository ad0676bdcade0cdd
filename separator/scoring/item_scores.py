"""The scores of one item: every metric of every source, for the estimates and for the mixture itself."""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from separator.metrics import (
    bss_eval,
    bss_eval_sources,
    nearest_pitch_distance,
    other_output_db,
    own_output_share,
    pesq,
    sdr,
    si_sdr,
    stoi,
    swaps_per_minute,
)
from separator.scoring.assignment import best_order, find_groups, find_talkers
from separator.scoring.config import LIMIT_DB, METRICS, OF_TALKERS, ScoringConfig, load_museval
from separator.scoring.empty_bands import has_empty_bands
from separator.scoring.items import Signals

FRAME_SECONDS = 1.0
"""Window and hop of BSS Eval v4 in every published music score."""

DECIMALS = 6


@dataclass(frozen=True)
class SourceScores:
    """One source of one item.

    Attributes:
        source: Name of the reference.
        estimate: Name of the estimate that belongs to it.
        scores: By column; None where the metric is not defined, such as for silence.
        input_scores: The same of the mixture; empty if there is none.
        frames: BSS Eval v4 frame by frame, `SDR`, `ISR`, `SIR`, `SAR`, as museval has them.
    """

    source: str
    estimate: str
    scores: dict[str, float | None]
    input_scores: dict[str, float | None] = field(default_factory=dict)
    frames: dict[str, list[float]] = field(default_factory=dict)


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

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "ItemScores":
        """What `to_dict` gave."""
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
    reference, estimate, order = signals.reference, signals.estimate, list(range(len(signals.sources)))
    if config.permute:
        pairwise = _si_sdr(estimate.unsqueeze(1), reference.unsqueeze(0))
        order = best_order(pairwise, find_groups(signals.sources, signals.estimates))
        estimate = estimate[order]
    scores, frames = _all_metrics(estimate, reference, signals.sample_rate, config, device)
    for number, values in _talkers_metrics(signals, estimate, config).items():
        scores[number] |= values
    before: list[dict[str, float | None]] = [{} for _ in order]
    if signals.mixture is not None:
        # Silence in one copy of the mixture is silence in all, and blanks the same frames.
        before, _ = _all_metrics(signals.mixture.expand_as(reference), reference, signals.sample_rate, config, device)
    return ItemScores(
        name=signals.name,
        subset=signals.subset,
        sample_rate=signals.sample_rate,
        original_rate=signals.original_rate,
        seconds=round(reference.shape[-1] / signals.sample_rate, 3),
        sources=tuple(
            SourceScores(source, signals.estimates[order[number]], scores[number], before[number], frames[number])
            for number, source in enumerate(signals.sources)
        ),
        empty_bands="bss_v4" in config.metrics and has_empty_bands(reference),
    )


def _si_sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Mean over the channels in which the reference is not silent, in float64: `(..., C, T)` to `(...)`."""
    scores = si_sdr(estimate.double(), reference.double(), eps=0.0).clamp(-LIMIT_DB, LIMIT_DB)
    return _zero_if_given_up(scores, estimate, reference).nanmean(dim=-1)


def _bss_v3(estimate: Tensor, reference: Tensor) -> tuple[Tensor, ...]:
    scores = bss_eval_sources(estimate, reference, permute=False)
    sdr_db = _zero_if_given_up(scores.sdr, estimate.flatten(1), reference.flatten(1))
    return _without_lone_sir((sdr_db, scores.sir, scores.sar), 1)


def _zero_if_given_up(scores: Tensor, estimate: Tensor, reference: Tensor) -> Tensor:
    """0 dB where the estimate is constant and the reference is not: `(...)` of signals `(..., T)`."""
    silent, absent = (signal.amax(dim=-1) == signal.amin(dim=-1) for signal in (estimate, reference))
    return torch.where(silent & ~absent, 0.0, scores)


Columns = dict[str, list[float | None]]
Frames = list[dict[str, list[float]]]


def _all_metrics(
    estimate: Tensor, reference: Tensor, sample_rate: int, config: ScoringConfig, device: str
) -> tuple[list[dict[str, float | None]], Frames]:
    estimate, reference = estimate.to(device), reference.to(device)
    columns: Columns = {}
    frames: Frames = [{} for _ in reference]
    whole: dict[str, Callable[[], tuple[Tensor, ...]]] = {
        "si_sdr": lambda: (_si_sdr(estimate, reference),),
        "bss_v3": lambda: _bss_v3(estimate, reference),
        "utterance_sdr": lambda: (sdr(estimate, reference),),
        "pesq_wb": lambda: (pesq(estimate, reference, sample_rate, "wb").nanmean(dim=-1),),
        "pesq_nb": lambda: (pesq(estimate, reference, sample_rate, "nb").nanmean(dim=-1),),
        "stoi": lambda: (stoi(estimate, reference, sample_rate).nanmean(dim=-1),),
        "estoi": lambda: (stoi(estimate, reference, sample_rate, extended=True).nanmean(dim=-1),),
    }
    for metric in config.metrics:
        if metric == "bss_v4":
            framewise = _framewise(estimate, reference, sample_rate, config)
            medians = _without_lone_sir(tuple(_medians(each) for each in framewise), 2)
            for column, values in zip(METRICS[metric], medians, strict=True):
                columns[column] = _plain(values)
            for number in range(len(reference)):
                frames[number] = {
                    name: np.round(each[number], DECIMALS).tolist()
                    for name, each in zip(("SDR", "ISR", "SIR", "SAR"), framewise, strict=True)
                }
        elif metric in whole:
            for column, values in zip(METRICS[metric], whole[metric](), strict=True):
                columns[column] = _plain(values)
    return [{column: values[number] for column, values in columns.items()} for number in range(len(reference))], frames


def _talkers_metrics(signals: Signals, estimate: Tensor, config: ScoringConfig) -> dict[int, dict[str, float | None]]:
    """What is measured of talkers alone, and only where it is defined, by the number of the source.

    Args:
        signals: The item.
        estimate: Its estimates in the order of its references.
        config: What to measure.
    """
    talkers = [number for group in find_talkers(signals.sources) for number in group]
    if not talkers:
        return {}
    given, true, rate = estimate[talkers], signals.reference[talkers], signals.sample_rate
    measure: dict[str, Callable[[], Tensor]] = {
        "pitch_distance_octaves": lambda: nearest_pitch_distance(true, rate),
        "own_output_share": lambda: own_output_share(given, true, rate),
        "swaps_per_minute": lambda: swaps_per_minute(given, true, rate),
        "other_output_db": lambda: other_output_db(given, true),
    }
    found: dict[int, dict[str, float | None]] = {number: {} for number in talkers}
    for column in config.columns:
        if column in OF_TALKERS:
            for number, value in zip(talkers, _plain(measure[column]()), strict=True):
                if value is not None:
                    found[number][column] = value
    return found


def _without_lone_sir(scores: tuple[Tensor, ...], sir: int) -> tuple[Tensor, ...]:
    """A lone source has nothing to interfere with it: its SIR is not defined."""
    lone = len(scores[0]) == 1
    return tuple(
        torch.full_like(each, torch.nan) if lone and number == sir else each for number, each in enumerate(scores)
    )


def _medians(frames: np.ndarray) -> Tensor:
    """Of the finite frames, as museval takes it: `(S, K)` to `(S)`; infinite only where no frame is finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a source without any
        medians = np.nanmedian(np.where(np.isinf(frames), np.nan, frames), axis=1)
        return torch.from_numpy(np.where(np.isnan(medians), np.nanmax(frames, axis=1), medians))


def _plain(values: Tensor) -> list[float | None]:
    limited = values.double().clamp(-LIMIT_DB, LIMIT_DB).tolist()
    return [None if np.isnan(value) else round(value, DECIMALS) for value in limited]


def _framewise(estimate: Tensor, reference: Tensor, sample_rate: int, config: ScoringConfig) -> list[np.ndarray]:
    """SDR, ISR, SIR and SAR, each `(S, K)`; sources that are silent throughout are NaN with either engine."""
    window = int(FRAME_SECONDS * sample_rate)
    if config.engine == "fast":
        return [score.cpu().numpy() for score in bss_eval(estimate, reference, window)]
    sounding = [
        number for number, pair in enumerate(zip(estimate, reference, strict=True)) if all(_sounds(one) for one in pair)
    ]
    num_samples = reference.shape[-1]
    num_frames = 1 if window >= num_samples else (num_samples - window) // window + 1
    scores = [np.full((len(reference), num_frames), np.nan) for _ in range(4)]
    if sounding:  # museval refuses silence
        both = (signal[sounding].double().cpu().transpose(1, 2).numpy() for signal in (reference, estimate))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # museval divides by zero where an estimate is perfect
            found = load_museval().evaluate(*both, win=window, hop=window)
        for score, values in zip(scores, found, strict=True):
            score[sounding] = values
    return scores


def _sounds(signal: Tensor) -> bool:
    return bool(signal.sum(dim=0).ne(0).any())

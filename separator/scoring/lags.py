"""Lags: how many samples late an estimate comes, which no score forgives."""

import statistics
from collections.abc import Sequence
from typing import Any

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from separator.scoring.assignment import Group, best_order
from separator.scoring.measures import mean_si_sdr

LAG_SECONDS = 1.0
"""Lags are looked for up to this, and up to half an item, either way."""

SEARCHED_SECONDS = 20.0
"""Lags are looked for where the reference is the loudest, in so much of it; the scores that decide are of the whole."""

LAG_GAIN_DB = 3.0
"""A shift that raises the SI-SDR by no more is not told."""

SHIFTED_LIMIT_DB = 0.0
"""Nor is one that leaves it below this: any two recordings are somewhat alike at some lag."""


def find_lags(
    estimate: Tensor, reference: Tensor, order: Sequence[int], groups: Sequence[Group], sample_rate: int
) -> list[int | None]:
    """Find the references whose estimates fit far better when they are shifted.

    Estimates that are late may be assigned by chance: shifted, they are assigned anew.

    Args:
        estimate: The estimates.
        reference: The references.
        order: The estimate that each reference is scored with.
        groups: Which estimates may belong to which references.
        sample_rate: In Hz.

    Returns:
        For each reference by how many samples its estimate is late, below 0 early; None where a shift gains little.

    Shape:
        `(S, C, T)` both.
    """
    pairs = [(source, each) for references, estimates in groups for source in references for each in estimates]
    lags = {(source, each): best_lag(estimate[each], reference[source], sample_rate) for source, each in pairs}
    if not any(lags.values()):
        return [None] * len(reference)
    shifted = torch.full((len(reference), len(reference)), -torch.inf, dtype=torch.float64)
    for (source, each), lag in lags.items():
        shifted[each, source] = mean_si_sdr(*_overlap(estimate[each], reference[source], lag))
    found: list[int | None] = []
    for source, each in enumerate(best_order(shifted, groups)):
        lag = lags[source, each]
        gain = shifted[each, source] - mean_si_sdr(estimate[order[source]], reference[source]) if lag else 0.0
        is_better = bool(gain > LAG_GAIN_DB and shifted[each, source] > SHIFTED_LIMIT_DB)  # of silence neither is
        found.append(lag if is_better else None)
    return found


def best_lag(estimate: Tensor, reference: Tensor, sample_rate: int) -> int:
    """Return the lag in samples at which the cross-correlation is the highest, of either sign.

    Shape:
        `(C, T)` both.

    Example:
        >>> reference = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
        >>> best_lag(reference.roll(57), reference, 8000)
        57
    """
    most = min(round(LAG_SECONDS * sample_rate), reference.shape[-1] // 2)
    searched = _loudest(reference, round(SEARCHED_SECONDS * sample_rate))
    estimate, reference = estimate[..., searched], reference[..., searched]
    num_samples = reference.shape[-1]
    length = next_fast_len(num_samples + most, real=True)
    spectra = [torch.fft.rfft(each - each.mean(dim=-1, keepdim=True), length) for each in (estimate, reference)]
    correlation = torch.fft.irfft((spectra[0] * spectra[1].conj()).sum(dim=0), length).abs()
    near = torch.cat([correlation[length - most :], correlation[: most + 1]])
    return int(near.argmax()) - most


def _loudest(signal: Tensor, num_samples: int) -> slice:
    """Return where `(C, T)` has the most energy in so many samples, to a tenth of them; all of it if it is shorter."""
    frame = max(1, num_samples // 10)
    energies = signal.square().sum(dim=0)[: signal.shape[-1] // frame * frame].view(-1, frame).sum(dim=1)
    if len(energies) <= 10:
        return slice(None)
    start = int(energies.unfold(0, 10, 1).sum(dim=1).argmax()) * frame
    return slice(start, start + num_samples)


def _overlap(estimate: Tensor, reference: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    """Cut both to where they overlap when the estimate is shifted back by the lag."""
    late, early, length = max(lag, 0), max(-lag, 0), reference.shape[-1] - abs(lag)
    return estimate[..., late : late + length], reference[..., early : early + length]


def summarise_lags(lags: Sequence[int | None], sample_rates: Sequence[int]) -> dict[str, Any]:
    """Summarise the lags of all estimates.

    Args:
        lags: As `find_lags` finds them.
        sample_rates: The rate in Hz of each.

    Returns:
        The number of `estimates`, and for those that are `late` and `early`, if there are any: how many, and the
        median, the lowest and the highest lag in samples, and the median in seconds.
    """
    summary: dict[str, Any] = {"estimates": len(lags)}
    given = [(lag, rate) for lag, rate in zip(lags, sample_rates, strict=True) if lag]
    for side, sign in (("late", 1), ("early", -1)):
        found = sorted(sign * lag for lag, _ in given if sign * lag > 0)
        if found:
            seconds = statistics.median(sign * lag / rate for lag, rate in given if sign * lag > 0)
            summary[side] = {
                "estimates": len(found),
                "median_samples": round(statistics.median(found)),
                "lowest_samples": found[0],
                "highest_samples": found[-1],
                "median_seconds": round(seconds, 6),
            }
    return summary


def describe_lags(summary: dict[str, Any]) -> list[str]:
    """Say what `summarise_lags` found, a line for each side."""
    lines = []
    for side in ("late", "early"):
        if (found := summary.get(side)) is not None:
            low, high = found["lowest_samples"], found["highest_samples"]
            between = "" if low == high else f", from {low:,} to {high:,}"
            lines.append(
                f"{found['estimates']} of {summary['estimates']} estimates are about {found['median_samples']:,} "
                f"samples ({1000 * found['median_seconds']:.3g} ms{between}) {side}: shifted, each gains more than "
                f"{LAG_GAIN_DB:g} dB of SI-SDR; the scores take them as they are"
            )
    return lines

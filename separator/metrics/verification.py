"""Scores of telling voices apart: equal error rate and minimum detection cost of trials, same voice or not."""

import torch
from torch import Tensor

TARGET_PRIOR = 0.05
"""How likely two stretches are of one voice, in the detection cost of the VoxCeleb challenges."""


def error_rates(scores: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    """Count misses and false alarms at every threshold.

    Args:
        scores: Similarity of each trial.
        same: Whether the trial is of one voice.

    Returns:
        At thresholds that rise from below every score to above every score, each between two scores that differ: the
        share of trials of one voice that lie below, and the share of the others that lie above.

    Shape:
        scores, same: `(N,)`; both results `(K,)` float64.

    Raises:
        ValueError: If shapes differ, a score is not finite, or there are no trials of either kind.
    """
    if scores.dim() != 1 or scores.shape != same.shape:
        raise ValueError(f"expected scores and labels of one shape (N,), found {scores.shape} and {same.shape}")
    if not torch.isfinite(scores).all():
        raise ValueError("expected finite scores, found NaN or infinity")
    num_same = int(same.sum())
    if not 0 < num_same < len(same):
        raise ValueError(f"expected trials of one voice and of two, found {num_same} of {len(same)} of one")
    ordered, order = scores.double().sort()
    labels = same[order].double()
    is_last = torch.cat([ordered[1:] != ordered[:-1], torch.ones(1, dtype=torch.bool, device=scores.device)])
    below_same = torch.cat([labels.new_zeros(1), labels.cumsum(0)[is_last]])
    below_other = torch.cat([labels.new_zeros(1), (1 - labels).cumsum(0)[is_last]])
    return below_same / num_same, 1 - below_other / (len(same) - num_same)


def equal_error_rate(scores: Tensor, same: Tensor) -> float:
    """Return the rate at which misses and false alarms are as frequent, between two thresholds by a line.

    Args:
        scores, same: As for `error_rates`, with its shapes and its errors.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.7, 0.3, 0.8, 0.2, 0.1]), torch.tensor([1, 1, 1, 0, 0, 0]).bool()
        >>> round(equal_error_rate(scores, same), 4)  # 0.3 is missed, and 0.8 is a false alarm
        0.3333
    """
    misses, alarms = error_rates(scores, same)
    after = int((misses >= alarms).nonzero()[0])  # the first threshold with at least as many misses
    before = after - 1
    gap_before, gap_after = float(alarms[before] - misses[before]), float(misses[after] - alarms[after])
    place = gap_before / (gap_before + gap_after)
    return float(misses[before] + place * (misses[after] - misses[before]))


def minimum_detection_cost(scores: Tensor, same: Tensor, target_prior: float = TARGET_PRIOR) -> float:
    """Return the least cost of any threshold, relative to deciding without listening: 0 is perfect, 1 is useless.

    `min(P · misses + (1 − P) · false alarms) / min(P, 1 − P)`, misses and false alarms costing the same.

    Args:
        scores, same: As for `error_rates`.
        target_prior: P, how likely one voice is.

    Raises:
        ValueError: As `error_rates`, or if `target_prior` is not between 0 and 1.

    Source:
        NIST 2018 Speaker Recognition Evaluation Plan, section 3.1.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.7, 0.3, 0.8, 0.2, 0.1]), torch.tensor([1, 1, 1, 0, 0, 0]).bool()
        >>> round(minimum_detection_cost(scores, same), 4)  # accepting 0.9 alone misses two of three
        0.6667
    """
    if not 0 < target_prior < 1:
        raise ValueError(f"target_prior: expected above 0 and below 1, found {target_prior}")
    misses, alarms = error_rates(scores, same)
    costs = target_prior * misses + (1 - target_prior) * alarms
    return float(costs.min()) / min(target_prior, 1 - target_prior)

"""The filters of BSS Eval: least-squares projections of estimates on delayed references.

All estimates share one factorisation of the references' Gram matrix; museval builds and factorises it anew for every
estimate.
"""

import torch
from torch import Tensor

from separator.metrics.block_toeplitz import solve_block_toeplitz

MOST_DENSE_INPUTS = 4
"""Of more channels, the structure of the matrix saves more time than its many small steps cost."""

REFINEMENTS = 2
"""Steps of iterative refinement where the references are dependent."""


def distortion_filters(correlations: Tensor, num_sources: int) -> tuple[Tensor, Tensor]:
    """Find the filters that bring the references closest to each estimate, all jointly and each one alone.

    They are found of what the estimates differ from their references by: a filter that changes nothing is exact.

    Args:
        correlations: Of the references with the references, and with the estimates less their references, as
            `delayed_correlations` computes them.
        num_sources: Number of sources.

    Shape:
        correlations: `(S·C, 2·S·C, taps)`.
        Returns the joint filters `(S, C, S·C, taps)` (estimate, its channel, input channel of any reference, tap) and
        the own filters `(S, S, C, C, taps)` (estimate, reference, channel of the estimate, channel of the reference,
        tap), both float64.

    Source:
        Vincent et al., "Performance measurement in blind audio source separation", 2006, section III.
    """
    num_inputs, _, filter_taps = correlations.shape
    num_channels = num_inputs // num_sources
    among, differences = correlations.split(num_inputs, dim=1)  # (S·C, S·C, taps) each
    signals, differences = among.transpose(1, 2), differences.transpose(1, 2)  # right sides (S·C, taps, S·C)
    found = []
    for number in range(num_sources):
        channels = slice(number * num_channels, (number + 1) * num_channels)
        right = differences[channels] + signals[channels]  # of the estimates
        right[..., channels] = differences[channels, :, channels]
        found.append(solve_normal_equations(among[channels, channels], right))  # (C, taps, S·C)
    own = torch.stack(found).unflatten(3, (num_sources, num_channels))  # (S, C, taps, S, C)
    own = own.permute(3, 0, 4, 1, 2).clone()  # (estimate, reference, C, C, taps)
    for number in range(num_sources):
        own[number, number, ..., 0].diagonal().add_(1)
    if num_sources == 1:  # the very same filters: no interference at all, not even rounding
        joint = own[0]
    else:
        joint = solve_normal_equations(among, differences).permute(2, 0, 1)  # (S·C, S·C, taps)
        joint = joint.unflatten(0, (num_sources, num_channels))
        joint = joint + unit_filters(num_sources, num_channels, filter_taps, joint.device)
    return joint, own


def unit_filters(num_sources: int, num_channels: int, filter_taps: int, device: torch.device) -> Tensor:
    """Return the filters that give each reference as it is: `(S, C, S·C, taps)`."""
    num_inputs = num_sources * num_channels
    filters = torch.zeros((num_inputs, num_inputs, filter_taps), dtype=torch.float64, device=device)
    filters[..., 0].fill_diagonal_(1)
    return filters.unflatten(0, (num_sources, num_channels))


def solve_normal_equations(correlations: Tensor, right: Tensor) -> Tensor:
    """Find filters of signals whose correlations with the delayed signals are those on the right side.

    As in museval, float64's epsilon on the diagonal gives silent signals filters of zero. Dependent signals (a stem
    with two equal channels, a stem given twice) leave the filters open. Then the smallest share of the diagonal that
    makes the matrix definite, from 1e-15 up, is added to it, and refinement takes its bias away.

    Shape:
        correlations: `(I, I, taps)`, of delays from 0 up; right and result: `(I, taps, R)`.
    """
    correlations = correlations.clone()
    correlations[..., 0].diagonal().add_(torch.finfo(correlations.dtype).eps)
    if len(correlations) > MOST_DENSE_INPUTS and (found := solve_block_toeplitz(correlations, right)) is not None:
        return found
    gram, right = _gram_matrix(correlations), right.flatten(0, 1)
    damped, share = gram, 1e-15
    factor, failed = torch.linalg.cholesky_ex(gram)
    while failed:
        damped = gram.clone()
        damped.diagonal().mul_(1 + share)
        factor, failed = torch.linalg.cholesky_ex(damped)
        share *= 10
    solution = torch.cholesky_solve(right, factor)
    for _ in range(0 if damped is gram else REFINEMENTS):
        solution += torch.cholesky_solve(right - gram @ solution, factor)
    return solution.unflatten(0, (len(correlations), -1))


def _gram_matrix(correlations: Tensor) -> Tensor:
    """Build the Gram matrix of delayed channels: `(I, I, taps)` correlations to `(I·taps, I·taps)`, blocks Toeplitz.

    Entry `[(i, a), (j, b)]` is the correlation of `i` with `j` at delay `a - b`, so `[j, i, b - a]` where `b > a`.
    """
    num_inputs, _, num_delays = correlations.shape
    falling = torch.cat([correlations.flip(-1), correlations.transpose(0, 1)[..., 1:]], dim=-1)  # lag 0 in the middle
    gram = correlations.new_empty((num_inputs, num_delays, num_inputs, num_delays))
    for delay in range(num_delays):
        gram[:, delay] = falling[..., num_delays - 1 - delay : 2 * num_delays - 1 - delay]  # lags delay, delay - 1, ...
    return gram.view(num_inputs * num_delays, num_inputs * num_delays)

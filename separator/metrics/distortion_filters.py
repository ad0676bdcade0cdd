"""The filters of BSS Eval: least-squares projections of estimates on delayed references.

All estimates share one Gram matrix, whose blocks come from FFT correlations taken block by block, and one
factorisation of it; museval builds and factorises it anew for every estimate.
"""

import torch
from torch import Tensor

FFT_SAMPLES = 4096
BLOCKS_AT_ONCE = 16
"""Blocks transformed together: few enough to stay in the processor's cache."""
REFINEMENTS = 2
"""Steps of iterative refinement where the references are dependent."""


def distortion_filters(estimate: Tensor, reference: Tensor, filter_taps: int) -> tuple[Tensor, Tensor]:
    """Find the filters that bring the references closest to each estimate, all jointly and each one alone.

    Delays run from 0 to `filter_taps - 1` samples; signals count as silent outside their `T` samples.

    Shape:
        estimate, reference: `(S, C, T)`.
        Returns the joint filters `(S·C, S, C, taps)` (input channel of any reference, estimate, its channel, tap) and
        the own filters `(S, S, C, C, taps)` (estimate, reference, channel of the reference, channel of the estimate,
        tap), both float64.

    Source:
        Vincent et al., "Performance measurement in blind audio source separation", 2006, section III.
    """
    num_sources, num_channels, _ = reference.shape
    num_inputs = num_sources * num_channels
    correlations = delayed_correlations(reference.flatten(0, 1), estimate.flatten(0, 1), filter_taps)
    gram = _gram_matrix(correlations[:, :num_inputs])  # (S·C·taps, S·C·taps)
    right = correlations[:, num_inputs:].transpose(1, 2).flatten(0, 1)  # (S·C·taps, S·C)
    per_source = num_channels * filter_taps
    own = torch.stack(
        [
            solve_normal_equations(gram[own_taps, own_taps], right[own_taps])
            for own_taps in (slice(each * per_source, (each + 1) * per_source) for each in range(num_sources))
        ]
    ).view(num_sources, num_channels, filter_taps, num_sources, num_channels)
    own = own.permute(3, 0, 1, 4, 2)  # (estimate, reference, C, C, taps)
    if num_sources == 1:  # the very same filters: no interference at all, not even rounding
        joint = own[0, 0].unsqueeze(1)
    else:
        joint = solve_normal_equations(gram, right).view(num_inputs, filter_taps, num_sources, num_channels)
        joint = joint.permute(0, 2, 3, 1)
    return joint, own


def delayed_correlations(reference: Tensor, estimate: Tensor, num_delays: int) -> Tensor:
    """Compute inner products of every delayed reference channel with every reference and every estimate channel.

    Shape:
        reference, estimate: `(I, T)`.
        Returns `(I, 2·I, num_delays)`, float64: `[i, j, k] = Σ_t reference[i, t - k] · signal[j, t]`, where `signal`
        is the references followed by the estimates.
    """
    num_inputs, num_samples = reference.shape
    fft_samples = max(FFT_SAMPLES, 4 * num_delays)
    step = fft_samples - num_delays + 1
    sums = reference.new_zeros((fft_samples // 2 + 1, num_inputs, 2 * num_inputs), dtype=torch.complex128)
    for first in range(0, num_samples, BLOCKS_AT_ONCE * step):
        offsets = range(first, min(first + BLOCKS_AT_ONCE * step, num_samples), step)
        past = reference.new_zeros((num_inputs, len(offsets), fft_samples), dtype=torch.float64)
        block = reference.new_zeros((2 * num_inputs, len(offsets), fft_samples), dtype=torch.float64)
        for slot, offset in enumerate(offsets):
            copy_samples(past[:, slot], reference, offset - num_delays + 1, (0, min(offset + step, num_samples)))
            copy_samples(block[:num_inputs, slot, :step], reference, offset, (0, num_samples))
            copy_samples(block[num_inputs:, slot, :step], estimate, offset, (0, num_samples))
        past_spectrum = torch.fft.rfft(past).conj().permute(2, 0, 1).contiguous()  # (F, I, blocks)
        sums += past_spectrum @ torch.fft.rfft(block).permute(2, 1, 0).contiguous()  # (F, I, 2·I)
    # Sample m + num_delays - 1 - k of `past` meets sample m of `block`; the conjugate reads the lag backwards.
    circular = torch.fft.irfft(sums.permute(1, 2, 0), n=fft_samples)  # (I, 2·I, fft_samples)
    lags = torch.arange(num_delays, device=reference.device) - (num_delays - 1)
    return circular[..., lags % fft_samples]


def copy_samples(target: Tensor, signal: Tensor, offset: int, bounds: tuple[int, int]) -> None:
    """Copy `signal` within `bounds` into `target`, whose first sample stands for sample `offset` of the signal."""
    start, stop = max(bounds[0], offset), min(bounds[1], offset + target.shape[-1])
    if start < stop:
        target[..., start - offset : stop - offset] = signal[..., start:stop]


def solve_normal_equations(gram: Tensor, right: Tensor) -> Tensor:
    """Solve `gram · x = right` for a symmetric, positive semidefinite matrix, singular or not.

    Dependent references (a stem with two equal channels, a stem given twice) leave `x` open. Then the smallest share
    of the diagonal that makes the matrix definite, from 1e-15 up, is added to it, and refinement takes its bias away.
    """
    factor, failed = torch.linalg.cholesky_ex(gram)
    if not failed:
        return torch.cholesky_solve(right, factor)
    share = 1e-15
    while failed:
        damped = gram.clone()
        damped.diagonal().mul_(1 + share)
        factor, failed = torch.linalg.cholesky_ex(damped)
        share *= 10
    solution = torch.cholesky_solve(right, factor)
    for _ in range(REFINEMENTS):
        solution += torch.cholesky_solve(right - gram @ solution, factor)
    return solution


def _gram_matrix(correlations: Tensor) -> Tensor:
    """Build the Gram matrix of delayed channels: `(I, I, taps)` correlations to `(I·taps, I·taps)`, blocks Toeplitz.

    Entry `[(i, a), (j, b)]` is the correlation of `i` with `j` at delay `a - b`, so `[j, i, b - a]` where `b > a`.
    As in museval, float64's epsilon on the diagonal gives silent references filters of zero.
    """
    num_inputs, _, num_delays = correlations.shape
    negative = correlations.transpose(0, 1)[..., 1:].flip(-1)
    lags = torch.cat([negative, correlations], dim=-1)  # (I, I, 2·taps - 1), lag 0 in the middle
    blocks = lags.unfold(-1, num_delays, 1).flip(-1)  # (I, I, taps, taps)
    gram = blocks.permute(0, 2, 1, 3).reshape(num_inputs * num_delays, num_inputs * num_delays)
    gram.diagonal().add_(torch.finfo(gram.dtype).eps)
    return gram

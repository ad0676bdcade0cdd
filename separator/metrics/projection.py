"""Framewise energies of what BSS Eval splits an estimate into.

Every part is a sum of filtered references, some with the difference of an estimate and its reference. Its energy in a
frame follows from the correlations of that frame: no signal is filtered.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from separator.metrics.delayed_correlations import Span, correlations_across, delayed_correlations
from separator.metrics.distortion_filters import distortion_filters, unit_filters


class Energies(NamedTuple):
    """Energies of the parts of an estimate, `(P, K)`: pairs of an estimate and a reference, frames.

    `s` is the reference, `e` the estimate, `p` the reference through its own filters, `q` all references through the
    joint filters.
    """

    target: Tensor
    """`s`"""
    error: Tensor
    """`e - s`"""
    spatial: Tensor
    """`p - s`"""
    filtered: Tensor
    """`p`"""
    unfiltered: Tensor
    """`e - p`"""
    interference: Tensor
    """`q - p`"""
    explained: Tensor
    """`q`"""
    artefacts: Tensor
    """`e - q`"""


def framewise_energies(
    estimate: Tensor, reference: Tensor, pairs: list[tuple[int, int]], frames: list[Span], filter_taps: int
) -> Energies:
    """Filter each frame of the references as if all around it were silence, its tail included, and compare.

    The filters are those of the whole signals.

    Args:
        estimate: Estimated sources.
        reference: True sources.
        pairs: Estimate and reference of each of the `P` comparisons.
        frames: The `K` frames.
        filter_taps: Length of the filters.

    Shape:
        estimate, reference: `(S, C, T)`; energies: `(P, K)`, float64.
    """
    num_sources, num_channels, num_samples = reference.shape
    inputs, outputs = reference.flatten(0, 1), estimate.flatten(0, 1)
    borders = [stop for _, stop in frames]
    if [start for start, _ in frames] == [0, *borders[:-1]] and borders[0] >= filter_taps:
        # The whole is the sum of its frames, of what is behind them, and of what lies across the borders.
        rest = [(borders[-1], num_samples)] if borders[-1] < num_samples else []
        correlations = delayed_correlations(inputs, outputs, filter_taps, frames + rest)
        whole = correlations.sum(dim=0) + correlations_across(inputs, outputs, filter_taps, borders)
        correlations = correlations[: len(frames)]
    else:
        whole = delayed_correlations(inputs, outputs, filter_taps, [(0, num_samples)])[0]
        correlations = delayed_correlations(inputs, outputs, filter_taps, frames)
    joint, own = distortion_filters(whole, num_sources)

    estimates, references = ([pair[side] for pair in pairs] for side in (0, 1))
    unit = unit_filters(num_sources, num_channels, filter_taps, joint.device)
    s, e, q = unit[references], unit[estimates], joint[estimates]  # (P, C, S·C, taps); e without its difference
    p = torch.zeros_like(q).unflatten(2, (num_sources, num_channels))  # (P, C, S, C, taps)
    for number, (one, other) in enumerate(pairs):
        p[number, :, other] = own[one, other]
    p = p.flatten(2, 3)
    filters = torch.stack([s, e - s, p - s, p, e - p, q - p, q, e - q])  # (parts, P, C, S·C, taps)
    energies = _filtered_energies(filters.flatten(0, 1), correlations[:, :, : len(inputs)])
    energies = energies.view(len(Energies._fields), len(pairs), len(frames))

    with_difference = [Energies._fields.index(name) for name in ("error", "unfiltered", "artefacts")]
    across = correlations[:, :, len(inputs) :].unflatten(2, (num_sources, num_channels))[:, :, estimates]
    energies[with_difference] += 2 * torch.einsum("npcid,kipcd->npk", filters[with_difference], across)
    for number, (start, stop) in enumerate(frames):
        difference = estimate[..., start:stop].double() - reference[..., start:stop]
        energies[with_difference, :, number] += difference.square().flatten(1).sum(dim=1)[estimates]
    return Energies(*energies.clamp(min=0))


def _filtered_energies(filters: Tensor, correlations: Tensor) -> Tensor:
    """Compute the energies of filtered references, summed over the channels that the filters give.

    Shape:
        filters: `(N, C, I, taps)`; correlations: `(K, I, I, taps)`; energies: `(N, K)`.
    """
    taps = filters.shape[-1]
    spectra = torch.fft.rfft(filters, n=2 * taps).permute(0, 3, 2, 1)  # (N, F, I, C)
    products = (spectra @ spectra.mH).permute(0, 2, 3, 1)  # (N, I, I, F)
    weights = torch.fft.irfft(products, n=2 * taps)[..., :taps]  # of each pair of inputs and difference of delays
    weights[..., 1:] *= 2  # i behind j, and j before i
    return weights.flatten(1) @ correlations.flatten(1).t()

"""Framewise energies of what BSS Eval splits an estimate into, by filtering each frame of the references."""

from typing import NamedTuple

import torch
from torch import Tensor

from separator.metrics.distortion_filters import BLOCKS_AT_ONCE, FFT_SAMPLES, copy_samples


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
    estimate: Tensor,
    reference: Tensor,
    filters: tuple[Tensor, Tensor],
    pairs: list[tuple[int, int]],
    frames: list[tuple[int, int]],
) -> Energies:
    """Filter each frame of the references as if all around it were silence, its tail included, and compare.

    Args:
        estimate: Estimated sources.
        reference: True sources.
        filters: The joint and the own filters, as `distortion_filters` returns them.
        pairs: Estimate and reference of each of the `P` comparisons.
        frames: First sample, and the one after the last, of each of the `K` frames.

    Shape:
        estimate, reference: `(S, C, T)`; energies: `(P, K)`, float64.
    """
    joint, own = filters
    from scipy.fft import next_fast_len  # separating imports this package, and needs none of scipy

    num_past = joint.shape[-1] - 1
    filtered_samples = max(stop - start for start, stop in frames) + num_past
    num_blocks = -(-filtered_samples // max(FFT_SAMPLES, 4 * num_past))
    fft_samples = next_fast_len(-(-filtered_samples // num_blocks) + num_past, real=True)
    step = fft_samples - num_past
    estimates, references = ([pair[side] for pair in pairs] for side in (0, 1))
    joint_spectrum = torch.fft.rfft(joint, n=fft_samples).unsqueeze(-2)  # (S·C, S, C, 1, F)
    own_spectrum = torch.fft.rfft(own[estimates, references], n=fft_samples).unsqueeze(-2)  # (P, C, C, 1, F)
    own_spectrum = own_spectrum.transpose(0, 1)  # (C, P, C, 1, F)

    # Overlap-save: a block of filtered samples needs `num_past` samples before it.
    blocks = [(frame, block * step) for frame in range(len(frames)) for block in range(num_blocks)]
    energies = reference.new_zeros((len(Energies._fields), len(pairs), len(frames)), dtype=torch.float64)
    for first in range(0, len(blocks), BLOCKS_AT_ONCE):
        chunk = blocks[first : first + BLOCKS_AT_ONCE]
        past = reference.new_zeros((*reference.shape[:2], len(chunk), fft_samples), dtype=torch.float64)
        block = reference.new_zeros((*estimate.shape[:2], len(chunk), step), dtype=torch.float64)
        for slot, (frame, offset) in enumerate(chunk):
            offset += frames[frame][0]
            copy_samples(past[:, :, slot], reference, offset - num_past, frames[frame])
            copy_samples(block[:, :, slot], estimate, offset, frames[frame])
        spectrum = torch.fft.rfft(past)  # (S, C, blocks, F)
        q = _filter(spectrum.flatten(0, 1)[:, None, None], joint_spectrum, fft_samples, num_past)[estimates]
        p = _filter(spectrum[references].transpose(0, 1)[:, :, None], own_spectrum, fft_samples, num_past)
        s, e = past[references, ..., num_past:], block[estimates]  # (P, C, blocks, step)
        parts = Energies(s, e - s, p - s, p, e - p, q - p, q, e - q)
        norms = torch.stack([torch.linalg.vector_norm(part, dim=-1) for part in parts])  # (parts, P, C, blocks)
        indices = torch.tensor([frame for frame, _ in chunk], device=energies.device)
        energies.index_add_(2, indices, norms.square().sum(dim=2))
    return Energies(*energies)


def _filter(spectrum: Tensor, filter_spectrum: Tensor, fft_samples: int, num_past: int) -> Tensor:
    """Sum the inputs (first dimension), each through its filter, without the samples that wrapped around."""
    total = spectrum[0] * filter_spectrum[0]
    for each, filters in zip(spectrum[1:], filter_spectrum[1:], strict=True):
        total.addcmul_(each, filters)
    return torch.fft.irfft(total, n=fft_samples)[..., num_past:]

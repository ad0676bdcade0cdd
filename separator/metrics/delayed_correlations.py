"""Correlations of delayed signals, frame by frame: all that BSS Eval asks of the samples, in one pass over them."""

import torch
from torch import Tensor

FFT_SAMPLES = 4096
BLOCKS_AT_ONCE = 16
"""Blocks transformed together: few enough to stay in the processor's cache."""

Span = tuple[int, int]
"""First sample, and the one after the last."""


def delayed_correlations(reference: Tensor, estimate: Tensor, num_delays: int, frames: list[Span]) -> Tensor:
    """Compute inner products of every delayed reference with every reference and with what each estimate differs by.

    Each frame is taken as if all around it were silent.

    Shape:
        reference, estimate: `(I, T)`.
        Returns `(K, I, 2·I, num_delays)`, float64: `[k, i, j, d] = Σ_t reference[i, t - d] · signal[j, t]` over frame
        `k`, where `signal` is the references followed by the estimates less their references.
    """
    from scipy.fft import next_fast_len  # separating imports this package, and needs none of scipy

    num_inputs, past = len(reference), num_delays - 1
    longest = max(stop - start for start, stop in frames)
    num_blocks = -(-longest // max(FFT_SAMPLES, 4 * num_delays))
    fft_samples = next_fast_len(-(-longest // num_blocks) + past, real=True)
    step = fft_samples - past
    at_once = -(-num_blocks // -(-num_blocks // BLOCKS_AT_ONCE))  # as many each time
    delayed = reference.new_empty((num_inputs, at_once, fft_samples), dtype=torch.float64)
    current = reference.new_empty((2 * num_inputs, at_once, fft_samples), dtype=torch.float64)
    lags = (torch.arange(num_delays, device=reference.device) - past) % fft_samples
    found = reference.new_empty((len(frames), num_inputs, 2 * num_inputs, num_delays), dtype=torch.float64)
    for number, (start, stop) in enumerate(frames):
        sums = torch.zeros((), dtype=torch.complex128, device=reference.device)
        for first in range(start, stop, at_once * step):
            delayed.zero_()
            current.zero_()
            for slot, offset in enumerate(range(first, min(first + at_once * step, stop), step)):
                _copy(delayed[:, slot], reference, offset - past, (start, min(offset + step, stop)))
                _copy(current[:num_inputs, slot, :step], reference, offset, (start, stop))
                _copy(current[num_inputs:, slot, :step], estimate, offset, (start, stop))
            current[num_inputs:] -= current[:num_inputs]
            sums = sums + _cross_spectra(delayed, current)
        # Sample m + past - d of `delayed` meets sample m of `current`; the conjugate reads the lag backwards.
        found[number] = torch.fft.irfft(sums.permute(1, 2, 0), n=fft_samples)[..., lags]
    return found


def correlations_across(reference: Tensor, estimate: Tensor, num_delays: int, borders: list[int]) -> Tensor:
    """Compute what `delayed_correlations` of frames that follow each other leaves out at the borders between them.

    Args:
        reference, estimate, num_delays: As for `delayed_correlations`.
        borders: The first sample behind each frame. None but what is behind the last border is shorter than the delays.

    Shape:
        `(I, T)` to `(I, 2·I, num_delays)`, the sum over the borders.
    """
    num_inputs, past = len(reference), num_delays - 1
    before = reference.new_zeros((num_inputs, len(borders), 2 * num_delays), dtype=torch.float64)
    after = reference.new_zeros((2 * num_inputs, len(borders), 2 * num_delays), dtype=torch.float64)
    for slot, border in enumerate(borders):
        _copy(before[:, slot, :past], reference, border - past, (0, border))
        _copy(after[:num_inputs, slot, :past], reference, border, (border, reference.shape[-1]))
        _copy(after[num_inputs:, slot, :past], estimate, border, (border, reference.shape[-1]))
    after[num_inputs:] -= after[:num_inputs]
    lags = (torch.arange(num_delays, device=reference.device) - past) % (2 * num_delays)
    return torch.fft.irfft(_cross_spectra(before, after).permute(1, 2, 0), n=2 * num_delays)[..., lags]


def _cross_spectra(delayed: Tensor, current: Tensor) -> Tensor:
    """Sum the products of spectra over the blocks: `(I, blocks, N)` and `(J, blocks, N)` to `(F, I, J)`."""
    left = torch.fft.rfft(delayed).conj().permute(2, 0, 1).contiguous()  # (F, I, blocks)
    return left @ torch.fft.rfft(current).permute(2, 1, 0).contiguous()  # (F, I, J)


def _copy(target: Tensor, signal: Tensor, offset: int, bounds: Span) -> None:
    """Copy `signal` within `bounds` into `target`, whose first sample stands for sample `offset` of the signal."""
    start, stop = max(bounds[0], offset), min(bounds[1], offset + target.shape[-1])
    if start < stop:
        target[..., start - offset : stop - offset] = signal[..., start:stop]

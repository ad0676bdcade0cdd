"""Correlations of frames and across their borders against sums over the samples."""

import numpy as np
import torch

from separator.metrics.delayed_correlations import correlations_across, delayed_correlations

DELAYS = 30


def summed(reference: np.ndarray, signals: np.ndarray) -> np.ndarray:
    """`(I, T)` and `(J, T)` to `(I, J, DELAYS)`."""
    length = reference.shape[1]
    sums = [reference[:, : max(length - lag, 0)] @ signals[:, lag:].T for lag in range(DELAYS)]
    return np.stack(sums, axis=-1)


def test_frames_are_taken_alone_and_add_up_with_what_lies_across() -> None:
    random = torch.Generator().manual_seed(0)
    reference, estimate = torch.randn(2, 2, 15_000, generator=random)
    signals = torch.cat([reference, estimate - reference]).double().numpy()
    frames = [(0, 7000), (7000, 14_990), (14_990, 15_000)]  # the last is shorter than the delays
    found = delayed_correlations(reference, estimate, DELAYS, frames)
    assert found.shape == (3, 2, 4, DELAYS) and found.dtype == torch.float64
    for values, (start, stop) in zip(found, frames, strict=True):
        expected = summed(signals[:2, start:stop], signals[:, start:stop])
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-3)
    whole = found.sum(dim=0) + correlations_across(reference, estimate, DELAYS, [7000, 14_990, 15_000])
    np.testing.assert_allclose(whole, summed(signals[:2], signals), rtol=1e-6, atol=1e-3)
    one = delayed_correlations(reference, estimate, DELAYS, [(0, 15_000)])[0]
    torch.testing.assert_close(one, whole, rtol=0, atol=1e-8)

"""Signal-to-noise ratio: what differs from the reference counts, its level too."""

import torch
from torch import Tensor


def pairwise_snr(estimate: Tensor, reference: Tensor, threshold_db: float | None = None, eps: float = 1e-8) -> Tensor:
    """Compute the SNR `10 log10(|r|² / |e − r|²)` of every estimate against every reference of the same example, in dB.

    Args:
        estimate: Estimated signals.
        reference: True signals.
        threshold_db: Where the score levels off: `10 log10(|r|² / (|e − r|² + 10^(−threshold/10) |r|²))`; None is the
            metric itself.
        eps: Added to each energy: silence and perfect estimates stay finite.

    Shape:
        estimate: `(B, S, C, T)`; reference: `(B, R, C, T)`; result: `(B, S, R)`, over all channels together.

    Raises:
        ValueError: If channels or lengths differ.

    Source:
        Thresholded: Wisdom et al., mixture invariant training, 2020, arXiv 2006.12701, eq. 2.

    Example:
        >>> reference = torch.ones(1, 1, 1, 4)
        >>> round(pairwise_snr(0.9 * reference, reference).item(), 2)  # a level that is a tenth too low
        20.0
        >>> round(pairwise_snr(reference, reference, threshold_db=30.0).item(), 2)
        30.0
    """
    if estimate.shape[2:] != reference.shape[2:]:
        raise ValueError(
            f"estimate and reference must have the same channels and length: expected {tuple(reference.shape[2:])}, "
            f"found {tuple(estimate.shape[2:])}"
        )
    energy = reference.square().sum(dim=(2, 3)).unsqueeze(1)  # (B, 1, R)
    error = (estimate.unsqueeze(2) - reference.unsqueeze(1)).square().sum(dim=(3, 4))  # (B, S, R)
    if threshold_db is not None:
        error = error + 10 ** (-threshold_db / 10) * energy
    return 10 * torch.log10((energy + eps) / (error + eps))

"""Scale-invariant signal-to-distortion ratio."""

import torch
from torch import Tensor


def si_sdr(estimate: Tensor, reference: Tensor, eps: float = 1e-8, threshold_db: float | None = None) -> Tensor:
    """Compute the scale-invariant signal-to-distortion ratio in dB.

    With both signals made zero-mean, `target = <e, r> r / |r|²` and
    `SI-SDR = 10 log10(|target|² / |e - target|²)`.

    Args:
        estimate: Estimated signals; float64 is kept, all else is float32.
        reference: True signals, broadcastable against `estimate`.
        eps: Added to each energy, relative to the energies of unit-scale audio. It keeps silent references
            and perfect estimates finite: a silent reference scores about 0 dB or below, never NaN. With 0 a silent
            signal is NaN, and no score depends on the level.
        threshold_db: Where the score levels off: `10 log10(|target|² / (|e - target|² + τ |target|²))` with
            `τ = 10^(−threshold/10)`; None is the metric itself.

    Shape:
        estimate, reference: `(..., T)`; result: `(...)`, in dB.

    Raises:
        ValueError: If the two lengths differ.

    Source:
        Le Roux et al., "SDR - half-baked or well done?", 2019, arXiv 1811.02508, eq. 2-3.

    Example:
        An error of a tenth of the amplitude, at right angles, is 20 dB; the level makes no difference.

        >>> reference = torch.tensor([1.0, -1.0, 1.0, -1.0])
        >>> estimate = reference + 0.1 * torch.tensor([1.0, 1.0, -1.0, -1.0])
        >>> round(si_sdr(estimate, reference).item(), 2), round(si_sdr(5 * estimate, reference).item(), 2)
        (20.0, 20.0)
        >>> round(si_sdr(estimate, reference, threshold_db=20.0).item(), 2)  # the threshold costs its 3 dB there
        16.99
    """
    if estimate.shape[-1] != reference.shape[-1]:
        raise ValueError(
            f"estimate and reference must have one length: expected {reference.shape[-1]} samples, "
            f"found {estimate.shape[-1]}"
        )
    estimate, reference = _centred(estimate), _centred(reference)
    scale = (estimate * reference).sum(dim=-1, keepdim=True) / (reference.square().sum(dim=-1, keepdim=True) + eps)
    target = scale * reference
    distortion, energy = (estimate - target).square().sum(dim=-1), target.square().sum(dim=-1)
    if threshold_db is not None:
        distortion = distortion + 10 ** (-threshold_db / 10) * energy
    return 10 * torch.log10((energy + eps) / (distortion + eps))


def _centred(signal: Tensor) -> Tensor:
    signal = signal if signal.dtype == torch.float64 else signal.float()
    return signal - signal.mean(dim=-1, keepdim=True)


def pairwise_si_sdr(estimate: Tensor, reference: Tensor, threshold_db: float | None = None) -> Tensor:
    """Compute the SI-SDR of every estimate against every reference of the same example.

    Shape:
        estimate: `(B, S, ..., T)`; reference: `(B, R, ..., T)`; result: `(B, S, R)` in dB, averaged over any
        dimension between the sources and the samples (audio channels).

    Example:
        >>> reference = torch.tensor([[[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0]]])  # (B, S, T), two talkers
        >>> estimate = reference + 0.1 * reference.flip(1)  # a tenth of the other in each
        >>> pairwise_si_sdr(estimate, reference).round().tolist()
        [[[20.0, -20.0], [-20.0, 20.0]]]
    """
    scores = si_sdr(estimate.unsqueeze(2), reference.unsqueeze(1), threshold_db=threshold_db)  # (B, S, R, ...)
    return scores.flatten(3).mean(dim=3) if scores.dim() > 3 else scores

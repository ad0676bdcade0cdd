"""The terms of a training loss: negated metrics and distances of every estimate to every reference.

Each takes estimate and reference `(B, S, C, T)`, their mixture `(B, 1, C, T)` and the threshold of a `LossConfig`, and
gives the loss of every pair, `(B, S, S)`, estimates by references.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from separator.metrics import pairwise_si_sdr, pairwise_snr

STFT_SIZES = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""Transform, hop and window of each resolution, in samples: those of Parallel WaveGAN."""

STFT_FLOOR = 1e-8
"""Least power of a bin: the logarithm of nothing is not asked for."""


def negated_si_sdr(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float) -> Tensor:
    """Compute the negated SI-SDR in dB.

    Example:
        A tenth of the amplitude, at right angles, is 20 dB; the level makes no difference.

        >>> reference = torch.tensor([[[[1.0, -1.0, 1.0, -1.0]]]])  # (B, S, C, T)
        >>> estimate = reference + 0.1 * torch.tensor([1.0, 1.0, -1.0, -1.0])
        >>> round(negated_si_sdr(3 * estimate, reference, reference, 30.0).item(), 2)
        -20.0
    """
    return -pairwise_si_sdr(estimate, reference)  # (B, S, S)


def negated_snr(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float) -> Tensor:
    """Compute the negated SNR in dB, in which the level counts.

    Example:
        >>> reference = torch.ones(1, 1, 1, 4)
        >>> round(negated_snr(0.9 * reference, reference, reference, 30.0).item(), 2)
        -20.0
    """
    return -pairwise_snr(estimate, reference)  # (B, S, S)


def negated_thresholded_si_sdr(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float) -> Tensor:
    """Compute the negated SI-SDR in dB, where what is better than the threshold hardly counts.

    Example:
        >>> reference = torch.tensor([[[[1.0, -1.0, 1.0, -1.0]]]])
        >>> round(negated_thresholded_si_sdr(reference, reference, reference, 30.0).item(), 2)
        -30.0
    """
    return -pairwise_si_sdr(estimate, reference, threshold_db)  # (B, S, S)


def negated_thresholded_snr(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float) -> Tensor:
    """Compute the negated SNR in dB, where what is better than the threshold hardly counts.

    Example:
        >>> reference = torch.ones(1, 1, 1, 4)
        >>> round(negated_thresholded_snr(reference, reference, reference, 30.0).item(), 2)
        -30.0
    """
    return -pairwise_snr(estimate, reference, threshold_db)  # (B, S, S)


def negated_snr_in_mixture(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float) -> Tensor:
    """Compute the negated `10 log10((|r|² + τ|x|²) / (|e − r|² + τ|x|²))` in dB, τ `threshold_db` below the mixture x.

    Example:
        It says something of a silent source: to be silent too is worth 30 dB more than to be the mixture.

        >>> mixture, silence = torch.ones(1, 1, 1, 4), torch.zeros(1, 1, 1, 4)
        >>> round(negated_snr_in_mixture(silence, silence, mixture, 30.0).item(), 2) + 0.0
        0.0
        >>> round(negated_snr_in_mixture(mixture, silence, mixture, 30.0).item(), 2)
        30.0
    """
    error = (estimate.unsqueeze(2) - reference.unsqueeze(1)).square().sum(dim=(3, 4))  # (B, S, S)
    floor = 10 ** (-threshold_db / 10) * signal_energy(mixture).unsqueeze(2) + STFT_FLOOR  # (B, 1, 1)
    return -10 * torch.log10((signal_energy(reference).unsqueeze(1) + floor) / (error + floor))  # (B, S, S)


def absolute_difference(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float) -> Tensor:
    """Compute the mean absolute difference of samples.

    Example:
        >>> estimate = torch.tensor([[[[1.0, 1.0]], [[0.0, 0.0]]]])  # two sources
        >>> absolute_difference(estimate, 2 * estimate, 2 * estimate, 30.0)
        tensor([[[1., 1.],
                 [2., 0.]]])
    """
    return (estimate.unsqueeze(2) - reference.unsqueeze(1)).abs().mean(dim=(3, 4))  # (B, S, S)


def multi_resolution_stft(estimate: Tensor, reference: Tensor, mixture: Tensor, threshold_db: float = 30.0) -> Tensor:
    """Compute spectral convergence plus log-magnitude distance of every pair, the mean over three resolutions.

    Spectral convergence is a ratio to the reference, which a stem that is all but silent would make huge: it is one to
    the mixture, less `threshold_db`, where that is louder; in silence it is left out.

    Args:
        estimate, reference, mixture: Signals.
        threshold_db: How far below the mixture a reference counts as silent.

    Shape:
        estimate, reference: `(B, S, C, T)`; mixture: `(B, 1, C, T)`; result: `(B, S, S)`, estimates by references.

    Source:
        Yamamoto, Song and Kim, "Parallel WaveGAN", 2020, arXiv 1910.11480, eq. 4-6.

    Example:
        Half the level is half the spectrum away, and a logarithm of 2: 0.5 + 0.69.

        >>> reference = torch.randn(1, 1, 1, 16000, generator=torch.Generator().manual_seed(0))
        >>> round(multi_resolution_stft(0.5 * reference, reference, reference).item(), 2)
        1.19
    """
    total = estimate.new_zeros(())
    for size, hop, window_length in STFT_SIZES:
        window = torch.hann_window(window_length, device=estimate.device)
        found, true, whole = (_magnitudes(signals, size, hop, window) for signals in (estimate, reference, mixture))
        found, true = found.unsqueeze(2), true.unsqueeze(1)  # (B, S, 1, C, F, K), (B, 1, S, C, F, K)
        norm = torch.linalg.vector_norm(true, dim=(3, 4, 5))
        loudest = torch.linalg.vector_norm(whole, dim=(2, 3, 4)).unsqueeze(1)  # (B, 1, 1)
        least = 10 ** (-threshold_db / 20) * loudest
        silence = 1.01 * STFT_FLOOR**0.5 * whole[0].numel() ** 0.5
        convergence = torch.linalg.vector_norm(true - found, dim=(3, 4, 5)) / torch.maximum(norm, least)
        distance = (true.log() - found.log()).abs().mean(dim=(3, 4, 5))
        total = total + distance + torch.where(loudest <= silence, 0.0, convergence)
    return total / len(STFT_SIZES)


def _magnitudes(signals: Tensor, size: int, hop: int, window: Tensor) -> Tensor:
    """Return magnitudes, `(B, S, C, T)` to `(B, S, C, F, K)`; never zero: the logarithm and its gradient are finite."""
    batch, sources, channels, _ = signals.shape
    spectrum = torch.stft(
        signals.flatten(0, 2), size, hop, len(window), window, pad_mode="constant", return_complex=True
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return power.clamp(min=STFT_FLOOR).sqrt().unflatten(0, (batch, sources, channels))


def signal_energy(signals: Tensor) -> Tensor:
    """Return the energy of each signal over channels and samples: `(B, S, C, T)` to `(B, S)`."""
    return signals.square().sum(dim=(2, 3))


TERMS: dict[str, Callable[[Tensor, Tensor, Tensor, float], Tensor]] = {
    "si_sdr": negated_si_sdr,
    "snr": negated_snr,
    "thresholded_si_sdr": negated_thresholded_si_sdr,
    "thresholded_snr": negated_thresholded_snr,
    "snr_in_mixture": negated_snr_in_mixture,
    "l1": absolute_difference,
    "multi_resolution_stft": multi_resolution_stft,
}
"""Each term by its name in a recipe."""

RATIOS = ("si_sdr", "snr", "thresholded_si_sdr", "thresholded_snr")
"""Terms that mean nothing beside a silent reference."""

"""Oracles: what a mask could reach at best, computed from the true sources themselves."""

import torch
from torch import Tensor

ORACLES = {"oracle-irm1": 1.0, "oracle-irm2": 2.0}
"""Names of the ideal ratio masks, and the power of the magnitudes in each, as SiSEC 2018 calls them."""

MASK_WINDOW_SECONDS = 2048 / 44_100
"""SiSEC's window, 2048 samples at 44.1 kHz; as long in seconds at any other rate."""


def ideal_ratio_mask(mixture: Tensor, sources: Tensor, sample_rate: int, power: float) -> Tensor:
    """Separate by each source's share of the magnitudes, as a mask on the mixture: `|S_j|^α / Σ_i |S_i|^α`.

    Args:
        mixture: The mixture; it may hold more than the sources.
        sources: The true sources.
        sample_rate: In Hz.
        power: α.

    Shape:
        mixture: `(C, T)`; sources and result: `(S, C, T)`, float32.

    Source:
        Stöter et al., "The 2018 Signal Separation Evaluation Campaign", 2018, arXiv 1804.06267, section 3.1.
    """
    window_samples = 2 * round(MASK_WINDOW_SECONDS * sample_rate / 2)
    window = torch.hann_window(window_samples, dtype=torch.float64)
    options = {"n_fft": window_samples, "hop_length": window_samples // 2, "window": window}
    num_samples = mixture.shape[-1]

    def transform(signal: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(signal.double(), (0, window_samples))  # whole windows to the very end
        return torch.stft(padded, **options, pad_mode="constant", return_complex=True)  # type: ignore[arg-type]

    mixture_spectrum = transform(mixture)  # (C, F, K)
    total = torch.zeros_like(mixture_spectrum, dtype=torch.float64)
    for source in sources:
        total += transform(source).abs() ** power
    masked = []
    for source in sources:  # one at a time: a song's spectra are large
        mask = transform(source).abs() ** power / total.clamp(min=torch.finfo(torch.float64).tiny)
        separated = torch.istft(mask * mixture_spectrum, **options, length=num_samples + window_samples)  # type: ignore[arg-type]
        masked.append(separated[..., :num_samples].float())
    return torch.stack(masked)

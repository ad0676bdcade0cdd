"""How speech sounds to listeners, by the models of others: STOI, ESTOI (pystoi) and PESQ (pesq), optional packages."""

import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from separator.audio.resampling import resample
from separator.errors import InputError

Band = Literal["wb", "nb"]

WIDE_BAND_RATE, NARROW_BAND_RATE = 16_000, 8_000


def stoi(estimate: Tensor, reference: Tensor, sample_rate: int, extended: bool = False) -> Tensor:
    """Compute short-time objective intelligibility, up to 1 for perfect; `extended` is ESTOI.

    NaN where the reference is silent or too short: less than 30 frames, 0.4 s, that are not silent. A silent estimate
    has 0, or ESTOI about 0.

    Args:
        estimate: Estimated signals.
        reference: True signals.
        sample_rate: Their rate in Hz; what lies above 5 kHz is not heard.
        extended: ESTOI, for maskers that fluctuate.

    Shape:
        estimate, reference: `(..., T)`; result: `(...)`, float64.

    Raises:
        InputError: If the package `pystoi` is missing.
        ValueError: If the shapes differ.

    Source:
        Taal et al., 2011, doi 10.1109/TASL.2011.2114881; Jensen and Taal, 2016, doi 10.1109/TASLP.2016.2585878.

    Example:
        >>> speech = torch.randn(16000, generator=torch.Generator().manual_seed(0))
        >>> round(stoi(0.5 * speech, speech, sample_rate=16000).item(), 2)  # the level makes no difference
        1.0
    """
    package = require_package("pystoi")

    def score(one: np.ndarray, true: np.ndarray) -> float:
        if not true.any():
            return float("nan")
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # too short: else 1e-5 that looks like a score
            try:
                return float(package.stoi(true, one, sample_rate, extended))
            except (RuntimeWarning, np.exceptions.AxisError):
                return float("nan")

    return _each(score, estimate, reference)


def pesq(estimate: Tensor, reference: Tensor, sample_rate: int, band: Band = "wb") -> Tensor:
    """Compute the perceptual evaluation of speech quality, a mean opinion score (MOS-LQO) from about 1 to 4.6.

    NaN where a signal is silent, shorter than 0.25 s, or holds no speech that P.862 finds. Signals at other rates than
    8 and 16 kHz are brought to 16 kHz.

    Args:
        estimate: Estimated signals.
        reference: True signals.
        sample_rate: Their rate in Hz.
        band: `wb` (P.862.2, needs at least 16 kHz) or `nb` (P.862.1).

    Shape:
        estimate, reference: `(..., T)`; result: `(...)`, float64.

    Raises:
        InputError: If the package `pesq` is missing, or the sample rate is below what the band needs.
        ValueError: If the shapes differ.

    Source:
        ITU-T P.862 (2001), P.862.1, P.862.2.

    Example:
        >>> time = torch.arange(32000) / 16000
        >>> speech = torch.sin(2 * torch.pi * 300 * time) * (1 + torch.sin(2 * torch.pi * 4 * time))
        >>> round(pesq(speech, speech, sample_rate=16000).item(), 1)  # the highest
        4.6
    """
    package = require_package("pesq")
    lowest = WIDE_BAND_RATE if band == "wb" else NARROW_BAND_RATE
    if sample_rate < lowest:
        raise InputError(f"pesq_{band}: expected a sample rate of at least {lowest} Hz, found {sample_rate}")
    rate = sample_rate if sample_rate in (NARROW_BAND_RATE, WIDE_BAND_RATE) else WIDE_BAND_RATE

    def score(one: np.ndarray, true: np.ndarray) -> float:
        if not (one.any() and true.any()):
            return float("nan")
        try:
            return float(package.pesq(rate, true, one, band))
        except (package.BufferTooShortError, package.NoUtterancesError):
            return float("nan")

    return _each(score, *(resample(signal, sample_rate, rate) for signal in (estimate, reference)))


def require_package(name: str) -> ModuleType:
    """Import an optional package, or say in one line which one is missing."""
    try:
        return import_module(name)
    except ImportError:
        metrics = {"pystoi": "stoi and estoi need", "pesq": "pesq_wb and pesq_nb need"}[name]
        raise InputError(f"{metrics} the package {name}, which is not installed: pip install {name}") from None


def _each(score: Callable[[np.ndarray, np.ndarray], float], estimate: Tensor, reference: Tensor) -> Tensor:
    if estimate.shape != reference.shape:
        raise ValueError(
            f"estimate and reference must be equal in shape: expected {tuple(reference.shape)}, "
            f"found {tuple(estimate.shape)}"
        )
    flat = [
        signal.detach().cpu().reshape(-1, signal.shape[-1]).numpy().astype(np.float64)
        for signal in (estimate, reference)
    ]
    scores = [score(one, true) for one, true in zip(*flat, strict=True)]
    return torch.tensor(scores, dtype=torch.float64).view(estimate.shape[:-1])

"""The telephone line: 300 to 3,400 Hz, 8 kHz, and the µ-law of ITU-T G.711."""

import numpy as np
import torch

from separator.audio.resampling import fit_length, resample

TELEPHONE_RATE = 8000
"""Sample rate of the line in Hz."""

BAND_HZ = (300.0, 3400.0)
"""Band that passes; half the amplitude is left at either edge."""

FILTER_TAPS = 201
"""Length of the band's linear-phase filter: the edges are some 130 Hz wide, and nothing is delayed."""

BIAS, HIGHEST = 132, 32635
"""Of G.711's magnitudes, as 16-bit integers."""


def telephone(signals: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Send signals, and their sum, over a telephone line.

    What comes out at the other end is the sum of both results: the first is linear, a signal's own share of it, the
    second what the line's eight bits add. A sum beyond full scale is cut off there, which is part of the second.

    Args:
        signals: The talkers, and noise if there is any, of full scale 1.
        sample_rate: Their rate in Hz.

    Shape:
        signals: `(S, T)`. Returns the signals limited to the band, `(S, T)` float32, and the quantisation error of
        their sum, `(T,)` float32, both at `sample_rate` and without delay.

    Raises:
        ValueError: If `sample_rate` is below 8 kHz.

    Source:
        ITU-T Recommendation G.711, 1988, table 2a/b.
    """
    from scipy.signal import firwin, oaconvolve  # as in rooms, slow to import

    if sample_rate < TELEPHONE_RATE:
        raise ValueError(f"expected a sample rate of at least {TELEPHONE_RATE} Hz, found {sample_rate}")
    taps = firwin(FILTER_TAPS, BAND_HZ, pass_zero=False, fs=TELEPHONE_RATE)
    narrow = resample(torch.from_numpy(np.ascontiguousarray(signals)), sample_rate, TELEPHONE_RATE).numpy()
    limited = oaconvolve(narrow, taps[None], mode="same", axes=1)  # (S, T at 8 kHz)
    total = limited.sum(axis=0)
    both = np.concatenate([limited, (mu_law(total) - total)[None]]).astype(np.float32)
    heard = fit_length(resample(torch.from_numpy(both), TELEPHONE_RATE, sample_rate), signals.shape[1]).numpy()
    return heard[:-1], heard[-1]


def mu_law(signal: np.ndarray) -> np.ndarray:
    """Round a signal to the 8 bits of µ-law and back.

    Shape:
        Any, of full scale 1; float64.
    """
    samples = np.round(signal * 32768)
    magnitude = np.minimum(np.abs(samples), HIGHEST).astype(np.int64) + BIAS
    exponent = np.log2(magnitude).astype(np.int64) - 7  # segment, 0 to 7
    decoded = (((magnitude >> (exponent + 3)) << (exponent + 3)) + (4 << exponent)) - BIAS
    return np.sign(samples) * decoded / 32768

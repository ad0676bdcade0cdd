"""Whether references leave bands empty, where rounding decides some scores of BSS Eval v4."""

import torch
from torch import Tensor

EMPTY = 1e-14
"""Power beside the loudest band's. With less somewhere, frames' SIR and SAR change with the order of the sources, by
0.001 dB to tens of dB, in museval too; with more, by less. Files of 16 bits have 1e-11 and more in every band."""

FRAME_SAMPLES = 2048
FRAMES_AT_ONCE = 16
"""Frames transformed together: few enough to stay in the processor's cache."""

KAISER_BETA = 26.0
"""Side lobes far below `EMPTY`."""


def has_empty_bands(reference: Tensor) -> bool:
    """Tell whether any channel of a source that sounds has a band without power, as codecs and resampling leave.

    Shape:
        `(S, C, T)`.
    """
    window = torch.kaiser_window(FRAME_SAMPLES, periodic=False, beta=KAISER_BETA, dtype=torch.float64)
    for channel in reference.flatten(0, 1).cpu():
        if len(channel) < FRAME_SAMPLES or not channel.any():
            continue
        squares = window.new_zeros(FRAME_SAMPLES + 2)  # of real and imaginary parts
        for frames in channel.unfold(0, FRAME_SAMPLES, FRAME_SAMPLES).split(FRAMES_AT_ONCE):  # (k, frame)
            squares += torch.view_as_real(torch.fft.rfft(frames * window)).flatten(1).square().sum(dim=0)
        power = squares.view(-1, 2).sum(dim=1)
        if power.min() < EMPTY * power.max():
            return True
    return False


def empty_bands_note(names: list[str]) -> str:
    """Return what the outputs say of items whose references have empty bands."""
    which = ", ".join(names) if len(names) < 4 else f"{len(names)} items"
    return (
        f"references with empty bands, as lossy codecs leave them: {which}; there the ISR, SIR and SAR of BSS Eval v4 "
        "follow from rounding, museval's too, and say little; SDR does not"
    )

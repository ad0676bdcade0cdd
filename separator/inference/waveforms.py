"""Waveforms as users have them, numpy or torch, of any kind of real numbers, and as separation takes them."""

import numpy as np
import torch
from torch import Tensor

from separator.errors import InputError

MOST_CHANNELS = 64
"""More than these, and more than samples, are samples in the place of channels."""


def as_mixture(waveform: Tensor | np.ndarray) -> Tensor:
    """Convert any array of real numbers to float32 on the CPU.

    Raises:
        InputError: If it is no array of real numbers.
    """
    if isinstance(waveform, np.ndarray):
        # Torch takes no view with negative strides, and no byte order but the machine's.
        waveform = np.ascontiguousarray(waveform, dtype=waveform.dtype.newbyteorder("="))
    try:
        mixture = torch.as_tensor(waveform).detach()
    except (TypeError, ValueError, RuntimeError):
        found = f"{waveform.dtype} samples" if isinstance(waveform, np.ndarray) else type(waveform).__name__
        raise InputError(f"expected an array of real samples, found {found}") from None
    if mixture.is_complex():
        raise InputError("expected real samples, found complex ones")
    return mixture.float().cpu()


def as_signal(waveform: Tensor | np.ndarray) -> Tensor:
    """Convert `(T,)` or `(C, T)` of real numbers to `(C, T)` float32 on the CPU.

    Raises:
        InputError: If it is empty, has another number of dimensions, or holds NaN or infinity.
    """
    mixture = as_mixture(waveform)
    if mixture.dim() == 1:
        mixture = mixture.unsqueeze(0)
    if mixture.dim() != 2 or mixture.numel() == 0 or mixture.shape[0] > max(mixture.shape[1], MOST_CHANNELS):
        raise InputError(f"waveform: expected (samples,) or (channels, samples), found {tuple(mixture.shape)}")
    check_finite(mixture, "waveform")
    return mixture


def as_block(samples: Tensor | np.ndarray, channels: int) -> Tensor:
    """Convert a block `(C, t)` of a signal of so many channels to float32 on the CPU; `(t,)` is one channel.

    Raises:
        InputError: If it has another number of channels, or holds NaN or infinity.
    """
    block = as_mixture(samples)
    block = block.unsqueeze(0) if block.dim() == 1 else block
    if block.dim() != 2 or block.shape[0] != channels:
        raise InputError(f"block: expected ({channels}, samples), found {tuple(block.shape)}")
    check_finite(block, "block")
    return block


def check_finite(samples: Tensor, name: str) -> None:
    """Raise `InputError` if there is NaN or infinity in what is called `name`."""
    if samples.numel() and not torch.isfinite(torch.stack(torch.aminmax(samples))).all():
        raise InputError(f"{name}: expected finite samples, found NaN or infinity")

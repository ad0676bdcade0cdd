"""Fourier transforms as convolutions, with pairs of real tensors for complex frames, wherever a model makes some."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from separator.errors import InputError
from separator.exchange.real_parts import RealParts


class RealFourier(TorchFunctionMode):
    """While it is entered, `torch.stft` and `torch.istft` are convolutions, and no complex tensor is made.

    A runtime has no inverse transform by frames, and few have complex numbers; all have convolutions. Those of 512
    samples cost a hundredth of what a network does.

    Example:
        >>> from separator.bricks import STFTDecoder, STFTEncoder
        >>> waveform = torch.linspace(-1, 1, 1000).view(1, 1, -1)
        >>> with RealFourier():
        ...     frames = STFTEncoder(window_length=64, hop_length=32)(waveform)
        ...     again = STFTDecoder(window_length=64, hop_length=32)(frames, length=1000)
        >>> type(frames).__name__, tuple(frames.shape), torch.allclose(again, waveform, atol=1e-5)
        ('RealParts', (1, 33, 33), True)
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return REPLACED.get(function, function)(*args, **(kwargs or {}))


def _stft(waveform: Tensor, n_fft: int, *args: Any, **kwargs: Any) -> RealParts:
    """Return the frames that `torch.stft` does: `(B, T)` to `(B, F, K)`."""
    hop, window, edge, options = _settings(torch.stft, (waveform, n_fft, *args), kwargs)
    padded = waveform.unsqueeze(1)  # (B, 1, T)
    if edge:
        padded = functional.pad(padded, (edge, edge), mode=options["pad_mode"])
    basis = (_waves(n_fft) * window).unsqueeze(1)  # (2F, 1, W)
    real, imag = functional.conv1d(padded, basis, stride=hop).chunk(2, dim=1)  # (B, F, K) each
    return RealParts(real, imag)


def _istft(frames: RealParts, n_fft: int, *args: Any, **kwargs: Any) -> Tensor:
    """Return the waveform that `torch.istft` does: `(B, F, K)` to `(B, T)`."""
    hop, window, edge, options = _settings(torch.istft, (frames, n_fft, *args), kwargs)
    parts = torch.cat([frames.real, frames.imag], dim=1)  # (B, 2F, K)
    bins = torch.arange(n_fft // 2 + 1).repeat(2).unsqueeze(1)
    shares = torch.where((bins == 0) | (2 * bins == n_fft), 1 / n_fft, 2 / n_fft)  # the others stand for two bins
    basis = (_waves(n_fft) * shares * window).unsqueeze(1)  # (2F, 1, W)
    sums = functional.conv_transpose1d(parts, basis, stride=hop)  # (B, 1, (K - 1)·hop + W)
    squares = window.square().view(1, 1, -1)
    weights = functional.conv_transpose1d(torch.ones_like(parts[:1, :1]), squares, stride=hop)
    end = sums.shape[2] - edge if options["length"] is None else edge + options["length"]
    return sums[:, 0, edge:end] / weights[:, 0, edge:end]


def _settings(transform: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, Tensor, int, dict[str, Any]]:
    """Return hop, window, samples added at each edge, and all arguments by name, of a transform that can be expressed.

    Raises:
        InputError: If it is not: a window shorter than the transform, another scale than the sums', all bins.
    """
    options = {**DEFAULTS, **dict(zip(ARGUMENTS[transform], args, strict=False)), **kwargs}
    length = options["n_fft"]
    if options["win_length"] not in (None, length) or options["normalized"] or options["onesided"] is False:
        raise InputError("Fourier transform: expected a window as long as it, its plain sums, and half of the bins")
    window = torch.ones(length) if options["window"] is None else options["window"].float()
    return options["hop_length"] or length // 4, window, length // 2 if options["center"] else 0, options


def _waves(length: int) -> Tensor:
    """Return `cos 2πfn/W` of all bins, then `−sin 2πfn/W`: `(2F, W)`, F being W/2 + 1."""
    turns = np.outer(np.arange(length // 2 + 1), np.arange(length)) % length / length
    return torch.from_numpy(np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)])).float()


ARGUMENTS: dict[Any, tuple[str, ...]] = {
    torch.stft: (
        "input",
        "n_fft",
        "hop_length",
        "win_length",
        "window",
        "center",
        "pad_mode",
        "normalized",
        "onesided",
    ),
    torch.istft: ("input", "n_fft", "hop_length", "win_length", "window", "center", "normalized", "onesided", "length"),
}
"""Names of what may be given by place."""

DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("hop_length", "win_length", "window", "onesided", "length")),
    **{"center": True, "pad_mode": "reflect", "normalized": False},
}

REPLACED: dict[Any, Callable[..., Any]] = {
    torch.stft: _stft,
    torch.istft: _istft,
    torch.complex: RealParts,
    torch.view_as_complex: lambda pairs: RealParts(pairs[..., 0], pairs[..., 1]),
}
"""Functions of torch, and what they are here."""

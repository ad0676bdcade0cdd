"""Fourier transforms as convolutions are those of torch."""

from typing import Any

import pytest
import torch

from separator.errors import InputError
from separator.exchange.real_fourier import RealFourier

WINDOW = torch.hann_window(32)


@pytest.mark.parametrize(
    "options",
    [
        {"hop_length": 16, "window": WINDOW, "center": False},
        {"hop_length": 8, "window": WINDOW, "win_length": 32},
        {"hop_length": 12, "pad_mode": "constant"},
        {"window": WINDOW.sqrt(), "onesided": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("num_samples", [64, 333])
@pytest.mark.filterwarnings("ignore:A window was not provided")
def test_both_ways_are_torchs(options: dict[str, Any], num_samples: int) -> None:
    torch.manual_seed(0)
    waveform = torch.randn(3, num_samples)
    frames = torch.stft(waveform, 32, **options, return_complex=True) * torch.randn(3, 17, 1, dtype=torch.complex64)
    with RealFourier():
        plain = torch.stft(waveform, 32, **options, return_complex=True)
        parts = torch.complex(frames.real, frames.imag)
    expected = torch.stft(waveform, 32, **options, return_complex=True)
    torch.testing.assert_close(torch.complex(plain.real, plain.imag), expected, rtol=0, atol=1e-4)
    inverse = {name: value for name, value in options.items() if name not in ("pad_mode", "center")}
    inverse["length"] = num_samples if options.get("hop_length") == 8 else None
    with RealFourier():
        found = torch.istft(parts, 32, **inverse)
    torch.testing.assert_close(found, torch.istft(frames, 32, **inverse), rtol=0, atol=1e-3)


@pytest.mark.parametrize("options", [{"win_length": 16}, {"normalized": True}, {"onesided": False}], ids=str)
def test_a_transform_of_another_kind_is_refused(options: dict[str, Any]) -> None:
    with RealFourier(), pytest.raises(InputError, match=r"^Fourier transform: expected a window as long as it,"):
        torch.stft(torch.randn(1, 100), 32, **options, return_complex=True)

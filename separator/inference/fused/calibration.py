"""How large the values inside a network become: on a made recording of two voices and noise, which needs no file."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

SAMPLE_RATE = 16000
"""In Hz; at another rate the voices are higher or lower."""
SECONDS = 6
PITCHES = (110.0, 210.0)
"""Fundamental frequencies of the two voices in Hz; they glide by a quarter of an octave up and down."""
NUM_HARMONICS = 29
NOISE = 0.2
"""RMS of the noise in the second half, where each voice has an RMS of 1."""


def measure_peaks(network: nn.Module, mixture: Tensor) -> dict[str, list[float]]:
    """Return the largest value of each tensor that enters a module, and then of what leaves it, by the module's name.

    Args:
        network: Left as it is.
        mixture: What it is called with. A module that is called more than once counts by its largest values.
    """
    peaks: dict[str, list[float]] = {}

    def note(name: str, entered: Sequence[object], left: object) -> None:
        found = [float(each.max()) for each in (*entered, left) if isinstance(each, Tensor) and not each.is_complex()]
        peaks[name] = [max(pair) for pair in zip(found, peaks.get(name, found), strict=True)]

    hooks = [
        module.register_forward_hook(lambda _, entered, left, name=name: note(name, entered, left))
        for name, module in network.named_modules()
    ]
    with torch.inference_mode():
        network(mixture)
    for hook in hooks:
        hook.remove()
    return peaks


def two_voices() -> Tensor:
    """Return two buzzing voices that come and go, the second half in noise, `(SECONDS · SAMPLE_RATE,)`, at unit RMS."""
    generator = torch.Generator().manual_seed(0)
    times = torch.arange(SECONDS * SAMPLE_RATE, dtype=torch.float64) / SAMPLE_RATE
    mixture = NOISE * torch.randn(len(times), generator=generator, dtype=torch.float64) * (times > SECONDS / 2)
    for number, pitch in enumerate(PITCHES):
        pitches = pitch * 2.0 ** (0.25 * torch.sin(2 * math.pi * 0.7 * times + number))
        phases = 2 * math.pi * torch.cumsum(pitches, 0) / SAMPLE_RATE
        voice = torch.stack([torch.sin(k * phases) / k for k in range(1, NUM_HARMONICS + 1)]).sum(dim=0)
        syllables = torch.sin(2 * math.pi * 2.3 * times + 2 * number).clamp(min=0).sqrt()
        voice *= syllables * (torch.sin(2 * math.pi * 0.3 * times + 2 * number) > -0.5)  # and a pause
        mixture += voice / voice.square().mean().sqrt()
    return (mixture / mixture.square().mean().sqrt()).float()

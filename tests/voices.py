"""Two voices that the tiny model tells apart, alone and mixed, and how much of each a separation gave back."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import soundfile
import torch
from torch import Tensor

HARMONICS_HZ = ((310, 640, 930), (2770, 3010, 3340))
"""Of the low and of the high voice: on either side of the tiny model's 2 kHz, and there at 8 kHz too."""


def voices(seconds: float, sample_rate: int = 16000, channels: int = 1) -> Tensor:
    """A low and a high voice, in syllables of their own, at another level in each channel: `(2, C, T)` within ±0.3.

    They begin and end softly: what starts at once has all frequencies.
    """
    time = torch.arange(round(seconds * sample_rate), dtype=torch.float64) / sample_rate
    ramp = (torch.minimum(time, seconds - time) / min(0.05, seconds / 4)).clamp(0, 1)
    talks = []
    for frequencies, syllables_hz, phase in zip(HARMONICS_HZ, (3.1, 4.3), (0.0, 2.0), strict=True):
        syllables = 0.55 + 0.45 * torch.sin(2 * torch.pi * syllables_hz * time + phase)
        tones = torch.stack([torch.sin(2 * torch.pi * each * time + each) for each in frequencies])
        talks.append(0.1 * syllables * torch.sin(torch.pi / 2 * ramp).square() * tones.sum(dim=0))
    place = torch.linspace(0.2, 1, channels).double() if channels > 1 else torch.ones(1).double()
    return (torch.stack([place, place.flip(0)]).unsqueeze(2) * torch.stack(talks).unsqueeze(1)).float()


def talk(
    path: Path, seconds: float = 0.5, sample_rate: int = 16000, channels: int = 1, gain: float = 1.0, **options: str
) -> Path:
    """Write a recording of both voices at once; options as of `soundfile.write`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, gain * voices(seconds, sample_rate, channels).sum(dim=0).T.numpy(), sample_rate, **options)
    return path


def read(outputs: Iterable[Path | str]) -> Tensor:
    """The sounds of files, as `(S, C, T)`."""
    return torch.stack([torch.from_numpy(soundfile.read(path, always_2d=True)[0].T) for path in outputs])


def ratio_db(found: Mapping[str, Tensor] | Tensor, expected: Tensor) -> float:
    """Lowest ratio of a source to all that its output has wrong, level too, over the sources and channels.

    Args:
        found: What came out, in the order of the sources.
        expected: The sources.

    Shape:
        `(S, C, T)`, both.
    """
    outputs = found if isinstance(found, Tensor) else torch.stack(list(found.values()))
    assert outputs.shape == expected.shape, f"expected {tuple(expected.shape)}, found {tuple(outputs.shape)}"
    error = (outputs - expected).double().square().sum(dim=-1)
    return float((10 * torch.log10(expected.double().square().sum(dim=-1) / error)).min())

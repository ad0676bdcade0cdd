"""A small model whose separation is known, in a model folder or around random order: it parts sounds at 2 kHz."""

from pathlib import Path

import torch
from torch import Tensor

from separator.checkpoint import ModelDescription, save_model
from separator.inference import Separator
from separator.models import build_model
from separator.models.pipeline import MaskingSeparator

BAND_HZ = 2000
"""Each output has so much of the spectrum, from zero up; the last has all that is above."""

TINY = {
    "window_length": 256,
    "hop_length": 128,
    "bottleneck_channels": 4,
    "hidden_channels": 8,
    "skip_channels": 4,
    "num_blocks": 2,
    "num_repeats": 1,
}


def describe(num_sources: int = 2, **changes: object) -> ModelDescription:
    """A description of the tiny STFT-TCN."""
    fields: dict[str, object] = {
        "architecture": "stft_tcn",
        "config": {**TINY, "num_sources": num_sources},
        "sample_rate": 16000,
        "sources": tuple(f"speaker{number}" for number in range(1, num_sources + 1)),
        "training": {},
        "scores": {"test_si_sdri_db": 1.0},
    }
    return ModelDescription(**(fields | changes))  # type: ignore[arg-type]


def build_tiny_model(description: ModelDescription) -> MaskingSeparator:
    """An STFT-TCN of random weights, but that the biases of its masks open each output for its band alone.

    What the network adds to the biases moves the masks by less than 1 %: it runs, and its weights count, but the
    outputs are the bands to about 40 dB.
    """
    torch.manual_seed(0)
    model = build_model(description.architecture, description.config)
    num_bins = int(description.config["window_length"]) // 2 + 1
    frequencies = torch.arange(num_bins) * description.sample_rate / (2 * (num_bins - 1))
    band = (frequencies // BAND_HZ).clamp(max=model.num_sources - 1)
    opened = band == torch.arange(model.num_sources).unsqueeze(1)  # (S, F)
    with torch.no_grad():
        model.masker.masker.output.bias.copy_((14.0 * opened - 7.0).repeat(1, model.channels).flatten())
        model.masker.masker.output.weight.mul_(0.5)
    return model.eval()


def save_tiny_model(folder: Path, num_sources: int = 2, channels: int = 1, **changes: object) -> Path:
    """Write a model folder; further options as of `describe`."""
    description = describe(num_sources, **changes)
    description.config["channels"] = channels
    save_model(folder, build_tiny_model(description), description)
    return folder


class FrequencySplitter(torch.nn.Module):
    """A perfect separator of two tones below and above a frequency, whose outputs come in random order.

    Args:
        split: Frequency as a share of half the sample rate.
        shuffle: Whether each call gives its sources in a random order.
        scales: Factor of each output, as a scale-invariant loss leaves them.
    """

    channels = 1
    num_sources = 2

    def __init__(self, split: float = 0.2, shuffle: bool = False, scales: tuple[float, float] = (1.0, 1.0)) -> None:
        super().__init__()
        self.split = split
        self.shuffle = shuffle
        self.scales = scales
        self.lengths: list[int] = []
        self._random = torch.Generator().manual_seed(0)

    def forward(self, mixture: Tensor) -> Tensor:
        self.lengths.append(mixture.shape[-1])
        spectrum = torch.fft.rfft(mixture, 2 * mixture.shape[-1])
        low = torch.arange(spectrum.shape[-1]) < self.split * spectrum.shape[-1]
        below = torch.fft.irfft(spectrum * low)[..., : mixture.shape[-1]]
        sources = torch.stack([self.scales[0] * below, self.scales[1] * (mixture - below)], dim=1)
        if self.shuffle and torch.rand(1, generator=self._random) < 0.5:
            sources = sources.flip(1)
        return sources


def perfect_separator(**changes: object) -> Separator:
    """A Separator around a FrequencySplitter; options of either by name."""
    options = {key: changes.pop(key) for key in ("chunk_seconds", "mixture_consistency") if key in changes}
    model = FrequencySplitter(**changes)  # type: ignore[arg-type]
    return Separator(model, describe(), device="cpu", **options)  # type: ignore[arg-type]

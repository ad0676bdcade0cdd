"""Small tracks for tests of scoring: noise stems, estimates with every fault, and trees of their files."""

from pathlib import Path

import soundfile
import torch
from torch import Tensor

from separator.scoring.items import Signals

RATE = 8000


def stems(num_sources: int, num_channels: int, seconds: float, seed: int = 0) -> Tensor:
    """Noise of a slope, a rhythm and a panning of its own for each source: `(S, C, T)`, float64."""
    random = torch.Generator().manual_seed(seed)
    num_samples = round(seconds * RATE)
    noise = torch.randn(num_sources, 1, num_samples, generator=random, dtype=torch.float64)
    slope = torch.linspace(-0.6, 0.6, num_sources).view(-1, 1, 1)
    noise = noise + slope * noise.roll(1, dims=-1)
    beat = torch.rand(num_sources, 1, num_samples // 1000 + 1, generator=random).repeat_interleave(1000, dim=-1)
    diffuse = 0.1 * torch.randn(num_sources, num_channels, num_samples, generator=random, dtype=torch.float64)
    panning = torch.rand(num_sources, num_channels, 1, generator=random) + 0.2
    return 0.1 * (panning * noise + diffuse) * beat[..., :num_samples]


def leaky(reference: Tensor, seed: int = 1) -> Tensor:
    """Estimates with every fault that BSS Eval tells apart: filtering, leakage, noise."""
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(seed), dtype=reference.dtype)
    filtered = 0.8 * reference + 0.2 * reference.roll(3, dims=-1).flip(1)
    return filtered + 0.15 * reference.sum(dim=0) + 0.1 * reference.std() * noise


def item(reference: Tensor, estimate: Tensor, names: tuple[str, ...] | None = None, mixture: bool = True) -> Signals:
    """An item in memory, its mixture the sum of the references."""
    sources = names or tuple(f"speaker{number}" for number in range(1, len(reference) + 1))
    summed = reference.sum(dim=0).float() if mixture else None
    return Signals("song", "test", sources, sources, reference.float(), estimate.float(), summed, RATE, RATE)


def write_track(folder: Path, signals: dict[str, Tensor], rate: int = RATE, suffix: str = ".wav") -> Path:
    """Write `folder/NAME.wav` (32-bit float; other formats as they come) for each `(C, T)` signal."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, signal in signals.items():
        subtype = "FLOAT" if suffix == ".wav" else None
        soundfile.write(folder / f"{name}{suffix}", signal.float().T.numpy(), rate, subtype=subtype)
    return folder


def write_pair(
    root: Path, name: str, names: tuple[str, ...], seconds: float = 1.3, seed: int = 0, channels: int = 1
) -> tuple[Tensor, Tensor]:
    """Write `root/references/NAME` with a mixture and `root/estimates/NAME`; returns references and estimates."""
    reference = stems(len(names), channels, seconds, seed)
    estimate = leaky(reference, seed + 1)
    mixture = {"mixture": reference.sum(dim=0)}
    write_track(root / "references" / name, mixture | dict(zip(names, reference, strict=True)))
    write_track(root / "estimates" / name, dict(zip(names, estimate, strict=True)))
    return reference.float(), estimate.float()

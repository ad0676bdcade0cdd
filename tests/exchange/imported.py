"""An imported model beside the one that it was imported from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from separator.checkpoint import ModelDescription, load_model
from separator.exchange.importing import import_model
from separator.inference.fused import fuse


class Norm(nn.Module):
    """A norm in the names of asteroid, SpeechBrain and kaituoxu: `gamma`, `beta`, and the kinds by our names."""

    def __init__(self, kind: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.kind = kind
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))

    def forward(self, frames: Tensor) -> Tensor:
        """Normalise `(B, C, K)`."""
        return normalise(self.kind, frames) * self.gamma.view(-1, 1) + self.beta.view(-1, 1)


def normalise(kind: str, frames: Tensor) -> Tensor:
    """Each norm by its definition: statistics of everything, of the frame, or of all frames so far."""
    if kind == "gLN":
        mean = frames.mean((1, 2), keepdim=True)
        variance = frames.var((1, 2), correction=0, keepdim=True)
    elif kind == "frameLN":
        mean = frames.mean(1, keepdim=True)
        variance = frames.var(1, correction=0, keepdim=True)
    else:
        past = [frames[:, :, : k + 1] for k in range(frames.shape[2])]
        mean = torch.stack([each.mean((1, 2)) for each in past], -1).unsqueeze(1)
        variance = torch.stack([each.var((1, 2), correction=0) for each in past], -1).unsqueeze(1)
    return (frames - mean) / (variance + 1e-8).sqrt()


def train(model: nn.Module) -> None:
    """Leave no gain of 1, no bias of 0 and no slope as it was."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() == max(parameter.shape):
                parameter.uniform_(0.2, 1.2)


def assert_same(
    forward: Callable[[Tensor], Tensor], source: Path, folder: Path, lengths: tuple[int, ...], **told: Any
) -> ModelDescription:
    """Import a source, and hold it to its original: `(B, T)` to `(B, S, T)`, to 1e-5 of the largest sample."""
    import_model(str(source), folder, **told)
    model, description = load_model(folder)
    fused = fuse(model, torch.device("cpu"), torch.float32)
    for length in lengths:
        mixture = torch.randn(2, length)
        with torch.inference_mode():
            expected = forward(mixture)
            for ours in (model, fused):
                found = ours(mixture.unsqueeze(1)).squeeze(2)
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    return description

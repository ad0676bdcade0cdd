"""The pipeline with stand-in parts whose answer is known."""

from typing import Any

import torch
from torch import Tensor, nn

from separator.models.pipeline import MaskingSeparator


class _Samples(nn.Module):
    """Each sample is a frame, each audio channel a feature."""

    def forward(self, frames: Tensor, *length: int) -> Tensor:
        return frames


class _FixedMasks(nn.Module):
    def __init__(self, gains: list[Any]) -> None:
        super().__init__()
        self.gains = torch.tensor(gains)

    def forward(self, frames: Tensor) -> Tensor:
        return self.gains.reshape(1, -1, 1, 1).expand(frames.shape[0], -1, *frames.shape[1:])


class _RealPart(nn.Module):
    def forward(self, frames: Tensor, length: int) -> Tensor:
        return frames.real[:, :, :length]


def test_each_source_is_the_mixture_under_its_mask() -> None:
    model = MaskingSeparator(
        _Samples(),
        _FixedMasks([1.0, 0.0, -0.5]),
        _Samples(),
        num_sources=3,
        channels=2,
        receptive_field_samples=1,
        latency_samples=0,
    )
    mixture = torch.randn(4, 2, 7)
    expected = torch.stack([mixture, 0 * mixture, -0.5 * mixture], dim=1)
    torch.testing.assert_close(model(mixture), expected)


def test_masks_may_be_complex() -> None:
    model = MaskingSeparator(
        _Samples(),
        _FixedMasks([1 + 1j, 2j]),
        _RealPart(),
        num_sources=2,
        receptive_field_samples=1,
        latency_samples=0,
    )
    mixture = torch.randn(1, 1, 5)
    torch.testing.assert_close(model(mixture), torch.stack([mixture, 0 * mixture], dim=1))

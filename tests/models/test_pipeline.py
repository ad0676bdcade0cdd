"""The pipeline with stand-in parts whose answer is known."""

from typing import Any

import torch
from torch import Tensor, nn

from separator.models.pipeline import MaskingConfig, MaskingSeparator


class _Samples(nn.Module):
    """Each sample is a frame, each audio channel a feature."""

    receptive_field = stride = 1

    def forward(self, frames: Tensor, *length: int) -> Tensor:
        return frames


class _FixedMasks(nn.Module):
    receptive_field = 1

    def __init__(self, gains: list[Any]) -> None:
        super().__init__()
        self.gains = torch.tensor(gains)

    def forward(self, frames: Tensor) -> Tensor:
        return self.gains.reshape(1, -1, 1, 1).expand(frames.shape[0], -1, *frames.shape[1:])


class _RealPart(nn.Module):
    receptive_field = 1

    def forward(self, frames: Tensor, length: int) -> Tensor:
        return frames.real[:, :, :length]


def test_each_source_is_the_mixture_under_its_mask() -> None:
    config = MaskingConfig(num_sources=3, channels=2)
    model = MaskingSeparator(config, _Samples(), _FixedMasks([1.0, 0.0, -0.5]), _Samples())
    mixture = torch.randn(4, 2, 7)
    expected = torch.stack([mixture, 0 * mixture, -0.5 * mixture], dim=1)
    torch.testing.assert_close(model(mixture), expected)


def test_masks_may_be_complex() -> None:
    model = MaskingSeparator(MaskingConfig(num_sources=2), _Samples(), _FixedMasks([1 + 1j, 2j]), _RealPart())
    mixture = torch.randn(1, 1, 5)
    torch.testing.assert_close(model(mixture), torch.stack([mixture, 0 * mixture], dim=1))

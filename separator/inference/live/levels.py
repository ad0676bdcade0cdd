"""Levels of a live signal, from its past alone: what the model hears, and what its sources come out at.

On a file a chunk is brought to the RMS of 1 that models are trained at, and its sources to its own level. Live each
sample has a level of its own: the RMS of the past, in which a time constant ago weighs e times less; its source goes
back by that level, so a change of level is heard in no source.
"""

import math

import torch
from torch import Tensor

from separator.inference.gains import source_gains
from separator.inference.live.decaying import DecayingSums

LEVEL_SECONDS = 10.0
"""Time constant of levels, offsets and gains: as long as a file's chunk."""

OFFSET_SECONDS = 0.5
"""Silence that a constant offset is taken to have begun with: what is shorter is no offset."""

SILENCE_FLOOR = 1e-7
"""RMS below which nothing is amplified, as on a file."""

GAIN_SECONDS = 0.05
"""The gains of the sources are found anew so often, and reached within as long."""

SHARE_SECONDS = 0.025
"""Time constant of the energy that decides a source's share of what all leave."""


class LevelFollower:
    """Follows the offset of each channel, and the level of all.

    Args:
        channels: Number of channels C.
        sample_rate: In Hz.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        constant = LEVEL_SECONDS * sample_rate
        self._silence = OFFSET_SECONDS * sample_rate
        self._values = DecayingSums(1 + channels, constant)
        self._power = DecayingSums(1, constant)

    def push(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        """Return offset `(C, t)` and level `(1, t)` at each sample of a mixture `(C, t)`."""
        values = torch.cat([torch.ones(1, mixture.shape[1]), mixture])
        count, sums = self._values.push(values).split([1, len(mixture)])
        offset = sums / (count + self._silence)
        power = (mixture - offset).square().mean(dim=0, keepdim=True)
        level = (self._power.push(power) / count).sqrt().clamp(min=SILENCE_FLOOR)
        return offset.float(), level.float()


class SourceScale:
    """Scales the sources of a model whose outputs have no scale, so that their sum is nearest to the mixture's past.

    Args:
        num_sources: Number of sources S.
        sample_rate: In Hz.
    """

    def __init__(self, num_sources: int, sample_rate: int) -> None:
        self._interval = max(1, round(GAIN_SECONDS * sample_rate))
        self._kept = math.exp(-GAIN_SECONDS / LEVEL_SECONDS)
        self._gram = torch.zeros(num_sources, num_sources, dtype=torch.float64)
        self._correlation = torch.zeros(num_sources, dtype=torch.float64)
        self._before = self._gains = torch.ones(num_sources)
        self._place = 0  # in the interval

    def push(self, sources: Tensor, mixture: Tensor) -> Tensor:
        """Return sources `(S, C, t)` of a mixture `(C, t)`, scaled."""
        scaled, start = [], 0
        while start < sources.shape[2]:
            end = min(start + self._interval - self._place, sources.shape[2])
            part, target = sources[:, :, start:end], mixture[:, start:end]
            way = torch.arange(self._place + 1, self._place + end - start + 1) / self._interval
            gains = self._before.unsqueeze(1) + (self._gains - self._before).unsqueeze(1) * way  # (S, t)
            scaled.append(part * gains.unsqueeze(1))
            flat = part.flatten(1).double()
            self._gram += flat @ flat.T
            self._correlation += flat @ target.flatten().double()
            self._place, start = self._place + end - start, end
            if self._place == self._interval:
                gains = source_gains(self._gram, self._correlation).float()
                self._before, self._gains = self._gains, torch.where(self._gram.diagonal() > 0, gains, self._gains)
                self._gram, self._correlation, self._place = self._kept * self._gram, self._kept * self._correlation, 0
        return torch.cat(scaled, dim=2) if scaled else sources


class SharesOfRest:
    """Shares among the sources what they leave of the mixture, in proportion to their energies just before.

    Args:
        num_sources: Number of sources S.
        sample_rate: In Hz.
    """

    def __init__(self, num_sources: int, sample_rate: int) -> None:
        self._energies = DecayingSums(num_sources, SHARE_SECONDS * sample_rate)

    def push(self, sources: Tensor, mixture: Tensor) -> Tensor:
        """Return sources `(S, C, t)` that sum to the mixture `(C, t)`."""
        energies = self._energies.push(sources.double().square().sum(dim=1))  # (S, t)
        total = energies.sum(dim=0)
        shares = torch.where(total > 0, energies / total, 1 / len(sources)).to(sources.dtype)
        return sources + shares.unsqueeze(1) * (mixture - sources.sum(dim=0))

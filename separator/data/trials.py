"""Trials: pairs of stretches of a fixed list, of one voice or of two."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from separator.data.mixture_list import MixtureList
from separator.errors import InputError


@dataclass(frozen=True)
class Stretch:
    """One talker in one mixture of a list.

    Attributes:
        mixture: Number of the mixture.
        source: Number of the talker in it, from 0.
        speaker: Whose voice it is.
        file: Recording, relative to the data root.
        start: First sample taken from it.
        num_samples: Number of samples taken.
    """

    mixture: int
    source: int
    speaker: str
    file: str
    start: int
    num_samples: int


def list_stretches(mixtures: MixtureList) -> list[Stretch]:
    """Return every talker of every mixture, in order; of a list in which each says one thing."""
    return [
        Stretch(number, row.source - 1, row.speaker, row.file, row.start, row.num_samples)
        for number, rows in enumerate(mixtures.mixtures)
        for row in rows
        if row.speaker
    ]


def make_trials(stretches: list[Stretch]) -> tuple[Tensor, Tensor]:
    """Pair every stretch with every other, but for those that share samples of a recording.

    Raises:
        InputError: If there is no trial of one voice, or none of two.

    Shape:
        Returns the numbers of both stretches of each trial `(N, 2)`, and whether they are of one voice `(N,)`.
    """
    speakers, files = (np.array([getattr(each, name) for each in stretches]) for name in ("speaker", "file"))
    starts = np.array([each.start for each in stretches])
    ends = starts + np.array([each.num_samples for each in stretches])
    first, second = np.triu_indices(len(stretches), 1)
    shared = (files[first] == files[second]) & (starts[first] < ends[second]) & (starts[second] < ends[first])
    first, second = first[~shared], second[~shared]
    same = speakers[first] == speakers[second]
    if not 0 < same.sum() < len(same):
        raise InputError(
            f"{len(stretches)} stretches of {len(set(speakers))} speakers: expected pairs of one voice that share no "
            f"sample, and pairs of two, found {same.sum()} and {(~same).sum()}: list more, or shorter ones"
        )
    return torch.from_numpy(np.stack([first, second], axis=1)), torch.from_numpy(same)

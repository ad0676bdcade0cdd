"""Who is there in a recording, by which name, and what each of them is given of its outputs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from separator.audio.activity import FRAME_SECONDS
from separator.inference.assignment.clustering import find_talkers
from separator.inference.assignment.enrolment import match_names
from separator.inference.assignment.noise import leave_noise, leave_out_non_speech
from separator.inference.assignment.routing import NOBODY, Routing
from separator.inference.assignment.stretches import Stretches

NOISE = "noise"
"""The output that takes what is no talker's."""


def find_noise(sources: Sequence[str]) -> int | None:
    """Return the number of the noise among the names of a model's outputs; None if there is none."""
    return sources.index(NOISE) if NOISE in sources else None


@dataclass(frozen=True)
class Attendance:
    """The talkers of a recording: those who are known first, in the order of their clips, then as they are first heard.

    Attributes:
        names: Of the talkers, and of the silent signals behind them.
        routing: What is whose.
        noise: Number of the output that takes what is nobody's; None if there is none.
        notes: A line for each known voice that was not heard.
    """

    names: tuple[str, ...]
    routing: Routing
    noise: int | None
    notes: tuple[str, ...]

    def share_out(
        self, blocks: Iterable[Tensor], voiced: Sequence[int], sample_rate: int, offsets: Tensor
    ) -> Iterator[Tensor]:
        """Give the outputs that are no talker's, and behind them a signal for each of the `names`.

        Where somebody talks alone, all outputs of talkers are put together, so that nothing is lost; what is no voice
        goes to the noise, and so does what is constant: it takes no turns. Without noise each talker has a part of it.

        Args:
            blocks: The outputs, `(S, C, t)` each.
            voiced: Which of them hold talkers.
            sample_rate: In Hz.
            offsets: What is constant in those, `(S', C, 1)`.
        """
        constant = offsets.sum(dim=0)
        start = 0
        for outputs in blocks:
            others = [number for number in range(len(outputs)) if number not in voiced]
            shared = self.routing.apply(outputs[voiced] - offsets, start / sample_rate, sample_rate)
            talkers, nobody, rest = shared[:-1], shared[-1], outputs[others]
            if self.noise is not None:
                rest[others.index(self.noise)] += nobody + constant
            else:
                talkers += constant / len(talkers)
            silent = talkers.new_zeros(len(self.names) - len(talkers), *talkers.shape[1:])
            yield torch.cat([rest, talkers, silent])
            start += outputs.shape[2]


def find_attendance(
    stretches: Stretches,
    levels_db: Tensor,
    numbers: Sequence[int],
    enrolled: Mapping[str, Tensor],
    plain_names: Sequence[str],
    least: int,
    noise: int | None,
) -> Attendance:
    """Find who is in the outputs of a recording.

    Args:
        stretches: What the outputs hold.
        levels_db: Levels of their frames, `(S, K)`.
        numbers: How many talkers there may be; see `find_talkers`.
        enrolled: Vectors of known voices, by name.
        plain_names: What the first, the second and so on is called who is none of them.
        least: Signals that there are at least; more than there are talkers are silent.
        noise: Number of the output that takes what is nobody's; without one all is somebody's.
    """
    known = torch.stack(list(enrolled.values())).numpy() if enrolled else None
    found, voices = find_talkers(leave_out_non_speech(stretches), numbers, known)
    found = found if noise is None else leave_noise(stretches, found, voices)
    named = match_names(torch.from_numpy(voices).float(), enrolled)
    ranks = {name: rank for rank, name in enumerate(enrolled)}
    order = sorted(range(len(voices)), key=lambda talker: ranks.get(named.get(talker, ""), len(ranks)))
    names = list(plain_names[: max(len(voices), least)])
    names[: len(order)] = [named.get(talker, plain) for talker, plain in zip(order, names, strict=False)]
    notes = tuple(f"{name}: no voice like this was heard" for name in enrolled if name not in named.values())
    numbered = np.append(np.argsort(order), NOBODY)  # NOBODY is the last of them
    routing = Routing(numbered[found], stretches.hop_seconds, levels_db, FRAME_SECONDS)
    return Attendance(tuple(names), routing, noise, notes)

"""Who is who in a recording: each talker in one output from beginning to end, by name where the voice is known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from separator.errors import InputError
from separator.inference.assignment.enrolment import Clips, check_names, describe_enrolled, enrol, match_names
from separator.inference.assignment.orders import Orders, find_orders
from separator.inference.assignment.reordering import Reordering
from separator.inference.assignment.stretches import Stretches, StretchListener
from separator.inference.recording import SeparatedRecording
from separator.inference.voices import VoiceModel
from separator.metrics import group_by_name

MOST_TALKERS = 4
"""Of more outputs there are too many orders."""


class Assignment:
    """Finds who is in which output of a model of talkers. It keeps nothing of a recording.

    Args:
        voices: The voice model; its sample rate is that of the model of talkers.
        sources: Names of the model's outputs.
        clips: Of voices that are known by name.

    Raises:
        InputError: If there are no talkers or more than four, or a clip or a name is of no use.
    """

    def __init__(self, voices: VoiceModel, sources: Sequence[str], clips: Clips | None = None) -> None:
        talkers = talkers_of(sources)
        if talkers is None:
            raise InputError(f"expected a model of two to four talkers, found {', '.join(sources)}")
        self.voices = voices
        self.talkers = talkers
        self.enrolled: Mapping[str, Tensor] = {} if clips is None else enrol(clips, voices)
        check_names(self.enrolled, self._plain_names(sources))

    @property
    def settings(self) -> dict[str, Any]:
        """Return what decides who is in which output, as plain values."""
        return {"voices": self.voices.fingerprint} | describe_enrolled(self.enrolled)

    def names(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Return the names of what may come out of outputs called `sources`."""
        return (*self._plain_names(sources), *self.enrolled)

    def listener(self) -> StretchListener:
        """Return what listens to the talkers' outputs of a recording."""
        return StretchListener(self.voices, len(self.talkers))

    def _find(self, stretches: Stretches) -> Orders:
        """Find the order of the talkers; those who are enrolled come first, in the order of their clips."""
        known = torch.stack(list(self.enrolled.values())) if self.enrolled else None
        found = find_orders(stretches, known)
        named = match_names(found.voices, self.enrolled)
        ranks = {name: rank for rank, name in enumerate(self.enrolled)}
        places = sorted(range(len(self.talkers)), key=lambda place: ranks.get(named.get(place, ""), len(ranks)))
        return Orders(found.orders[:, places], found.changes, found.voices[places], found.alone)

    def _name(self, orders: Orders, sources: Sequence[str]) -> tuple[str, ...]:
        """Return the names of outputs called `sources`, once they are in order."""
        names = list(self._plain_names(sources))
        for place, name in match_names(orders.voices, self.enrolled).items():
            names[self.talkers[place]] = name
        return tuple(names)

    def put_in_order(
        self, stretches: Stretches, blocks: Iterable[Tensor], sources: Sequence[str], sample_rate: int
    ) -> SeparatedRecording:
        """Return a recording with each talker in one output.

        Args:
            stretches: What is kept of it.
            blocks: Its outputs, `(S, C, t)` each.
            sources: Their names.
            sample_rate: Theirs, in Hz.
        """
        orders = self._find(stretches)
        names = self._name(orders, sources)
        unheard = [f"{name}: no voice like this was heard" for name in self.enrolled if name not in names]
        push = Reordering(orders, self.talkers, sample_rate).push
        return SeparatedRecording(names, map(push, blocks), tuple(unheard))

    def _plain_names(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Return the names where nobody is recognised: the talkers' own, or `talker1` and so on beside known voices."""
        if not self.enrolled:
            return tuple(sources)
        numbers = {output: number for number, output in enumerate(self.talkers, start=1)}
        return tuple(f"talker{numbers[n]}" if n in numbers else name for n, name in enumerate(sources))


def talkers_of(sources: Sequence[str]) -> list[int] | None:
    """Return the numbers of the outputs that talkers may come in, in any order; None if there are not two to four.

    Example:
        >>> talkers_of(["speaker1", "speaker2", "noise"]), talkers_of(["vocals", "drums"])
        ([0, 1], None)
    """
    groups = [numbers for numbers in group_by_name(sources).values() if len(numbers) > 1]
    return groups[0] if len(groups) == 1 and len(groups[0]) <= MOST_TALKERS else None

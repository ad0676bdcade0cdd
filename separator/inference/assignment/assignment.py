"""Who is who in a recording: each talker in one output from beginning to end, by name where the voice is known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from separator.checkpoint import ModelDescription, bundled_voice_model
from separator.errors import InputError
from separator.inference.assignment.attendance import find_attendance, find_noise
from separator.inference.assignment.enrolment import Clips, check_names, describe_enrolled, enrol
from separator.inference.assignment.stretches import StretchListener
from separator.inference.recording import SeparatedRecording
from separator.inference.voices import VoiceModel
from separator.metrics import group_by_name

MOST_TALKERS = 4
"""Of more outputs there are too many orders."""

LEAST_SECONDS = 1.5
"""Less activity in all outputs tells nothing of who is in them."""


class Assignment:
    """Finds who is in which output of a model of talkers. It keeps nothing of a recording.

    Args:
        voices: The voice model.
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
        self.noise = find_noise(sources)
        self.enrolled: Mapping[str, Tensor] = {} if clips is None else enrol(clips, voices)
        check_names(self.enrolled, self._plain_names(sources))

    @classmethod
    def bundled(cls, description: ModelDescription, device: str, clips: Clips | None = None) -> Self | None:
        """Return one with the bundled voice model of a model's rate; None if it is not of two to four talkers."""
        name = bundled_voice_model(description.sample_rate)
        if name is None or talkers_of(description.sources) is None:
            return None
        return cls(VoiceModel.from_pretrained(name, device), description.sources, clips)

    @property
    def settings(self) -> dict[str, Any]:
        """Return what decides who is in which output, as plain values."""
        return {"voices": self.voices.fingerprint} | describe_enrolled(self.enrolled)

    def names(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Return the names of what may come out of outputs called `sources`."""
        return (*self._plain_names(sources), *self.enrolled)

    def listener(self, sample_rate: int, channels: int, dtype: torch.dtype = torch.float32) -> StretchListener:
        """Return what listens to the outputs of a recording, at a rate in Hz, in a precision."""
        return StretchListener(self.voices, self.talkers, sample_rate, channels, self.noise, dtype)

    def put_in_order(
        self, listener: StretchListener, blocks: Iterable[Tensor], sources: Sequence[str], sample_rate: int
    ) -> SeparatedRecording:
        """Return a recording with each talker in one output, in the order in which they are first heard.

        Where somebody talks alone, all outputs of talkers are put together, so that nothing is lost, but for what is no
        voice, which goes to an output called `noise`, if there is one; the other outputs are silent there. What is too
        short to tell stays as it is. Those who are enrolled come first, in the order of their clips.

        Args:
            listener: What has heard all of it.
            blocks: Its outputs, `(S, C, t)` each.
            sources: Their names.
            sample_rate: Theirs, in Hz.
        """
        stretches = listener.finish()
        names = list(self._plain_names(sources))
        if stretches.activity.sum() * stretches.hop_seconds < LEAST_SECONDS:
            nobody = (f"{name}: no voice like this was heard" for name in self.enrolled)
            return SeparatedRecording(tuple(names), iter(blocks), tuple(nobody))
        plain = [names[output] for output in self.talkers]
        numbers = (1, len(plain))
        attendance = find_attendance(
            stretches, listener.levels_db(), numbers, self.enrolled, plain, len(plain), self.noise
        )
        for output, name in zip(self.talkers, attendance.names, strict=True):
            names[output] = name
        others = [output for output in range(len(sources)) if output not in self.talkers]
        places = np.argsort([*others, *self.talkers])
        shared = attendance.share_out(blocks, self.talkers, sample_rate, listener.offsets())
        return SeparatedRecording(tuple(names), (each[places] for each in shared), attendance.notes)

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

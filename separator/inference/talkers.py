"""Meetings: a model that parts two voices at a time, and a file for each of up to six people who take turns."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from separator.errors import InputError
from separator.inference.assignment.attendance import NOISE, find_attendance, find_noise
from separator.inference.assignment.clustering import MOST_TALKERS
from separator.inference.assignment.enrolment import Clips, check_names, describe_enrolled, enrol
from separator.inference.assignment.stretches import StretchListener
from separator.inference.loaded_model import SILENCE_FLOOR
from separator.inference.recording import SeparatedRecording, counted
from separator.inference.recording_separator import RecordingSeparator
from separator.inference.separator import Separator
from separator.inference.spool import Spool
from separator.inference.voices import VoiceModel
from separator.metrics import group_by_name

SILENCE_DB = 20 * math.log10(SILENCE_FLOOR)
"""A recording with no frame above this, in dB of full scale, is silent: who talks may be very quiet."""

NOBODY = "no talker was heard: all of it is in noise"

VOICE_MODEL = "voice-16k"
"""The model that tells voices apart, unless another is given."""


class TalkerSeparator(RecordingSeparator):
    """Separates recordings of several people into a signal for each, `talker1` to `talker6`, with a `Separator`.

    Everything is separated first, and kept in a temporary file. Then the voices in the outputs are compared, stretch by
    stretch over the whole recording: those of one person are put together. Each output goes to the talker who is in it;
    where somebody talks alone, all outputs of talkers do, so that nothing is lost, but for what is no voice.

    It keeps nothing between calls: several threads may use it at once.

    Args:
        separator: A model of two talkers or more, perhaps with noise beside them.
        voices: Tells voices apart.
        talkers: How many there are, 2 to 6; None finds that too, and nobody in silence, if the model gives noise beside
            the talkers. There is a signal for each who is asked for.
        clips: Of voices that are known by name: who is like one of them comes first, and has that name.

    Raises:
        InputError: If the number is out of range, the model has no talkers, or a clip or a name is of no use.

    Example:
        >>> model = Separator.from_pretrained("speech-2spk-16k")
        >>> meeting = TalkerSeparator(model, VoiceModel.from_pretrained("voice-16k"), talkers=2)
        >>> files = meeting.separate_file("talk.wav", "out", timeline="rttm")
        >>> list(files)
        ['noise', 'talker1', 'talker2', 'timeline']
    """

    def __init__(
        self, separator: Separator, voices: VoiceModel, talkers: int | None = None, clips: Clips | None = None
    ) -> None:
        if talkers is not None and not isinstance(talkers, int):
            raise InputError(f"talkers: expected a whole number, or None to find it, found {talkers!r}")
        if talkers is not None and not 2 <= talkers <= MOST_TALKERS:
            raise InputError(f"talkers: expected auto or 2 to {MOST_TALKERS}, found {talkers}")
        self.separator = separator
        self.voices = voices
        self.talkers = talkers
        groups = [numbers for numbers in group_by_name(separator.sources).values() if len(numbers) > 1]
        if len(groups) != 1:
            raise InputError(
                f"talkers: expected a model of talkers (speaker1, speaker2), found {', '.join(separator.sources)}"
            )
        self._voiced = groups[0]
        self.enrolled = {} if clips is None else enrol(clips, voices)
        check_names(self.enrolled, (*separator.sources, *(f"talker{each}" for each in range(1, MOST_TALKERS + 1))))

    @property
    def settings(self) -> dict[str, Any]:
        """Return what decides the outputs, as plain values."""
        own = {"talkers": self.talkers or "auto", "voices": self.voices.fingerprint}
        return self.separator.settings | own | describe_enrolled(self.enrolled)

    @property
    def block_seconds(self) -> float:
        """Return the length of the blocks a recording is read in."""
        return self.separator.block_seconds

    @property
    def device(self) -> torch.device:
        """Return where the model runs."""
        return self.separator.device

    @property
    def networks(self) -> tuple[torch.nn.Module, ...]:
        """Return all that runs on a recording: the model, and what tells voices apart."""
        return (*self.separator.networks, self.voices.fused)

    def output_names(self, residual: bool = False) -> tuple[str, ...]:
        """Return the names of what the model gives."""
        return self.separator.output_names(residual)

    def possible_names(self, residual: bool = False) -> tuple[str, ...]:
        """Return the names of what may come out: all that is no talker's, the talkers, and those known by name."""
        most = self.talkers or MOST_TALKERS
        return (*self._others(residual), *(f"talker{number}" for number in range(1, most + 1)), *self.enrolled)

    def separate_recording(
        self,
        blocks: Iterable[Tensor],
        sample_rate: int,
        channels: int,
        residual: bool = False,
        spool: Spool | None = None,
        on_samples: Callable[[int], None] | None = None,
    ) -> SeparatedRecording:
        """Separate a recording from its beginning to its end; as `Separator.separate_recording`."""
        spool = Spool(len(self.output_names(residual)), channels) if spool is None else spool
        noise = find_noise(self.separator.sources)
        listener = StretchListener(self.voices, self._voiced, self.separator.sample_rate, channels, noise)
        stream = self.separator.separate_stream(blocks, sample_rate, channels, residual, listener.push, tight=True)
        for sources in counted(stream, on_samples):
            spool.write(sources)
        plain = [f"talker{number}" for number in range(1, MOST_TALKERS + 1)]
        numbers = range(1, MOST_TALKERS + 1) if self.talkers is None else (self.talkers,)
        stretches, least = listener.finish(), self.talkers or 1
        written = spool.blocks(max(1, round(self.block_seconds * sample_rate)))
        others = self._others(residual)
        if self.talkers is None and NOISE in others and not (listener.levels_db() > SILENCE_DB).any():
            notes = (NOBODY, *(f"{name}: no voice like this was heard" for name in self.enrolled))
            return SeparatedRecording(tuple(others), self._as_noise(written, residual), notes)
        attendance = find_attendance(stretches, listener.levels_db(), numbers, self.enrolled, plain, least, noise)
        shared = attendance.share_out(written, self._voiced, sample_rate, listener.offsets())
        return SeparatedRecording((*others, *attendance.names), shared, attendance.notes)

    def _as_noise(self, blocks: Iterable[Tensor], residual: bool) -> Iterator[Tensor]:
        """Give the outputs that are no talker's, what the others hold added to the noise."""
        names = self.separator.output_names(residual)
        kept = [number for number in range(len(names)) if number not in self._voiced]
        for outputs in blocks:
            outputs[names.index(NOISE)] += outputs[self._voiced].sum(dim=0)
            yield outputs[kept]

    def _others(self, residual: bool) -> list[str]:
        names = self.separator.output_names(residual)
        return [name for number, name in enumerate(names) if number not in self._voiced]

"""Meetings: a model that parts two voices at a time, and a file for each of up to six people who take turns."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.activity import FrameLevels, is_active
from separator.audio.resampling import resample
from separator.errors import InputError
from separator.inference.assignment.enrolment import Clips, check_names, describe_enrolled, enrol, match_names
from separator.inference.clustering import MOST_TALKERS, Stretches, find_talkers
from separator.inference.recording import SeparatedRecording, counted
from separator.inference.recording_separator import RecordingSeparator
from separator.inference.routing import Routing
from separator.inference.segments import LEAKED_DB
from separator.inference.separator import Separator
from separator.inference.spool import Spool
from separator.inference.voices import VoiceModel
from separator.metrics import group_by_name

VOICE_MODEL = "voice-16k"
"""The model that tells voices apart, unless another is given."""

STRETCH_SECONDS = 1.5
"""Voices are told by so much of an output."""

HOP_SECONDS = 0.5
"""From one stretch to the next."""

LEAST_ACTIVITY = 0.1
"""In stretches in which an output is active for a smaller share it tells of no voice."""

HEARD_SECONDS = 30.0
"""So much of the outputs is in memory at a time."""


class TalkerSeparator(RecordingSeparator):
    """Separates recordings of several people into a signal for each, `talker1` to `talker6`, with a `Separator`.

    Everything is separated first, and kept in a temporary file. Then the voices in the outputs are compared, stretch by
    stretch over the whole recording: those of one person are put together. Each output goes to the talker who is in it;
    where somebody talks alone, all outputs of talkers do, so that nothing is lost.

    It keeps nothing between calls: several threads may use it at once.

    Args:
        separator: A model of two talkers or more, perhaps with noise beside them.
        voices: Tells voices apart.
        talkers: How many there are, 2 to 6; None finds that too. There is a signal for each who is asked for.
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
        levels = FrameLevels(len(self._voiced), sample_rate)
        for sources in counted(self.separator.separate_stream(blocks, sample_rate, channels, residual), on_samples):
            spool.write(sources)
            levels.push(sources[self._voiced])
        stretches = self._hear(spool, levels, sample_rate)
        found, voices = find_talkers(stretches, self.talkers)
        named = match_names(torch.from_numpy(voices).float(), self.enrolled)
        first = sorted(named, key=lambda talker: list(self.enrolled).index(named[talker]))
        order = [*first, *(talker for talker in range(len(voices)) if talker not in named)]
        routing = Routing(np.argsort(order)[found], stretches.hop_seconds, levels.levels_db(), levels.frame_seconds)
        number = max(len(voices), self.talkers or 1)
        talkers = [
            *(named[talker] for talker in first),
            *(f"talker{each}" for each in range(len(first) + 1, number + 1)),
        ]
        unheard = tuple(f"{name}: no voice like this was heard" for name in self.enrolled if name not in talkers)
        names = (*self._others(residual), *talkers)
        return SeparatedRecording(names, self._route(spool, routing, number, sample_rate), unheard)

    def _route(self, spool: Spool, routing: Routing, number: int, sample_rate: int) -> Iterator[Tensor]:
        """Give the blocks of all that is no talker's and of `number` talkers, `(N, C, t)`."""
        others = [each for each in range(spool.shape[0]) if each not in self._voiced]
        start = 0
        for sources in spool.blocks(max(1, round(self.block_seconds * sample_rate))):
            talkers = routing.apply(sources[self._voiced], start / sample_rate, sample_rate)
            silent = talkers.new_zeros(number - len(talkers), *talkers.shape[1:])
            yield torch.cat([sources[others], talkers, silent])
            start += sources.shape[-1]

    def _others(self, residual: bool) -> list[str]:
        names = self.separator.output_names(residual)
        return [name for number, name in enumerate(names) if number not in self._voiced]

    def _hear(self, spool: Spool, levels: FrameLevels, sample_rate: int) -> Stretches:
        """Return the voices in the outputs, stretch by stretch; a stretch lies around its time."""
        levels_db = levels.levels_db()  # (S, K)
        energies = 10 ** (levels_db.double() / 10)
        speech = is_active(10 * torch.log10(energies.sum(dim=0) + 1e-20))
        active = speech & (levels_db >= levels_db.amax(dim=0) - LEAKED_DB)
        seconds = spool.num_samples / sample_rate
        count = max(1, math.ceil(seconds / HOP_SECONDS))
        length = min(STRETCH_SECONDS, seconds)
        starts = np.clip((np.arange(count) + 0.5) * HOP_SECONDS - length / 2, 0, seconds - length)
        shape = (count, len(self._voiced))
        activity, shares = np.zeros(shape), np.zeros(shape)
        vectors = np.zeros((*shape, self.voices.embedding_size), dtype=np.float32)
        for number, start in enumerate(starts):
            first = round(start / levels.frame_seconds)
            frames = slice(first, max(first + 1, round((start + length) / levels.frame_seconds)))
            heard = (energies[:, frames] * speech[frames]).sum(dim=1)
            activity[number] = active[:, frames].double().mean(dim=1).nan_to_num()
            shares[number] = heard / heard.sum().clamp(min=1e-20)
        activity[activity < LEAST_ACTIVITY] = 0
        together = np.zeros((count, self.voices.embedding_size), dtype=np.float32)
        many = round(HEARD_SECONDS / HOP_SECONDS)
        for begin in range(0, count, many):
            there = slice(begin, begin + many)
            outputs_active = (activity[there] > 0).sum(axis=1)
            if not outputs_active.any():
                continue
            signals = self._read(spool, starts[begin], starts[there][-1] + length, sample_rate)  # (S, T)
            rate = self.voices.sample_rate
            at = ((starts[there] - starts[begin]) * rate).round().astype(int)
            sounding = np.flatnonzero(outputs_active)
            together[begin + sounding] = self._embed(signals.sum(dim=0).expand(1, -1), at, length, sounding)
            vectors[there] = together[there, None]  # where one output is active, the others hold next to nothing
            several, outputs = np.nonzero((activity[there] > 0) & (outputs_active > 1)[:, None])
            if len(several):
                vectors[begin + several, outputs] = self._embed(signals, at, length, several, outputs)
        return Stretches(vectors, together, activity, shares, HOP_SECONDS)

    def _embed(
        self, signals: Tensor, at: np.ndarray, length: float, stretches: np.ndarray, outputs: np.ndarray | int = 0
    ) -> np.ndarray:
        """Return the voice of each of some stretches of signals `(S, T)`, each of its own output, `(M, D)`."""
        width = round(length * self.voices.sample_rate)
        pairs = zip(stretches, np.broadcast_to(outputs, stretches.shape), strict=True)
        parts = [signals[output, at[number] : at[number] + width] for number, output in pairs]
        heard = torch.stack([functional.pad(part, (0, width - len(part))) for part in parts])
        return self.voices.embed(heard, self.voices.sample_rate).numpy()

    def _read(self, spool: Spool, start_seconds: float, end_seconds: float, sample_rate: int) -> Tensor:
        """Read the loudest channel of the talkers' outputs, `(S, T)` at the voice model's rate."""
        start, end = round(start_seconds * sample_rate), round(end_seconds * sample_rate)
        signals = spool.read(start, end - start)[self._voiced]
        loudest = int(signals.square().sum(dim=(0, 2)).argmax())
        return resample(signals[:, loudest], sample_rate, self.voices.sample_rate)

"""Which output is whose: talkers keep their outputs over hours, by how their voices sounded so far.

A live model knows of the past what its norms and convolutions remember: after a pause it may give a voice another
output. Here the stretches in which an output is the loudest are turned into vectors of voices, and a belief is kept
about the order of the outputs: each vector speaks for the orders that give it to the voice it is like, and to change
the order costs. A vector that is like no voice, or like two, as that of a stretch in which both speak, says nothing and
is not learned; several on end that are like each other, and like no voice, are a new one.

A stretch goes through the voice model over the 0.1 s behind it, stage by stage, so that no step of a live signal takes
all of that time. A change is heard from the next sample on, faded over; nothing waits for it.
"""

import math
from dataclasses import dataclass, replace
from itertools import permutations

import torch
from torch import Tensor
from torch.nn import functional

from separator.inference.voices import VoiceModel

FRAME_SECONDS = 0.1
"""The loudest output is found anew so often; at most one stretch a frame goes through the voice model."""

LOUDER_DB = 3.0
"""An output is heard alone where it is louder than all others together by this."""

RANGE_DB, MEMORY_SECONDS = 30.0, 10.0
"""Frames so much quieter than the loudest of the last seconds are pauses."""

SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 1.0
"""Of a stretch that says whose voice it is."""

NEW_SECONDS = 0.2
"""A stretch speaks again when so much of it is new."""

GAP_SECONDS = 0.2
"""An output that was not heard for as long may be another voice: its stretch begins anew."""

SAME_VOICE, MARGIN = 0.3, 0.1
"""A stretch is of a voice if their product lies above the one, and by the other above those with all others."""

NEW_VOICE, NEW_STRETCHES = 0.1, 3
"""So many stretches on end are of a new voice if they are like each other, and their products with all others lie below
the first."""

FREE_PLACE = 0.5
"""In the place of nobody yet, the model says that it is another voice: these products decide instead of both."""

SHARPNESS = 12.0
"""What a stretch says, in nats, if its product with one voice lies 1 above that with another."""

CHANGE = 0.2
"""How likely the order changes from one stretch to the next."""

SURE = 1.5
"""The order changes when another is so many nats likelier."""

MEMORY_STRETCHES = 120
"""After so many more, a stretch counts e times less in the mean of its voice."""

FADE_SECONDS = 0.02

MOST_TALKERS = 5


@dataclass(frozen=True)
class _Stretch:
    """Of an output, what it said alone.

    Attributes:
        samples: The last of it, `(t,)`.
        new: Frames of it that have not spoken for a voice.
        pause: Frames since its last.
    """

    samples: Tensor
    new: int = 0
    pause: int = 0


@dataclass(frozen=True)
class _Listening:
    """A stretch on its way through the voice model.

    Attributes:
        output: Whose it is.
        values: What the stages so far made of it.
        stages: How many there were.
    """

    output: int
    values: Tensor
    stages: int = 0


class VoiceOrder:
    """Keeps each voice on one output, in memory that does not grow.

    Args:
        voices: Tells voices apart.
        num_talkers: Number of outputs S, up to `MOST_TALKERS`.
        sample_rate: In Hz.
    """

    def __init__(self, voices: VoiceModel, num_talkers: int, sample_rate: int) -> None:
        self.voices, self.sample_rate = voices, sample_rate
        self._frame = round(FRAME_SECONDS * sample_rate)
        self._orders = torch.tensor(list(permutations(range(num_talkers))))
        """The output of each voice, `(orders, S)`; the first is the model's own."""
        self._belief = torch.zeros(len(self._orders), dtype=torch.float64)  # in nats
        self._order = self._order_before = 0
        self._faded = self._fade = round(FADE_SECONDS * sample_rate)  # samples since the order changed
        self._waiting = torch.zeros(num_talkers, 0)  # for its frame to be complete
        self._loudest = 0.0
        self._stretches = (_Stretch(torch.zeros(0)),) * num_talkers
        self._sums = torch.zeros(num_talkers, voices.embedding_size)  # of the vectors of each voice
        self._strangers: tuple[Tensor, ...] = ()  # the last vectors, if they were like no voice, but like each other
        self._listening: _Listening | None = None

    def push(self, sources: Tensor) -> Tensor:
        """Return the next samples of the outputs, `(S, C, t)`, in the order of the voices."""
        parts = [sources[:, :, :0]]
        while sources.shape[2]:
            length = min(self._frame - self._waiting.shape[1], sources.shape[2])
            part, sources = sources.split([length, sources.shape[2] - length], dim=2)
            parts.append(self._arrange(part))
            self._waiting = torch.cat([self._waiting, part.mean(dim=1)], dim=1)
            is_frame = self._waiting.shape[1] == self._frame
            self._listen(whole=is_frame)
            if is_frame:
                self._hear(self._waiting)
                self._waiting = self._waiting[:, :0].clone()
        return torch.cat(parts, dim=2)

    def _arrange(self, part: Tensor) -> Tensor:
        """Return outputs in the order of the voices; one that has just changed is faded in."""
        ordered = part[self._orders[self._order]]
        if self._faded >= self._fade:
            return ordered
        way = (self._faded + torch.arange(1, part.shape[2] + 1)).clamp(max=self._fade) / self._fade
        self._faded += part.shape[2]
        return torch.lerp(part[self._orders[self._order_before]], ordered, way)

    def _listen(self, whole: bool) -> None:
        """Compute the next stage of the voice model, or all that are left: then the voice is weighed."""
        if self._listening is None:
            return
        stages = self.voices.embedding_stages(self.sample_rate)
        done, values = self._listening.stages, self._listening.values
        following = stages[done:] if whole else stages[done : done + 1]
        for stage in following:
            values = stage(values)
        self._listening = replace(self._listening, values=values, stages=done + len(following))
        if whole:
            self._weigh(self._listening.output, values[0])
            self._listening = None

    def _hear(self, frame: Tensor) -> None:
        """Take along a frame `(S, t)`; where it completes a stretch, its voice will be listened to."""
        energies = frame.square().sum(dim=1)
        loud, output = float(energies.max()), int(energies.argmax())
        self._loudest = max(self._loudest * math.exp(-FRAME_SECONDS / MEMORY_SECONDS), loud)
        stretches = [replace(each, pause=each.pause + 1) for each in self._stretches]
        is_speech = loud > self._loudest * 10 ** (-RANGE_DB / 10)
        if is_speech and loud > (float(energies.sum()) - loud) * 10 ** (LOUDER_DB / 10):
            before = stretches[output]
            if before.pause * FRAME_SECONDS > GAP_SECONDS:
                before = _Stretch(torch.zeros(0))
            longest = round(LONGEST_SECONDS * self.sample_rate)
            stretch = _Stretch(torch.cat([before.samples, frame[output]])[-longest:].clone(), before.new + 1)
            is_long = len(stretch.samples) >= SHORTEST_SECONDS * self.sample_rate
            if is_long and stretch.new * FRAME_SECONDS >= NEW_SECONDS:
                self._listening = _Listening(output, stretch.samples.unsqueeze(0))
                stretch = replace(stretch, new=0)
            stretches[output] = stretch
        self._stretches = tuple(stretches)

    def _weigh(self, output: int, vector: Tensor) -> None:
        """Let a stretch of an output, by its vector `(D,)`, speak for the orders, if its voice is known; learn it."""
        number = self._recognise(output, vector)
        if number is None:
            return
        sums = self._sums.clone()
        sums[number] = (1 - 1 / MEMORY_STRETCHES) * sums[number] + vector
        self._sums = sums
        products = torch.where(sums.any(dim=1), functional.normalize(sums, dim=1) @ vector, NEW_VOICE)
        voice = (self._orders == output).int().argmax(dim=1)  # in each order, whose the output is
        others = math.log(CHANGE / len(self._orders)) + self._belief.logsumexp(dim=0)
        moved = torch.logaddexp(self._belief + math.log(1 - CHANGE), others)
        self._belief = (moved + SHARPNESS * products[voice].double()).log_softmax(dim=0)
        best = int(self._belief.argmax())
        if best != self._order and self._belief[best] - self._belief[self._order] > SURE:
            self._order_before, self._order, self._faded = self._order, best, 0

    def _recognise(self, output: int, vector: Tensor) -> int | None:
        """Return the number of the voice of a stretch; None is nobody's that can be told."""
        is_known = self._sums.any(dim=1)
        products = torch.where(is_known, functional.normalize(self._sums, dim=1) @ vector, -1.0)
        nearest, second = products.topk(2).values.tolist()
        number = int((self._orders[self._order] == output).int().argmax())  # whose place it is in now
        like, unlike = (SAME_VOICE, NEW_VOICE) if is_known[number] else (FREE_PLACE, FREE_PLACE)
        if nearest > like and nearest - second > MARGIN:
            self._strangers = ()
            return int(products.argmax())
        if nearest > unlike:
            return None
        is_heard_again = all(float(each @ vector) > SAME_VOICE for each in self._strangers)
        self._strangers = (*self._strangers, vector) if is_heard_again else (vector,)
        if len(self._strangers) < NEW_STRETCHES:
            return None
        self._strangers = ()
        if is_known[number]:
            number = int(self._sums.norm(dim=1).argmin())  # nobody's, or of who was heard the least
        sums = self._sums.clone()
        sums[number] = 0
        self._sums = sums
        return number

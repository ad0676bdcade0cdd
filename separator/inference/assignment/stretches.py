"""What is kept of a recording to tell who is in which output: levels, and the voices of each stretch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.activity import (
    FRAME_SECONDS,
    LOWEST_DB,
    FrameLevels,
    add_levels,
    find_silence_db,
    is_active,
    varying_power,
)
from separator.audio.resampling import StreamResampler
from separator.inference.voices import VoiceModel

STRETCH_FRAMES = 25
"""Frames of a stretch: half a second."""

WINDOW_FRAMES = 55
"""Frames that are heard of an output to tell who is in a stretch, which lies in their middle."""

HEARD_AT_ONCE = 20
"""Stretches that are heard as a whole: in less time than each by itself, and a voice is clearer beside what is said
before and after."""

LEAST_ACTIVITY = 0.1
"""Where an output is active for a smaller share of a window it tells of no voice."""

LEAKED_DB = 10.0
"""An output so far below the loudest is what the separation left of that one's talker, and no voice of its own."""

LOUD_RANGE_DB = 40.0
"""Frames further below the loudest of their window tell nothing."""


@dataclass(frozen=True)
class Stretches:
    """What the outputs hold, stretch by stretch, one every `hop_seconds`.

    Attributes:
        vectors: Voices, `(W, S, D)` of length 1; zeros where an output is silent.
        together: Voice of what all outputs have together, `(W, D)` of length 1: where one talks alone it is that one's,
            however it is divided among the outputs.
        activity: Share of the stretch and of what lies around it in which each output is active, `(W, S)`.
        shares: Share of each output in the energy of all there, `(W, S)`.
        hop_seconds: From one stretch to the next.
        at_once: Share of the recording's active frames in which two outputs are about as loud.
        noise_db: Level of the noise in dB of the talkers' outputs, over the whole recording.
        non_speech: How like no speech each output is, `(W, S)` cosines; None if it is not known.
    """

    vectors: np.ndarray
    together: np.ndarray
    activity: np.ndarray
    shares: np.ndarray
    hop_seconds: float
    at_once: float = 0.0
    noise_db: float = -math.inf
    non_speech: np.ndarray | None = None


class StretchListener:
    """Listens to outputs that come in blocks, and keeps what `Stretches` has of them, and the levels of their frames.

    Args:
        voices: The voice model.
        talkers: Which of the outputs hold talkers, S numbers.
        sample_rate: Of the outputs, in Hz.
        channels: Of the outputs; of each stretch, and of each output in it, the loudest is heard.
        noise: Which of the outputs is noise; None if there is none.
        dtype: Precision that voices are heard in, float32 or bfloat16, as autocast has it.
    """

    frame_seconds = FRAME_SECONDS

    def __init__(
        self,
        voices: VoiceModel,
        talkers: Sequence[int],
        sample_rate: int,
        channels: int = 1,
        noise: int | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.voices = voices
        self.dtype = dtype
        self._talkers, self._noise = list(talkers), [] if noise is None else [noise]
        self._shape = (len(self._talkers), channels)
        self._resampler = StreamResampler(sample_rate, voices.sample_rate, len(self._talkers) * channels)
        self._frame = round(FRAME_SECONDS * voices.sample_rate)
        before = (WINDOW_FRAMES - STRETCH_FRAMES) // 2 * self._frame
        self._waiting = torch.zeros(*self._shape, before)  # from the beginning of the next stretch's window on
        self._vectors: list[Tensor] = []  # (w, S, D) each
        self._together: list[Tensor] = []  # (w, D) each
        self._non_speech: list[Tensor] = []  # (w, S) each
        self._powers: list[Tensor] = []  # (S, k) each
        self._samples = 0
        self._sums = torch.zeros(*self._shape, 1, dtype=torch.double)
        self._given = 0
        self._whole = FrameLevels(len(self._talkers) + len(self._noise), sample_rate)

    def push(self, sources: Tensor) -> None:
        """Take the next block of all outputs, `(S', C, t)`."""
        talkers = sources[self._talkers]
        self._sums += talkers.sum(dim=2, keepdim=True, dtype=torch.double)
        self._given += talkers.shape[2]
        self._whole.push(sources[[*self._talkers, *self._noise]])
        self._take(self._resampler.push(talkers.flatten(0, 1)))

    def levels_db(self) -> Tensor:
        """Return the level of each frame of each output in dB of full scale, `(S, K)`."""
        powers = torch.cat(self._powers, dim=1) if self._powers else torch.zeros(self._shape[0], 0)
        return 10 * torch.log10(powers[:, : -(-self._samples // self._frame)] + 1e-20)

    def offsets(self) -> Tensor:
        """Return what is constant in each channel of each output, `(S, C, 1)`."""
        return (self._sums / max(1, self._given)).float()

    def finish(self) -> Stretches:
        """End the recording, and return its summary."""
        outputs, size = self._shape[0], self.voices.embedding_size
        self._take(self._resampler.push(torch.zeros(outputs * self._shape[1], 0), last=True))
        missing = -(-self._samples // (STRETCH_FRAMES * self._frame)) - sum(map(len, self._vectors))
        window, hop = WINDOW_FRAMES * self._frame, STRETCH_FRAMES * self._frame
        self._waiting = functional.pad(self._waiting, (0, window + (missing - 1) * hop - self._waiting.shape[2]))
        if missing:
            self._summarise(missing)
        vectors = torch.cat([torch.zeros(0, outputs, size, dtype=torch.half), *self._vectors]).float()
        together = torch.cat([torch.zeros(0, size, dtype=torch.half), *self._together]).float()
        levels_db = self.levels_db()
        energies = 10 ** (levels_db.double() / 10)
        of_all = self._whole.levels_db()  # (S, K), and noise
        speech = is_active(add_levels(levels_db), find_silence_db(add_levels(of_all)))
        active = speech & (levels_db >= levels_db.amax(dim=0) - LEAKED_DB)
        frames = _in_windows(torch.ones(1, len(speech)), len(vectors))
        activity = _in_windows(active.double(), len(vectors)) / frames
        activity[activity < LEAST_ACTIVITY] = 0
        shares = _in_windows(energies * speech, len(vectors))
        shares /= shares.sum(dim=1, keepdim=True).clamp(min=1e-20)
        at_once = float((active.sum(dim=0) > 1).sum() / speech.sum().clamp(min=1))
        vectors[activity == 0] = 0
        talk, noise = (float((10 ** (each.double() / 10)).sum()) for each in of_all.split([outputs, len(self._noise)]))
        return Stretches(
            vectors.numpy(),
            together.numpy(),
            activity.numpy(),
            shares.numpy(),
            STRETCH_FRAMES * FRAME_SECONDS,
            at_once,
            10 * math.log10(noise / talk) if noise and talk else -math.inf,
            torch.cat([torch.zeros(0, outputs), *self._non_speech]).numpy(),
        )

    def _take(self, block: Tensor) -> None:
        self._samples += block.shape[1]
        self._waiting = torch.cat([self._waiting, block.unflatten(0, self._shape)], dim=2)
        while self._waiting.shape[2] >= (WINDOW_FRAMES + (HEARD_AT_ONCE - 1) * STRETCH_FRAMES) * self._frame:
            self._summarise(HEARD_AT_ONCE)

    def _summarise(self, number: int) -> None:
        """Summarise the next so many stretches, whose windows are complete."""
        window, hop = WINDOW_FRAMES * self._frame, STRETCH_FRAMES * self._frame
        block = self._waiting[:, :, : window + (number - 1) * hop]  # (S, C, t)
        self._waiting = self._waiting[:, :, number * hop :].clone()
        of_channels = varying_power(block.unflatten(2, (-1, self._frame))).unfold(2, WINDOW_FRAMES, STRETCH_FRAMES)
        powers = of_channels.mean(dim=1).transpose(0, 1)  # (w, S, frames)
        energies = of_channels.sum(dim=3)  # (S, C, w)
        middle = (WINDOW_FRAMES - STRETCH_FRAMES) // 2
        self._powers.append(powers[:, :, middle : middle + STRETCH_FRAMES].transpose(0, 1).flatten(1))
        whole = powers.sum(dim=1)  # (w, frames)
        loud = whole.amax(dim=1, keepdim=True) * 10 ** (-LOUD_RANGE_DB / 10)
        sounding = whole > loud.clamp(min=10 ** (LOWEST_DB / 10))
        heard = sounding.unsqueeze(1) & (powers >= powers.amax(dim=1, keepdim=True) * 10 ** (-LEAKED_DB / 10))
        asked = heard.float().mean(dim=2) >= LEAST_ACTIVITY  # (w, S)
        loudest = energies.sum(dim=0).argmax(dim=0)  # (w): all in one channel
        together, likeness = self._hear(block.sum(dim=0), asked.any(dim=1), loudest)
        # Where one is heard the others hold next to nothing.
        vectors = together.unsqueeze(1).repeat(1, len(block), 1)
        non_speech = likeness.unsqueeze(1).repeat(1, len(block))
        asked &= asked.sum(dim=1, keepdim=True) > 1
        for output, own in enumerate(asked.T):
            each, like = self._hear(block[output], own, energies[output].argmax(dim=0))
            vectors[own, output], non_speech[own, output] = each[own], like[own]
        self._vectors.append(vectors)
        self._together.append(together)
        self._non_speech.append(non_speech)

    def _hear(self, signals: Tensor, asked: Tensor, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the voice in each window of a signal, and how like no speech it is.

        Args:
            signals: Its channels, `(C, t)`.
            asked: Which windows are heard, `(w,)`.
            channels: Which channel is heard in each, `(w,)`.

        Returns:
            `(w, D)` and `(w,)`; zeros where it is not heard.
        """
        window, hop = WINDOW_FRAMES * self._frame, STRETCH_FRAMES * self._frame
        vectors = torch.zeros(len(asked), self.voices.embedding_size, dtype=torch.half)
        non_speech = torch.zeros(len(asked))
        for run in _in_runs(asked, channels):
            heard = signals[channels[run[0]], run[0] * hop : run[-1] * hop + window]
            with torch.autocast(self.voices.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
                found = self.voices.hear_windows(heard, [(number - run[0]) * hop for number in run], window)
            vectors[run], non_speech[run] = found[0].half(), found[1]
        return vectors, non_speech


def _in_runs(asked: Tensor, channels: Tensor) -> list[list[int]]:
    """Return the numbers of the windows that are asked for, in runs: each of one channel, and without a hole in it."""
    runs: list[list[int]] = []
    for number in asked.nonzero().flatten().tolist():
        if (
            runs
            and number - runs[-1][-1] <= WINDOW_FRAMES // STRETCH_FRAMES
            and channels[number] == channels[runs[-1][0]]
        ):
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _in_windows(frames: Tensor, number: int) -> Tensor:
    """Return the sums of `(S, K)` over the window of each of so many stretches, `(W, S)`."""
    sums = functional.pad(frames.double().cumsum(dim=1), (1, 0))
    before = (WINDOW_FRAMES - STRETCH_FRAMES) // 2
    starts = (torch.arange(number) * STRETCH_FRAMES - before).clamp(min=0)
    ends = (torch.arange(number) * STRETCH_FRAMES - before + WINDOW_FRAMES).clamp(max=frames.shape[1])
    return (sums[:, ends] - sums[:, starts]).T

"""What is kept of a recording to tell who is in which output: levels, and a vector of each stretch's voices."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from separator.audio.activity import FRAME_SECONDS, MOST_FRAMES, QUIETEST_DB
from separator.inference.voices import ACTIVE_RANGE_DB, BATCH, LOUD_QUANTILE, VoiceModel

STRETCH_FRAMES = 25
"""Frames of a stretch: half a second."""

WINDOW_FRAMES = 75
"""Frames that the voice model hears of an output to tell who is in a stretch, which lies in their middle."""

HEARD_RANGE_DB = 12.0
"""An output further than this below another one in a stretch holds what is left of that: its voice is not asked."""

CLEAN_DB = 3.0
"""An output so far above the others has three quarters of the say of one alone, one so far below a quarter."""

QUIET_FRAMES = 3
"""Frames of a quiet place."""

AT_ONCE_DB = 10.0
"""Outputs that are nearer in level than this are heard at once."""


@dataclass(frozen=True)
class Stretches:
    """Summary of a recording's outputs.

    Attributes:
        vectors: Vector of the voice of each output in each stretch, `(K, S, D)`; zeros where it was not asked.
        powers: Mean square of each frame of each output, `(K, S, F)`, `F` being `STRETCH_FRAMES`.
    """

    vectors: Tensor
    powers: Tensor


class StretchListener:
    """Listens to outputs that come in blocks, at the voice model's rate, and keeps what `Stretches` has of them.

    Args:
        voices: The voice model.
        num_outputs: S, how many outputs hold talkers.
    """

    def __init__(self, voices: VoiceModel, num_outputs: int) -> None:
        self.voices = voices
        self._frame = round(FRAME_SECONDS * voices.sample_rate)
        before = (WINDOW_FRAMES - STRETCH_FRAMES) // 2 * self._frame
        self._waiting = torch.zeros(num_outputs, before)  # from the beginning of the next stretch's window on
        self._vectors: list[Tensor] = []
        self._powers: list[Tensor] = []
        self._samples = 0

    @property
    def stretch_seconds(self) -> float:
        """Return the length of a stretch."""
        return STRETCH_FRAMES * FRAME_SECONDS

    def push(self, sources: Tensor) -> None:
        """Take the next block of the outputs, `(S, C, t)`."""
        self._samples += sources.shape[-1]
        self._waiting = torch.cat([self._waiting, sources.mean(dim=1)], dim=1)
        self._listen()

    def finish(self) -> Stretches:
        """End the recording, and return its summary."""
        missing = -(-self._samples // (STRETCH_FRAMES * self._frame)) - sum(map(len, self._vectors))
        window, hop = WINDOW_FRAMES * self._frame, STRETCH_FRAMES * self._frame
        self._waiting = functional.pad(self._waiting, (0, window + (missing - 1) * hop - self._waiting.shape[1]))
        if missing:
            self._listen()
        outputs = len(self._waiting)
        vectors = [torch.zeros(0, outputs, self.voices.embedding_size, dtype=torch.half), *self._vectors]
        return Stretches(torch.cat(vectors), torch.cat([torch.zeros(0, outputs, STRETCH_FRAMES), *self._powers]))

    def _listen(self) -> None:
        """Summarise the stretches whose windows are complete."""
        window, hop = WINDOW_FRAMES * self._frame, STRETCH_FRAMES * self._frame
        if self._waiting.shape[1] < window:
            return
        windows = self._waiting.unfold(1, window, hop).transpose(0, 1)  # (K, S, window)
        self._waiting = self._waiting[:, len(windows) * hop :].clone()
        start = (window - hop) // 2
        powers = windows[..., start : start + hop].unflatten(2, (-1, self._frame)).square().mean(dim=3)
        whole = powers.mean(dim=2)  # (K, S)
        loudest = whole.amax(dim=1, keepdim=True)
        asked = (whole > loudest * 10 ** (-HEARD_RANGE_DB / 10)) & (whole > 10 ** (QUIETEST_DB / 10))
        vectors = torch.zeros(*asked.shape, self.voices.embedding_size, dtype=torch.half)
        if asked.any():
            heard = [self.voices.embed(each, self.voices.sample_rate) for each in windows[asked].split(BATCH)]
            vectors[asked] = torch.cat(heard).half()
        self._vectors.append(vectors)
        self._powers.append(powers)


def clean_shares(stretches: Stretches) -> Tensor:
    """Return how much each vector tells: how long its output is active, and how clean, `(K, S)` from 0 to 1."""
    power = stretches.powers.mean(dim=2)  # (K, S)
    others = (power.sum(dim=1, keepdim=True) - power).clamp(min=1e-20)
    above_db = 10 * torch.log10(power.clamp(min=1e-20) / others)
    active = stretches.powers > _loudness(stretches) * 10 ** (-ACTIVE_RANGE_DB / 10)
    asked = stretches.vectors.abs().amax(dim=2) > 0
    return active.float().mean(dim=2) * torch.sigmoid(above_db / CLEAN_DB) * asked


def at_once_share(stretches: Stretches) -> float:
    """Return the share of the active frames in which a second output is not `AT_ONCE_DB` below the loudest one."""
    frames = stretches.powers.transpose(0, 1).flatten(1)  # (S, K · F)
    heard = frames[:, frames.sum(dim=0) > _loudness(stretches) * 10 ** (-ACTIVE_RANGE_DB / 10)]
    loudest, second = heard.topk(2, dim=0).values
    return float((second > loudest * 10 ** (-AT_ONCE_DB / 10)).float().mean()) if heard.numel() else 0.0


def cost_of_change(stretches: Stretches) -> tuple[Tensor, Tensor]:
    """Find the quietest place near the beginning of each stretch.

    Returns:
        What a change costs there, `(K)`, from 0 (silence) to 1 (as loud as the loud places), and its frame, `(K)`.
    """
    total = stretches.powers.sum(dim=1).flatten()  # (K · F)
    reach = STRETCH_FRAMES // 2
    if not len(total):
        return torch.zeros(0), torch.zeros(0, dtype=torch.long)
    around = functional.avg_pool1d(total[None], QUIET_FRAMES, 1, QUIET_FRAMES // 2, count_include_pad=False)[0]
    near = functional.pad(around, (reach, 0), value=float("inf")).unfold(0, 2 * reach + 1, STRETCH_FRAMES)
    quietest, place = near.min(dim=1)
    frames = (torch.arange(len(near)) * STRETCH_FRAMES - reach + place).clamp(min=0)
    above_db = ACTIVE_RANGE_DB + 10 * torch.log10(quietest / _loudness(stretches) + 1e-20)
    return (above_db / ACTIVE_RANGE_DB).clamp(0, 1), frames


def _loudness(stretches: Stretches) -> float:
    """Return the power of the loud frames of all outputs together, at least the quietest that counts as sound."""
    total = stretches.powers.sum(dim=1).flatten()[:MOST_FRAMES]
    loud = float(torch.quantile(total, LOUD_QUANTILE)) if len(total) else 0.0
    return max(loud, 10 ** ((QUIETEST_DB + ACTIVE_RANGE_DB) / 10))

"""When something is heard: levels of frames, a threshold that follows from them, stretches with short gaps joined."""

import torch
from torch import Tensor

FRAME_SECONDS = 0.02
"""Activity is told for frames of about so much: as many samples as come nearest."""

QUIETEST_DB, LOWEST_DB = -60.0, -90.0
"""A frame below the first, in dB of full scale, is silence; in a recording that is quiet as a whole the limit is lower,
down to the second."""

ACTIVE_RANGE_DB = 40.0
"""Speech is at most so far below its loud frames."""

WHOLE_RANGE_DB = 30.0
"""In a recording that is quiet as a whole, what is further below its loud frames is silence."""

ABOVE_FLOOR_DB = 6.0
"""Speech is so far above what is heard all the time, the quietest frames."""

LEAST_RANGE_DB = 12.0
"""Whatever the quietest frames, what is not further below the loud ones than this is speech."""

FLOOR_QUANTILE = 0.05
"""Share of the frames that are what is heard all the time."""

MOST_FRAMES = 10_000_000
"""Frames that a threshold is told by: 55 hours, and as many as torch sorts at once."""

GAP_SECONDS = 0.5
"""Shorter gaps in what someone says are breaths and stops, and belong to it."""

LEAST_SECONDS = 0.1
"""Shorter stretches are clicks."""


class FrameLevels:
    """Levels of the frames of signals that come in blocks, without what is constant in a frame: an offset is no sound.

    Args:
        num_signals: Number of signals S.
        sample_rate: In Hz.
    """

    def __init__(self, num_signals: int, sample_rate: int) -> None:
        self.frame_samples = max(1, round(FRAME_SECONDS * sample_rate))
        self.frame_seconds = self.frame_samples / sample_rate
        self._powers: list[Tensor] = []  # (S, k) each
        self._waiting = torch.zeros(num_signals, 1, 0)  # what does not fill a frame yet

    def push(self, block: Tensor) -> None:
        """Take a block `(S, C, t)`."""
        signals = torch.cat([self._waiting.expand(-1, block.shape[1], -1), block], dim=2)
        whole = signals.shape[2] // self.frame_samples * self.frame_samples
        if whole:
            self._powers.append(varying_power(signals[..., :whole].unflatten(2, (-1, self.frame_samples))).mean(dim=1))
        self._waiting = signals[..., whole:].clone()

    def levels_db(self) -> Tensor:
        """Return the levels so far in dB of full scale, `(S, K)`; a last frame that is cut off is filled up."""
        powers = list(self._powers)
        if cut_off := self._waiting.shape[2]:
            filled = cut_off / self.frame_samples
            powers.append(filled * varying_power(self._waiting).mean(dim=1, keepdim=True))
        together = torch.cat(powers, dim=1) if powers else torch.zeros(len(self._waiting), 0)
        return 10 * torch.log10(together + 1e-20)


def varying_power(frames: Tensor) -> Tensor:
    """Return the power of frames without their means, `(..., T)` to `(...)`.

    Example:
        >>> varying_power(torch.tensor([[3.0, 5.0, 3.0, 5.0], [4.0, 4.0, 4.0, 4.0]])).tolist()
        [1.0, 0.0]
    """
    return frames.var(dim=-1, correction=0)  # without a copy of the frames


def add_levels(levels_db: Tensor) -> Tensor:
    """Return the levels of all signals together, `(S, K)` to `(K,)`.

    Example:
        >>> add_levels(torch.tensor([[-20.0, -90.0], [-20.0, -30.0]])).round().tolist()
        [-17.0, -30.0]
    """
    return 10 * torch.log10((10 ** (levels_db.double() / 10)).sum(dim=0) + 1e-20).float()


def find_silence_db(levels_db: Tensor) -> float:
    """Return the level in dB of full scale below which a recording is silent, from its frames' levels, `(K,)`.

    Example:
        >>> find_silence_db(torch.tensor([-90.0, -20, -25])), find_silence_db(torch.tensor([-90.0, -45, -50]))
        (-60.0, -75.0)
    """
    if not len(levels_db):
        return QUIETEST_DB
    return min(QUIETEST_DB, max(LOWEST_DB, _loud_db(_ordered(levels_db)) - WHOLE_RANGE_DB))


def is_active(levels_db: Tensor, silence_db: float | None = None) -> Tensor:
    """Tell in which frames something is heard that is not there all the time: `(K,)` to `(K,)` bool.

    The loud frames are those that half of the energy is in, so that it does not matter for how much of the time there
    is silence.

    Args:
        levels_db: Of the frames, in dB of full scale.
        silence_db: What is below is silence: `find_silence_db` of the recording that they are a part of, if they are.

    Example:
        >>> is_active(torch.tensor([-90.0, -20, -25, -50, -90, -90])).tolist()
        [False, True, True, True, False, False]
    """
    if not len(levels_db):
        return torch.zeros(0, dtype=torch.bool)
    silence_db = find_silence_db(levels_db) if silence_db is None else silence_db
    ordered = _ordered(levels_db)
    loud = _loud_db(ordered)
    floor = float(ordered[-1 - int(FLOOR_QUANTILE * (len(ordered) - 1))]) + ABOVE_FLOOR_DB
    threshold = min(max(loud - ACTIVE_RANGE_DB, floor), loud - LEAST_RANGE_DB)
    return levels_db > max(silence_db, threshold)


def _ordered(levels_db: Tensor) -> Tensor:
    return levels_db[:MOST_FRAMES].double().sort(descending=True).values


def _loud_db(ordered: Tensor) -> float:
    """Return the level from which on up half of the energy is, of levels that fall."""
    energy = (10 ** (ordered / 10)).cumsum(dim=0)
    return float(ordered[int(torch.searchsorted(energy, energy[-1] / 2))])


def find_stretches(active: Tensor, frame_seconds: float) -> list[tuple[int, int]]:
    """Return the stretches of active frames, first and end, short gaps joined and clicks left out.

    Args:
        active: `(K,)` bool.
        frame_seconds: Length of a frame.

    Example:
        >>> find_stretches(torch.tensor([False, True, True, False, True, False, False, False, False, True]), 0.2)
        [(1, 5), (9, 10)]
    """
    edges = torch.diff(active.int(), prepend=torch.zeros(1).int(), append=torch.zeros(1).int())
    starts, ends = (edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist()
    joined: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if joined and (start - joined[-1][1]) * frame_seconds < GAP_SECONDS:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(start, end) for start, end in joined if (end - start) * frame_seconds >= LEAST_SECONDS]

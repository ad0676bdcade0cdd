"""Who talks when: kinds of scenes, conversations of two or more in turns, and meetings of several."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separator.errors import InputError
from separator.section import NotNegative, section

OVERLAPPED_CHANGES = 0.6
"""Probability that the next talker begins before the one before has ended."""


@section()
class ScenesConfig:
    """How often training hears each kind of scene; weights, relative to each other.

    Args:
        together: All talkers at once, for as long as `data.overlap` says.
        turns: Talkers take turns, with pauses, interruptions and overlaps as in a conversation.
        alone: One talker, for all or part of the time; the others' sources are silent.
        silence: Nobody talks: noise, or nothing.
    """

    together: NotNegative = 1.0
    turns: NotNegative = 0.0
    alone: NotNegative = 0.0
    silence: NotNegative = 0.0

    def __post_init__(self) -> None:
        weights = (self.together, self.turns, self.alone, self.silence)
        if not any(weights):
            raise InputError(f"expected a weight above 0, found {list(weights)}")


@dataclass(frozen=True)
class Turn:
    """One talker's turn.

    Attributes:
        talker: Number of the talker, from 0.
        start: First sample of the turn in the conversation.
        num_samples: Its length.
    """

    talker: int
    start: int
    num_samples: int

    @property
    def end(self) -> int:
        """Return the first sample after the turn."""
        return self.start + self.num_samples


def take_turns(
    random: np.random.Generator,
    num_samples: int,
    num_talkers: int,
    turn_samples: tuple[int, int],
    gap_samples: tuple[int, int],
    available_samples: Sequence[int] | None = None,
) -> list[Turn]:
    """Draw the turns of a conversation, in the order in which they begin; the first begins with the conversation.

    Two talkers alternate; of more, anyone but the last one is next, drawn evenly. A talker's turns never overlap
    each other, and no turn begins before the one before it.

    Args:
        random: Decides everything.
        num_samples: Length of the conversation; the last turn is cut there.
        num_talkers: Who talks first is drawn from them.
        turn_samples: Range of a turn's length.
        gap_samples: Range of the time from the end of a turn to the next one: negative is overlap, positive a pause.
        available_samples: How much each talker can say; None is without end. The conversation is over when the next
            talker has less left than the shortest turn; a talker's first turn may be shorter.

    Raises:
        ValueError: If a range is empty, no turn has a length, or `available_samples` does not fit `num_talkers`.
    """
    if not 1 <= turn_samples[0] <= turn_samples[1] or gap_samples[0] > gap_samples[1]:
        raise ValueError(
            "expected ranges (low, high) of turns of at least one sample and of gaps, "
            f"found {turn_samples} and {gap_samples}"
        )
    if available_samples is not None and len(available_samples) != num_talkers:
        raise ValueError(f"expected the samples of {num_talkers} talkers, found {len(available_samples)}")
    left = [num_samples] * num_talkers if available_samples is None else list(available_samples)
    ends: dict[int, int] = {}  # of each talker's latest turn
    turns: list[Turn] = []
    while not turns or turns[-1].end < num_samples:
        talker = _next_talker(random, num_talkers, turns[-1].talker if turns else None)
        length = int(random.integers(turn_samples[0], turn_samples[1], endpoint=True))
        start = 0
        if turns:
            gap = int(random.integers(gap_samples[0], gap_samples[1], endpoint=True))
            start = max(turns[-1].end + gap, turns[-1].start, ends.get(talker, 0))
        finished = left[talker] < (turn_samples[0] if talker in ends else 1)
        if start >= num_samples or (available_samples is not None and finished):
            break
        length = min(length, left[talker], num_samples - start)
        turns.append(Turn(talker, start, length))
        ends[talker] = start + length
        if available_samples is not None:
            left[talker] -= length
    return turns


def _next_talker(random: np.random.Generator, num_talkers: int, last: int | None) -> int:
    if last is None or num_talkers == 1:
        return int(random.integers(num_talkers))
    drawn = int(random.integers(num_talkers - 1))
    return drawn + (drawn >= last)


def hold_meeting(
    random: np.random.Generator,
    num_samples: int,
    turn_samples: tuple[int, int],
    longest_pause: int,
    overlap: float,
    available_samples: Sequence[int],
) -> list[Turn]:
    """Draw the turns of a meeting, in the order in which they begin; the first begins with the meeting.

    First everybody talks once, in random order, then whoever is drawn, who has more left to say the more often. At
    most two talk at once: no overlap is longer than half of either turn.

    Args:
        random, num_samples, turn_samples: As for `take_turns`.
        longest_pause: Pauses between turns are drawn from nothing to this.
        overlap: Share of the time in which anyone talks that two are to talk at once; less where turns are too short.
        available_samples: How much each talker can say. The meeting is over when nobody but the last talker has the
            shortest turn left; a talker's first turn may be shorter.
    """
    left = list(available_samples)
    lengths: list[int] = []
    talkers: list[int] = []
    newcomers = [int(each) for each in random.permutation(len(left))]
    while sum(lengths) < (1 + overlap) * num_samples:
        if newcomers:
            talker = newcomers.pop()
        else:
            weights = np.array([each if each >= turn_samples[0] else 0 for each in left], dtype=float)
            weights[talkers[-1]] = 0
            if not weights.any():
                break
            talker = int(random.choice(len(left), p=weights / weights.sum()))
        length = min(int(random.integers(turn_samples[0], turn_samples[1], endpoint=True)), left[talker])
        left[talker] -= length
        talkers.append(talker)
        lengths.append(length)
    gaps = _draw_gaps(random, np.array(lengths), longest_pause, overlap)
    turns, start = [], 0
    for talker, length, gap in zip(talkers, lengths, [*gaps, 0], strict=True):
        if start >= num_samples:
            break
        turns.append(Turn(talker, start, min(length, num_samples - start)))
        start += length + gap
    return turns


def _draw_gaps(random: np.random.Generator, lengths: np.ndarray, longest_pause: int, overlap: float) -> list[int]:
    """Draw the time from the end of each turn to the next one: negative is overlap, positive a pause."""
    changes = len(lengths) - 1
    overlapped = random.random(changes) < OVERLAPPED_CHANGES
    pauses = random.integers(longest_pause, size=changes, endpoint=True)
    weights = random.uniform(0.2, 1, changes) * overlapped
    most = np.minimum(lengths[:-1], lengths[1:]) // 2
    # Two at once for `wanted` samples is the share `overlap` of what is left of all turns when they overlap so much.
    wanted = overlap / (1 + overlap) * lengths.sum()
    overlaps = np.zeros(changes)
    for _ in range(changes):  # what one change cannot take goes to the others
        open_weights = weights * (overlaps < most)
        if (missing := wanted - overlaps.sum()) < 1 or not open_weights.any():
            break
        overlaps = np.minimum(most, overlaps + missing * open_weights / open_weights.sum())
    return [
        int(-own if is_overlapped else pause)
        for own, pause, is_overlapped in zip(overlaps, pauses, overlapped, strict=True)
    ]

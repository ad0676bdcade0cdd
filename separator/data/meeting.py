"""Who talks when in a meeting: several talkers in turns, with pauses, and overlaps that take a given share."""

from collections.abc import Sequence

import numpy as np

from separator.data.conversation import Turn

OVERLAPPED_CHANGES = 0.6
"""Probability that the next talker begins before the one before has ended."""


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
        random: Decides everything.
        num_samples: Length of the meeting; the last turn is cut there.
        turn_samples: Range of a turn's length.
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

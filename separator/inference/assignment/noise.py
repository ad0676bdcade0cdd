"""Which outputs hold no voice where somebody talks alone: noise that the model gave to a talker's output."""

import numpy as np

from separator.inference.assignment.routing import NOBODY
from separator.inference.assignment.stretches import Stretches
from separator.inference.assignment.tracking import unit

UNLIKE_VOICE = 0.35
"""What has a smaller cosine to the voice of who talks alone is not a part of that voice."""

QUIETEST_NOISE_DB = -30.0
"""In a recording with less noise beside the talkers, what is like no voice is what a separation left of one."""

NEAR_STRETCHES = 10
"""How far around a stretch an output is heard to tell: a short part of a voice is like no voice."""


def leave_noise(stretches: Stretches, found: np.ndarray, voices: np.ndarray) -> np.ndarray:
    """Take from who talks alone what an output beside the loudest one holds of no voice of theirs, if there is noise.

    Args:
        stretches: What the outputs hold.
        found: Talker of each output in each stretch, `(W, S)`.
        voices: Of the talkers, `(N, D)`.

    Returns:
        `(W, S)`: `found`, with `NOBODY` where an output is noise.
    """
    if found.shape[1] < 2 or stretches.noise_db < QUIETEST_NOISE_DB:
        return found
    alone = (found == found[:, :1]).all(axis=1)
    beside = (stretches.activity > 0).sum(axis=1) > 1  # elsewhere vectors are of all outputs together
    loudest = stretches.shares == stretches.shares.max(axis=1, keepdims=True)
    left = found.copy()
    for number, voice in enumerate(voices):
        own = alone & (found[:, 0] == number)
        for output in range(found.shape[1]):
            minor = own & ~loudest[:, output]
            weights = stretches.activity[:, output] * stretches.shares[:, output] * (minor & beside)
            heard = _around(weights[:, None] * stretches.vectors[:, output])
            unlike = heard.any(axis=1) & (unit(heard) @ voice < UNLIKE_VOICE)
            left[minor & unlike, output] = NOBODY
    return left


def _around(values: np.ndarray) -> np.ndarray:
    """Return the sum of `(W, D)` over the stretches near to each, `(W, D)`."""
    sums = np.pad(values, ((1, 0), (0, 0))).cumsum(axis=0)
    places = np.arange(len(values))
    first, end = np.maximum(places - NEAR_STRETCHES, 0), np.minimum(places + NEAR_STRETCHES + 1, len(places))
    around: np.ndarray = sums[end] - sums[first]
    return around

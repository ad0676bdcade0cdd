"""Which outputs hold no voice: noise that the model gave to a talker's output."""

from dataclasses import replace

import numpy as np

from separator.inference.assignment.routing import NOBODY
from separator.inference.assignment.stretches import Stretches
from separator.inference.assignment.tracking import unit

NON_SPEECH, SURELY_NON_SPEECH = 0.3, 0.4
"""Cosines to what is no speech: from 0 to the first an output tells less and less of voices, and above the second it
goes to the noise: two voices at once that a separation left in each other are somewhat like noise, too."""

LEAST_SPEECH_SECONDS = 1.5
"""Where less would be left, all of it is heard as speech: voices of a kind that the voice model does not know."""

UNLIKE_VOICE = 0.35
"""What has a smaller cosine to the voice of who talks alone is not a part of that voice."""

QUIETEST_NOISE_DB = -30.0
"""In a recording with less noise beside the talkers, what is like no voice is what a separation left of one."""

NEAR_STRETCHES = 10
"""How far around a stretch an output is heard to tell: a short part of a voice is like no voice, or like noise."""


def leave_out_non_speech(stretches: Stretches) -> Stretches:
    """Lessen the activity of outputs where they are like no speech, to silence, for those who look for voices."""
    shares = _speech_shares(stretches)
    if (shares == 1).all():
        return stretches
    vectors = np.where(shares[..., None] > 0, stretches.vectors, 0)
    return replace(stretches, vectors=vectors, activity=shares * stretches.activity)


def _speech_shares(stretches: Stretches) -> np.ndarray:
    """Return how much of what each output holds is speech, `(W, S)` from 0 to 1: all of it if no voice is left."""
    shares: np.ndarray = (1 - _non_speech_near(stretches) / NON_SPEECH).clip(0, 1)
    left = (shares * stretches.activity).sum() * stretches.hop_seconds
    return shares if left >= LEAST_SPEECH_SECONDS else np.ones_like(shares)


def _non_speech_near(stretches: Stretches) -> np.ndarray:
    """Return how like no speech each output is around each stretch, `(W, S)` cosines."""
    if stretches.non_speech is None:
        return np.zeros(stretches.activity.shape)
    weights = stretches.activity * stretches.shares
    near = _around(np.stack([weights * stretches.non_speech, weights], axis=2), NEAR_STRETCHES)  # (W, S, 2)
    cosines: np.ndarray = near[..., 0] / np.maximum(near[..., 1], 1e-9)
    return cosines


def leave_noise(stretches: Stretches, found: np.ndarray, voices: np.ndarray) -> np.ndarray:
    """Take from the talkers what is no speech, if there is noise.

    From who talks alone also what is like no voice of theirs, of the outputs beside the loudest one.

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
    surely = (_non_speech_near(stretches) > SURELY_NON_SPEECH) & (_speech_shares(stretches) == 0)
    left = np.where(surely, NOBODY, found)
    for number, voice in enumerate(voices):
        own = alone & (found[:, 0] == number)
        for output in range(found.shape[1]):
            minor = own & ~loudest[:, output]
            weights = stretches.activity[:, output] * stretches.shares[:, output] * (minor & beside)
            heard = _around(weights[:, None] * stretches.vectors[:, output], NEAR_STRETCHES)
            unlike = heard.any(axis=1) & (unit(heard) @ voice < UNLIKE_VOICE)
            left[minor & unlike, output] = NOBODY
    return left


def _around(values: np.ndarray, near: int) -> np.ndarray:
    """Return the sum of `(W, ...)` over the stretches no further than so many from each, `(W, ...)`."""
    sums = np.concatenate([np.zeros_like(values[:1]), values]).cumsum(axis=0)
    places = np.arange(len(values))
    first, end = np.maximum(places - near, 0), np.minimum(places + near + 1, len(places))
    around: np.ndarray = sums[end] - sums[first]
    return around

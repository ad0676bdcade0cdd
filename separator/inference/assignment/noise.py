"""Which outputs hold no voice: noise that the model gave to a talker's output."""

from dataclasses import replace

import numpy as np

from separator.inference.assignment.routing import NOBODY
from separator.inference.assignment.stretches import Stretches
from separator.inference.assignment.tracking import unit

NON_SPEECH, SURELY_NON_SPEECH = 0.3, 0.4
"""What has a larger cosine than the first to what is no speech tells of no voice, and above the second goes to the
noise: two voices at once that a separation left in each other are somewhat like noise, too."""

LEAST_SPEECH_SECONDS = 1.5
"""Where less would be left, all of it is heard as speech: voices of a kind that the voice model does not know."""

NEAR_NON_SPEECH = 3
"""How far around a stretch an output is heard to tell whether it is speech."""

UNLIKE_VOICE = 0.35
"""What has a smaller cosine to the voice of who talks alone is not a part of that voice."""

QUIETEST_NOISE_DB = -30.0
"""In a recording with less noise beside the talkers, what is like no voice is what a separation left of one."""

NEAR_STRETCHES = 10
"""How far around a stretch an output is heard to tell: a short part of a voice is like no voice."""


def leave_out_non_speech(stretches: Stretches) -> Stretches:
    """Silence the outputs where they hold no speech, for those who look for voices."""
    is_speech = ~_is_non_speech(stretches, NON_SPEECH)
    if is_speech.all():
        return stretches
    vectors = np.where(is_speech[..., None], stretches.vectors, 0)
    return replace(stretches, vectors=vectors, activity=np.where(is_speech, stretches.activity, 0))


def _is_non_speech(stretches: Stretches, cosine: float) -> np.ndarray:
    """Tell which outputs have a larger cosine to what is no speech than this, `(W, S)`; none if no voice is left."""
    if stretches.non_speech is None:
        return np.zeros(stretches.activity.shape, dtype=bool)
    weights = stretches.activity * stretches.shares
    near = _around(np.stack([weights * stretches.non_speech, weights], axis=2), NEAR_NON_SPEECH)  # (W, S, 2)
    speech = stretches.activity * (near[..., 0] <= NON_SPEECH * near[..., 1])
    if speech.sum() * stretches.hop_seconds < LEAST_SPEECH_SECONDS:
        return np.zeros(stretches.activity.shape, dtype=bool)
    non_speech: np.ndarray = near[..., 0] > cosine * near[..., 1]
    return non_speech


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
    left = np.where(_is_non_speech(stretches, SURELY_NON_SPEECH), NOBODY, found)
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

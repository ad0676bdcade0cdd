"""Which voice is in which output at which time: dynamic programming, and voices learned again from what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from separator.inference.assignment.stretches import Stretches

EVIDENCE = 20.0
"""Say of a cosine of 1, of a stretch that is full of one voice."""

AT_ONCE_GAIN, USUAL_AT_ONCE = 18.0, 0.3
"""How much likelier two voices in two outputs are for each 1 that these are about as loud for a larger share of the
recording than the second: people who talk at once all the time, not one whom the model gave to both."""

SWITCH_COST, QUIET_SHARE = 3.0, 0.3
"""How much better another voice must explain an output from some time on; a share of that where it was silent."""

ROUNDS = 3
"""Times that voices are learned again from the stretches that they were found in."""

NEAR_STRETCHES = 1
"""A voice that explains a stretch must be heard further from it than this."""


@dataclass(frozen=True)
class Explanation:
    """Who is in which output, as far as voices explain it.

    Attributes:
        voices: A vector for each talker, `(N, D)`.
        found: Talker of each output in each stretch, `(W, S)`.
        score: How well they explain what the outputs hold.
    """

    voices: np.ndarray
    found: np.ndarray
    score: float


def explain(stretches: Stretches, guesses: Sequence[np.ndarray]) -> list[Explanation]:
    """Return what follows from several first guesses of the voices, `(N, D)` each."""
    voices = np.stack(guesses)  # (B, N, D)
    found, scores = _track(stretches, voices)
    for _ in range(ROUNDS):
        voices = np.stack([_learn(stretches, *each) for each in zip(found, voices, strict=True)])
        found, scores = _track(stretches, voices)
    return [Explanation(*each) for each in zip(voices, found, scores.tolist(), strict=True)]


def score_elsewhere(stretches: Stretches, explanation: Explanation) -> float:
    """Return how well each stretch is explained by voices as they are heard elsewhere.

    A cut through the wrong place, as between two words of one talker, explains well what it was learned from, and
    little else.
    """
    score, places = explanation.score, np.arange(len(explanation.found))
    first, end = np.maximum(places - NEAR_STRETCHES, 0), np.minimum(places + NEAR_STRETCHES + 1, len(places))
    for number, voice in enumerate(explanation.voices):
        sums = np.pad(_heard(stretches, explanation.found, number), ((1, 0), (0, 0))).cumsum(axis=0)
        elsewhere = unit(sums[-1] - (sums[end] - sums[first]))  # (W, D)
        for output, own in enumerate(explanation.found.T):
            weights = EVIDENCE * stretches.activity[:, output] * (own == number)
            score += float(weights @ ((elsewhere - voice) * stretches.vectors[:, output]).sum(axis=1))
    return score


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `(M, D)` at a length of 1; zeros stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _track(stretches: Stretches, voices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the likeliest voice of each output in each stretch, `(B, W, S)`, and its score, of several sets of voices.

    Source:
        Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", 1967.
    """
    (num_stretches, num_outputs, _), (num_sets, num_voices, size) = stretches.vectors.shape, voices.shape
    if not num_stretches:
        return np.zeros((num_sets, 0, num_outputs), dtype=int), np.zeros(num_sets)
    cosines = stretches.vectors @ voices.reshape(-1, size).astype(stretches.vectors.dtype).T  # (W, S, B · N)
    evidence = EVIDENCE * stretches.activity[..., None] * cosines
    evidence = evidence.reshape(num_stretches, num_outputs, num_sets, num_voices)
    states = np.array(list(product(range(num_voices), repeat=num_outputs)))  # (Q, S)
    gain = AT_ONCE_GAIN * max(0.0, stretches.at_once - USUAL_AT_ONCE)
    beside = np.sort(stretches.activity, axis=1)[:, ::-1].cumsum(axis=1) - stretches.activity.max(axis=1, keepdims=True)
    talkers = np.array([len(set(state)) for state in states.tolist()])  # (Q)
    score = gain * beside[:, None, talkers - 1]  # (W, 1, Q): of so many outputs, the most active ones
    score = score + sum(evidence[:, output][:, :, states[:, output]] for output in range(num_outputs))  # (W, B, Q)
    changed = SWITCH_COST * (states[:, None] != states[None])  # (Q, Q, S)
    goes_on = np.minimum(stretches.activity[1:], stretches.activity[:-1])
    costs = QUIET_SHARE + (1 - QUIET_SHARE) * goes_on  # (W - 1, S)
    best, previous = score[0], np.zeros(score.shape, dtype=np.int16)
    for number in range(1, num_stretches):
        reached = best[:, :, None] - changed @ costs[number - 1]  # (B, Q, Q)
        previous[number] = reached.argmax(axis=1)
        best = reached.max(axis=1) + score[number]
    path = np.zeros((num_stretches, num_sets), dtype=int)
    path[-1] = best.argmax(axis=1)
    for number in range(num_stretches - 1, 0, -1):
        path[number - 1] = previous[number, np.arange(num_sets), path[number]]
    return states[path].transpose(1, 0, 2), best.max(axis=1)


def _heard(stretches: Stretches, found: np.ndarray, number: int) -> np.ndarray:
    """Return what is heard of a voice in each stretch that it was found in, `(W, D)`: zeros elsewhere."""
    activity = stretches.activity.astype(stretches.vectors.dtype)
    alone = (found == found[:, :1]).all(axis=1)
    of_all = activity.max(axis=1) * alone * (found[:, 0] == number)  # (W)
    of_each = activity * ~alone[:, None] * (found == number)  # (W, S)
    parts = [of_each[:, output, None] * stretches.vectors[:, output] for output in range(found.shape[1])]
    return sum(parts, start=of_all[:, None] * stretches.together)


def _learn(stretches: Stretches, found: np.ndarray, voices: np.ndarray) -> np.ndarray:
    """Return each voice anew, the mean of what it was found in; one that was found nowhere stays."""
    means = [_heard(stretches, found, number).sum(axis=0) for number in range(len(voices))]
    return unit(np.stack([new if new.any() else old for new, old in zip(means, voices, strict=True)]))

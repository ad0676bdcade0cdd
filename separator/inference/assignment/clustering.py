"""Which voices there are in a recording, and which of them is in which output at which time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from separator.inference.assignment.stretches import Stretches

MOST_TALKERS = 6
"""More are not told apart."""

MOST_CLUSTERED = 2000
"""Pieces of turns that voices are found by, the longest: what is compared grows with their square."""

LEAST_ACTIVITY, LEAST_SHARE = 0.3, 0.7
"""A turn is where one output is active for so much of the time, and has so much of the energy of all."""

PIECE_STRETCHES = 3
"""Stretches in a piece of a turn, about: an output may go over from one talker to the next within a turn."""

LEAST_VOICE_SECONDS = 1.5
"""Who is heard for less in all is no talker, unless so many are asked for."""

SAME_VOICE = 0.55
"""Two voices with a larger cosine over the whole recording are one, unless so many are asked for."""

TALKER_COST, SHORT_SHARE, FULL_COST_SECONDS = 25.0, 0.6, 20.0
"""How much better one more talker must explain the recording; in a shorter one than so much less, down to a share."""

AT_ONCE_OF_TWO, AT_ONCE_SHARE = 0.2, 0.3
"""Where two outputs are about as loud for so much of the time, a talker in each costs only such a share: of one voice a
model leaves little twice."""

LIKENESS_COST, UNLIKE, USUAL_SECONDS = 45.0, 0.25, 40.0
"""How much better yet for each 1 that the cosine of the two voices nearest to each other is above the second; more in
one with more activity than so much, since parts of one voice explain a long recording much better than their mean."""

LEAST_ALONE_SECONDS = 4.0
"""Where there is less of what one output holds alone, voices are found by what it holds beside the other, too."""

EVIDENCE = 16.0
"""Say of a cosine of 1, of a stretch that is full of one voice."""

TOGETHER_COST = 0.7
"""How much better two voices must explain a stretch than one does."""

AT_ONCE_GAIN, USUAL_AT_ONCE = 12.0, 0.3
"""How much less of that for each 1 that two outputs are about as loud for a larger share of the recording than the
second: people who talk at once all the time, not one whom the model gave to both."""

SWITCH_COST = 1.5
"""How much better another voice must explain an output from some time on."""

ROUNDS = 3
"""Times that voices are learned again from the stretches that they were found in."""


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


def find_talkers(
    stretches: Stretches, numbers: Sequence[int] = range(1, MOST_TALKERS + 1), known: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find who is in which output in each stretch.

    Voices are found by clustering the turns of the whole recording; then dynamic programming finds the likeliest voice
    of each output in each stretch, and the voices are learned again from what they were found in.

    Args:
        stretches: What the outputs hold.
        numbers: How many talkers there may be, rising: the first, unless more explain the recording so much better that
            each is worth it, and, if they are more than the outputs, are heard long enough and are no likelier one.
        known: Voices that may be there, `(V, D)`.

    Shape:
        Returns `(W, S)`: numbers of talkers, in the order in which they are first heard, the same in all outputs where
        one talks alone; and their voices, `(N, D)`.
    """
    pieces, seconds = _find_pieces(stretches)
    longest = np.sort(np.argsort(-seconds, kind="stable")[:MOST_CLUSTERED])
    pieces, seconds = pieces[longest], seconds[longest]
    best = _explain(stretches, pieces, seconds, numbers[0], known)
    for number in numbers[1:]:
        found = _explain(stretches, pieces, seconds, number, known)
        more = len(found.voices) - len(best.voices)
        better = more > 0 and found.score - best.score > _cost_of_talker(stretches, found.voices) * more
        if better and (number <= stretches.activity.shape[1] or _are_people(stretches, found)):
            best = found
    heard = best.found[stretches.activity > 0].tolist()
    order = list(dict.fromkeys([*heard, *range(len(best.voices))]))
    return np.argsort(order)[best.found], best.voices[order]


def _explain(
    stretches: Stretches, pieces: np.ndarray, seconds: np.ndarray, number: int, known: np.ndarray | None
) -> Explanation:
    """Return the best of what follows from several first guesses of so many voices."""
    guesses = [_cluster(pieces, seconds, number)]
    if number == stretches.activity.shape[1]:  # a talker in each output, all the time
        weights = stretches.activity * stretches.shares
        guesses.append(_unit(np.einsum("ws,wsd->sd", weights, stretches.vectors)))
    if known is not None:
        guesses += [_with_known(voices, known) for voices in guesses]
    return max((_learn_from(stretches, voices) for voices in guesses), key=lambda explanation: explanation.score)


def _cluster(pieces: np.ndarray, seconds: np.ndarray, number: int) -> np.ndarray:
    """Return a vector for each of `number` voices, `(N, D)`, fewer if there are fewer pieces.

    Source:
        Ward, "Hierarchical grouping to optimize an objective function", 1963.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(pieces) < 2:
        return pieces if len(pieces) else np.zeros((1, pieces.shape[1]))
    labels = fcluster(linkage(pieces, "ward"), number, "maxclust")
    return _unit(np.stack([seconds[labels == each] @ pieces[labels == each] for each in np.unique(labels)]))


def _with_known(voices: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Put known voices into the places of those that are nearest to them."""
    voices, cosines = voices.copy(), voices @ known.T  # (N, V)
    for _ in range(min(cosines.shape)):
        place, number = np.unravel_index(cosines.argmax(), cosines.shape)
        voices[place] = known[number]
        cosines[place], cosines[:, number] = -2.0, -2.0
    return voices


def _learn_from(stretches: Stretches, voices: np.ndarray) -> Explanation:
    found, score = _track(stretches, voices)
    for _ in range(ROUNDS):
        voices = _learn(stretches, found, voices)
        found, score = _track(stretches, voices)
    return Explanation(voices, found, score)


def _are_people(stretches: Stretches, explanation: Explanation) -> bool:
    """Return whether all voices are heard long enough, and far enough from each other, to be a person each."""
    seconds = [
        float((stretches.activity * (explanation.found == number)).sum()) * stretches.hop_seconds
        for number in range(len(explanation.voices))
    ]
    return min(seconds) >= LEAST_VOICE_SECONDS and _likeness(explanation.voices) < SAME_VOICE


def _cost_of_talker(stretches: Stretches, voices: np.ndarray) -> float:
    """Return how much better these voices must explain what the outputs hold than one fewer does."""
    seconds = float(stretches.activity.sum()) * stretches.hop_seconds
    likeness = LIKENESS_COST * max(0.0, _likeness(voices) - UNLIKE) * max(1.0, seconds / USUAL_SECONDS)
    share = min(1.0, SHORT_SHARE + (1 - SHORT_SHARE) * seconds / FULL_COST_SECONDS)
    if len(voices) <= stretches.activity.shape[1] and stretches.at_once >= AT_ONCE_OF_TWO:
        share *= AT_ONCE_SHARE
    return (TALKER_COST + likeness) * share


def _likeness(voices: np.ndarray) -> float:
    """Return the cosine of the two voices that are nearest to each other."""
    return float((voices @ voices.T - 2 * np.eye(len(voices))).max())


def _find_pieces(stretches: Stretches) -> tuple[np.ndarray, np.ndarray]:
    """Find where one output holds all there is, in pieces: vectors `(M, D)` and seconds."""
    weights = stretches.activity * stretches.shares
    alone = (stretches.activity >= LEAST_ACTIVITY) & (stretches.shares >= LEAST_SHARE)
    if alone.sum() * stretches.hop_seconds < LEAST_ALONE_SECONDS:
        alone = stretches.activity >= LEAST_ACTIVITY
    vectors, seconds = [], []
    for output in range(alone.shape[1]):
        edges = np.flatnonzero(np.diff(alone[:, output].astype(int), prepend=0, append=0))
        for start, end in edges.reshape(-1, 2):
            for piece in np.array_split(np.arange(start, end), max(1, round((end - start) / PIECE_STRETCHES))):
                vectors.append(weights[piece, output] @ stretches.vectors[piece, output])
                seconds.append(weights[piece, output].sum() * stretches.hop_seconds)
    return _unit(np.array(vectors).reshape(-1, stretches.vectors.shape[2])), np.array(seconds)


def _track(stretches: Stretches, voices: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the likeliest voice of each output in each stretch, `(W, S)`, by dynamic programming, and its score."""
    num_stretches, num_outputs, _ = stretches.vectors.shape
    evidence = EVIDENCE * stretches.activity[..., None] * (stretches.vectors @ voices.T)  # (W, S, N)
    states = np.array(list(product(range(len(voices)), repeat=num_outputs)))  # (Q, S)
    cost = TOGETHER_COST - AT_ONCE_GAIN * max(0.0, stretches.at_once - USUAL_AT_ONCE)
    together = cost * (np.array([len(set(state)) for state in states.tolist()]) - 1)
    score = evidence[:, np.arange(num_outputs), states].sum(axis=2) - together  # (W, Q)
    switch = SWITCH_COST * (states[:, None] != states[None]).sum(axis=2)  # (Q, Q)
    if not num_stretches:
        return np.zeros((0, num_outputs), dtype=int), 0.0
    best, previous = score[0], np.zeros(score.shape, dtype=np.int32)
    for number in range(1, num_stretches):
        reached = best[:, None] - switch
        previous[number] = reached.argmax(axis=0)
        best = reached.max(axis=0) + score[number]
    path = [int(best.argmax())]
    for number in range(num_stretches - 1, 0, -1):
        path.append(int(previous[number, path[-1]]))
    return states[path[::-1]], float(best.max())


def _learn(stretches: Stretches, found: np.ndarray, voices: np.ndarray) -> np.ndarray:
    """Return each voice anew, the mean of what it was found in; one that was found nowhere stays."""
    alone = (found == found[:, :1]).all(axis=1)
    of_all = stretches.activity.max(axis=1) * alone  # (W)
    of_each = stretches.activity * ~alone[:, None]  # (W, S)
    means = [
        (of_all * (found[:, 0] == number)) @ stretches.together
        + np.einsum("ws,wsd->d", of_each * (found == number), stretches.vectors)
        for number in range(len(voices))
    ]
    return _unit(np.stack([new if new.any() else old for new, old in zip(means, voices, strict=True)]))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

"""Which voices there are in a recording, and which of them is in which output at which time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from separator.inference.assignment.stretches import Stretches
from separator.inference.assignment.tracking import USUAL_AT_ONCE, Explanation, explain, score_elsewhere, unit
from separator.inference.assignment.ward import cut, find_merges

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

SAME_VOICE = 0.65
"""Two voices with a larger cosine over the whole recording are one, unless so many are asked for."""

TALKER_COST, FURTHER_COST = 30.0, 34.0
"""How much better one more talker must explain the recording, and one more than there are outputs."""

SHORTEST_SECONDS = 4.0
"""With less activity than this a recording cannot explain as much: the cost falls with it, to nothing."""

LIKENESS_COST, UNLIKE, USUAL_SECONDS = 45.0, 0.4, 40.0
"""How much better yet for each 1 that the cosine of the two voices nearest to each other is above the second; more in
one with more activity than so much, since parts of one voice explain a long recording much better than their mean."""

KNOWN_VOICE, KNOWN_COST = 0.45, 10.0
"""A voice is a known one from this cosine on; how much better a known one must explain the recording: less than others
must, for it is no voice that was cut in two."""

LEAST_SHARE_BESIDE = 0.03
"""Outputs with a smaller share of the energy beside the loudest are what a separation left of that one's talker."""

LEAST_ALONE_SECONDS = 4.0
"""Where there is less of what one output holds alone, voices are found by what it holds beside the other, too."""

CHOSEN_OF = 4
"""Where there are two voices, all pairs of so many that turns fall into are tried: what a separation does to a voice
parts turns, too."""

FEWEST_PIECES = 8
"""Of fewer pieces, pairs of groups are pairs of pieces, each like itself alone."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of turns, and how they go together.

    Attributes:
        vectors: Voice of each, `(M, D)`.
        seconds: Length of each, `(M)`.
        merges: As `find_merges` gives them.
    """

    vectors: np.ndarray
    seconds: np.ndarray
    merges: np.ndarray

    def voices(self, number: int) -> np.ndarray:
        """Return a vector for each of `number` voices, `(N, D)`, fewer if there are fewer pieces."""
        if not len(self.vectors):
            return np.zeros((1, self.vectors.shape[1]))
        clusters = cut(self.merges, number)
        of_each = [clusters == cluster for cluster in np.unique(clusters)]
        return unit(np.stack([self.seconds[own] @ self.vectors[own] for own in of_each]))


def find_talkers(
    stretches: Stretches, numbers: Sequence[int] = range(1, MOST_TALKERS + 1), known: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find who is in which output in each stretch.

    Voices are found by clustering the turns of the whole recording; then dynamic programming finds the likeliest voice
    of each output in each stretch, and the voices are learned again from what they were found in. Two who take turns
    are looked for from more beginnings: of all that follows that is taken whose voices are heard in several places.

    Args:
        stretches: What the outputs hold.
        numbers: How many talkers there may be, rising: the first, unless more explain the recording so much better that
            each is worth it, and, if they are more than the outputs, are heard long enough and are no likelier one.
        known: Voices that may be there, `(V, D)`.

    Shape:
        Returns `(W, S)`: numbers of talkers, in the order in which they are first heard, the same in all outputs where
        one talks alone; and their voices, `(N, D)`.
    """
    pieces = _find_pieces(stretches)
    best = _explain(stretches, pieces, numbers[0], known)
    for number in numbers[1:]:
        found = _explain(stretches, pieces, number, known)
        more = len(found.voices) - len(best.voices)
        better = more > 0 and found.score - best.score > _cost_of_talker(stretches, found.voices) * more
        if better and (number <= stretches.activity.shape[1] or _are_people(stretches, found)):
            best = found
    if len(best.voices) == 2 and stretches.at_once <= USUAL_AT_ONCE and len(pieces.vectors) >= FEWEST_PIECES:
        wider = [*_guess(stretches, pieces, 2, known), *map(np.stack, combinations(pieces.voices(CHOSEN_OF), 2))]
        best = max(explain(stretches, wider), key=lambda each: score_elsewhere(stretches, each))
    if known is not None:
        best = _add_known(stretches, best, known, numbers[-1])
    whose = _share_alone(stretches, best.found)
    heard = whose[stretches.activity > 0].tolist()
    order = list(dict.fromkeys([*heard, *range(len(best.voices))]))
    return np.argsort(order)[whose], best.voices[order]


def _share_alone(stretches: Stretches, found: np.ndarray) -> np.ndarray:
    """Give all outputs to who is in the loudest, where the others are silent or have next to no energy, `(W, S)`."""
    beside = np.sort(stretches.shares, axis=1)[:, :-1].sum(axis=1)
    heard = (stretches.activity > 0).sum(axis=1)
    alone = (heard > 0) & ((heard == 1) | (beside < LEAST_SHARE_BESIDE))
    shared = found.copy()
    shared[alone] = found[alone, stretches.shares[alone].argmax(axis=1)][:, None]
    return shared


def _explain(stretches: Stretches, pieces: Pieces, number: int, known: np.ndarray | None) -> Explanation:
    """Return the best of what follows from the first guesses of so many voices."""
    return max(explain(stretches, _guess(stretches, pieces, number, known)), key=lambda each: each.score)


def _guess(stretches: Stretches, pieces: Pieces, number: int, known: np.ndarray | None) -> list[np.ndarray]:
    """Return first guesses of so many voices, `(N, D)` each, of fewer if there are fewer pieces."""
    guesses = [pieces.voices(number)]
    if number == stretches.activity.shape[1]:  # a talker in each output, all the time
        weights = stretches.activity * stretches.shares
        guesses.append(unit(np.einsum("ws,wsd->sd", weights, stretches.vectors)))
    if known is not None:
        guesses += [_with_known(voices, known) for voices in guesses]
    most = max(map(len, guesses))
    return [voices for voices in guesses if len(voices) == most]


def _with_known(voices: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Put known voices into the places of those that are nearest to them."""
    voices, cosines = voices.copy(), voices @ known.T  # (N, V)
    for _ in range(min(cosines.shape)):
        place, number = np.unravel_index(cosines.argmax(), cosines.shape)
        voices[place] = known[number]
        cosines[place], cosines[:, number] = -2.0, -2.0
    return voices


def _add_known(stretches: Stretches, best: Explanation, known: np.ndarray, most: int) -> Explanation:
    """Add known voices that are heard beside those that were found, one by one, until there are `most`."""
    while len(best.voices) < most:
        missing = known[(known @ best.voices.T).max(axis=1) < KNOWN_VOICE]
        wider = explain(stretches, [np.vstack([best.voices, voice]) for voice in missing]) if len(missing) else []
        heard = [
            each
            for voice, each in zip(missing, wider, strict=True)
            if each.score - best.score > KNOWN_COST and each.voices[-1] @ voice >= KNOWN_VOICE
        ]
        if not heard:
            break
        best = max(heard, key=lambda each: each.score)
    return best


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
    talker = TALKER_COST if len(voices) <= stretches.activity.shape[1] else FURTHER_COST
    likeness = LIKENESS_COST * max(0.0, _likeness(voices) - UNLIKE) * max(1.0, seconds / USUAL_SECONDS)
    return (talker + likeness) * min(1.0, seconds / SHORTEST_SECONDS)


def _likeness(voices: np.ndarray) -> float:
    """Return the cosine of the two voices that are nearest to each other."""
    return float((voices @ voices.T - 2 * np.eye(len(voices))).max())


def _find_pieces(stretches: Stretches) -> Pieces:
    """Find where one output holds all there is, in pieces; of more than `MOST_CLUSTERED` the longest."""
    weights = stretches.activity * stretches.shares
    alone = (stretches.activity >= LEAST_ACTIVITY) & (stretches.shares >= LEAST_SHARE)
    if alone.sum() * stretches.hop_seconds < LEAST_ALONE_SECONDS:
        alone = stretches.activity >= LEAST_ACTIVITY
    vectors, lengths = [], []
    for output in range(alone.shape[1]):
        edges = np.flatnonzero(np.diff(alone[:, output].astype(int), prepend=0, append=0))
        for start, end in edges.reshape(-1, 2):
            for piece in np.array_split(np.arange(start, end), max(1, round((end - start) / PIECE_STRETCHES))):
                vectors.append(weights[piece, output] @ stretches.vectors[piece, output])
                lengths.append(weights[piece, output].sum() * stretches.hop_seconds)
    seconds = np.array(lengths)
    longest = np.sort(np.argsort(-seconds, kind="stable")[:MOST_CLUSTERED])
    pieces = unit(np.array(vectors).reshape(-1, stretches.vectors.shape[2])[longest])
    return Pieces(pieces, seconds[longest], find_merges(pieces))

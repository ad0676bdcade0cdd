"""Which voices there are: drawn vectors whose talkers are known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from separator.inference.assignment import clustering
from separator.inference.assignment.clustering import find_talkers
from separator.inference.assignment.stretches import Stretches


def drawn(talkers: np.ndarray, together: np.ndarray, spread: float = 0.06, seed: int = 0) -> Stretches:
    """Stretches of two outputs: `talkers` (W, 2); where two do not talk together the second has a tenth of the energy.

    Vectors lie around one of each talker, further apart than what is drawn around them.
    """
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((64, 8)))[0].T
    vectors = voices[talkers] + spread * random.standard_normal((*talkers.shape, 64))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    alone = np.array([0.95, 0.05])
    shares = np.where(together[:, None], 0.5, alone)
    activity = np.where(together[:, None], 0.9, np.array([0.9, 0.0]))
    return Stretches(vectors, vectors[:, 0], activity, shares, 0.5)


def turns_of(number: int, seed: int, num_turns: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Turns of 3 to 5 s, the last second of each with the next talker in the other output."""
    random = np.random.default_rng(seed)
    order = [each % number for each in range(num_turns)]
    talkers, together = [], []
    for talker, following in pairwise(order):
        length = int(random.integers(6, 11))
        talkers += [[talker, talker]] * length + [[talker, following]] * 2
        together += [False] * length + [True] * 2
    return np.array(talkers), np.array(together)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_the_number_of_talkers_is_found(number: int) -> None:
    talkers, together = turns_of(number, seed=number)
    if number == 1:
        together[:] = False
    found, voices = find_talkers(drawn(talkers, together))
    assert len(voices) == number
    assert len(np.unique(found)) == number
    assert (found[:, 0] == talkers[:, 0]).mean() > 0.97  # numbered in the order in which they are heard
    alone = ~together
    assert (found[alone, 0] == found[alone, 1]).mean() > 0.95
    if number > 1:
        assert (found[together, 1] == talkers[together, 1]).mean() > 0.8


def test_who_says_a_word_is_found_by_a_clip() -> None:
    """Two stretches are too little to tell a voice from a part of another; one who is expected needs no more."""
    talkers = np.zeros((40, 2), dtype=int)
    talkers[20:22] = 1
    stretches = drawn(talkers, np.zeros(40, dtype=bool))
    word, absent = np.linalg.qr(np.random.default_rng(0).standard_normal((64, 8)))[0].T[[1, 2]]
    for numbers in ((1, 2), range(1, 7)):
        assert len(find_talkers(stretches, numbers)[1]) == 1
        assert len(find_talkers(stretches, numbers, absent[None])[1]) == 1
        found, voices = find_talkers(stretches, numbers, np.stack([absent, word]))
        assert len(voices) == 2 and voices[1] @ word > 0.9
        assert (found == talkers).all()


def test_a_short_turn_in_the_output_of_its_talker_stays_there() -> None:
    talkers = np.tile([0, 1], (80, 1))
    activity = np.zeros((80, 2))
    activity[np.arange(80), np.arange(80) // 10 % 2] = 0.9
    activity[34:36] = [0.3, 0]  # in the middle of a turn of the other, and hardly like the voice
    activity[[32, 33, 36, 37]] = 0
    stretches = drawn(talkers, np.zeros(80, dtype=bool))
    stretches = replace(stretches, activity=activity, shares=activity / np.maximum(activity.sum(axis=1), 1e-9)[:, None])
    near = 0.5 * stretches.vectors[0, 0] + 0.4 * stretches.vectors[10, 1]
    stretches.vectors[34:36, 0] = near / np.linalg.norm(near)
    found, voices = find_talkers(stretches)
    assert len(voices) == 2
    assert (found[34:36] == 0).all() and (found[activity[:, 1] > 0] == 1).all()


@pytest.mark.parametrize(("beside", "is_shared"), [(0.02, True), (0.1, False)])
def test_next_to_nothing_beside_a_voice_is_left_of_it(beside: float, is_shared: bool) -> None:
    talkers, together = np.tile([0, 1], (60, 1)), np.arange(60) % 10 == 0
    stretches = drawn(talkers, together)
    own = np.arange(60) // 10 % 2
    stretches.activity[:], stretches.shares[:] = 0.6, beside
    stretches.shares[np.arange(60), own] = 1 - beside
    found, _ = find_talkers(stretches, (2,))
    assert (found[:, 0] == found[:, 1]).all() == is_shared
    assert (found[np.arange(60), own] == own).all()


def test_as_many_are_found_as_are_asked_for() -> None:
    talkers, together = turns_of(3, seed=0)
    for number in (2, 3):
        assert len(np.unique(find_talkers(drawn(talkers, together), (number,))[0])) == number
    assert 3 <= len(np.unique(find_talkers(drawn(talkers, together), (5,))[0])) <= 5


def test_nothing_is_one_talker() -> None:
    silence = Stretches(np.zeros((4, 2, 8)), np.zeros((4, 8)), np.zeros((4, 2)), np.zeros((4, 2)), 0.5)
    assert find_talkers(silence)[0].tolist() == find_talkers(silence, (3,))[0].tolist() == [[0, 0]] * 4


@pytest.mark.parametrize(("at_once", "num_turns", "is_tried"), [(0.1, 5, True), (0.6, 5, False), (0.1, 2, False)])
def test_more_beginnings_are_tried_where_talkers_take_several_turns(
    at_once: float, num_turns: int, is_tried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(clustering, "score_elsewhere", lambda stretches, each: calls.append(each) or each.score)
    activity = np.tile([[0.5, 0.0], [0.0, 0.5]], (num_turns, 1)).repeat(4, axis=0)
    vectors = np.tile(np.eye(4)[:2], (len(activity), 1, 1))  # (W, S, D): a voice in each output
    together = vectors[np.arange(len(activity)), activity.argmax(axis=1)]
    shares = (activity > 0).astype(float)
    clustering.find_talkers(Stretches(vectors, together, activity, shares, 0.5, at_once), (2,))
    assert bool(calls) == is_tried

"""The likeliest voices of all there can be, and how well they explain what they were not learned from."""

from itertools import product

import numpy as np
import pytest

from separator.inference.assignment.stretches import Stretches
from separator.inference.assignment.tracking import (
    AT_ONCE_GAIN,
    EVIDENCE,
    NEAR_STRETCHES,
    QUIET_SHARE,
    SWITCH_COST,
    USUAL_AT_ONCE,
    explain,
    score_elsewhere,
    unit,
)


def drawn(num_stretches: int, seed: int, at_once: float = 0.0) -> Stretches:
    random = np.random.default_rng(seed)
    vectors = unit(random.standard_normal((num_stretches * 2, 6))).reshape(num_stretches, 2, 6)
    activity = random.uniform(0.1, 0.5, (num_stretches, 2))
    shares = activity / activity.sum(axis=1, keepdims=True)
    return Stretches(vectors, unit(vectors.sum(axis=1)), activity, shares, 0.5, at_once)


def score(stretches: Stretches, found: np.ndarray, voices: np.ndarray) -> float:
    """What a way through the voices is worth, summed up one by one."""
    total = 0.0
    for place, state in enumerate(found):
        for output, talker in enumerate(state):
            cosine = float(stretches.vectors[place, output] @ voices[talker])
            total += EVIDENCE * stretches.activity[place, output] * cosine
            if place and talker != found[place - 1, output]:
                goes_on = min(stretches.activity[place, output], stretches.activity[place - 1, output])
                total -= SWITCH_COST * (QUIET_SHARE + (1 - QUIET_SHARE) * goes_on)
        if state[0] != state[1]:
            gain = AT_ONCE_GAIN * max(0.0, stretches.at_once - USUAL_AT_ONCE)
            total += gain * stretches.activity[place].min()
    return total


def learnt(stretches: Stretches, found: np.ndarray, number: int, leave_out: range = range(0)) -> np.ndarray:
    """The mean of what a voice was found in, one by one."""
    total = np.zeros(6)
    for place, state in enumerate(found):
        if place in leave_out:
            continue
        if state[0] == state[1]:
            total += stretches.activity[place].max() * stretches.together[place] * (state[0] == number)
        else:
            for output in (0, 1):
                own = state[output] == number
                total += stretches.activity[place, output] * stretches.vectors[place, output] * own
    return total / max(float(np.linalg.norm(total)), 1e-9)


@pytest.mark.parametrize("at_once", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_the_likeliest_of_all_ways_is_found(seed: int, at_once: float) -> None:
    stretches = drawn(5, seed, at_once)
    (found,) = explain(stretches, [unit(np.random.default_rng(seed).standard_normal((2, 6)))])
    ways = [np.array(way).reshape(5, 2) for way in product(range(2), repeat=10)]
    best = max(ways, key=lambda way: score(stretches, way, found.voices))
    assert found.score == pytest.approx(score(stretches, best, found.voices))
    assert np.array_equal(found.found, best)


def test_several_guesses_are_followed_as_each_alone() -> None:
    stretches, random = drawn(24, 0), np.random.default_rng(0)
    guesses = [unit(random.standard_normal((2, 6))) for _ in range(4)]
    for explanation, guess in zip(explain(stretches, guesses), guesses, strict=True):
        (alone,) = explain(stretches, [guess])
        assert np.array_equal(explanation.found, alone.found)
        np.testing.assert_allclose(explanation.voices, alone.voices)


def test_a_voice_that_is_heard_in_one_place_explains_nothing_elsewhere() -> None:
    for seed in range(3):
        stretches = drawn(24, seed)
        (explanation,) = explain(stretches, [unit(np.random.default_rng(seed).standard_normal((2, 6)))])
        expected = explanation.score
        for place, state in enumerate(explanation.found):
            near = range(place - NEAR_STRETCHES, place + NEAR_STRETCHES + 1)
            for output, number in enumerate(state):
                elsewhere = learnt(stretches, explanation.found, int(number), near)
                gain = float((elsewhere - explanation.voices[number]) @ stretches.vectors[place, output])
                expected += EVIDENCE * stretches.activity[place, output] * gain
        assert score_elsewhere(stretches, explanation) == pytest.approx(expected)


def test_nothing_is_explained_by_anything() -> None:
    silence = Stretches(np.zeros((0, 2, 6)), np.zeros((0, 6)), np.zeros((0, 2)), np.zeros((0, 2)), 0.5)
    nothing = explain(silence, [np.eye(6)[:2], np.eye(6)[2:4]])[0]
    assert nothing.score == 0 and nothing.found.shape == (0, 2) and np.array_equal(nothing.voices, np.eye(6)[:2])

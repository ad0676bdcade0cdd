"""Turns: their lengths, the gaps between them, and who is next."""

from itertools import pairwise

import numpy as np
import pytest

from separator.data.conversation import Turn, take_turns

TURNS, GAPS = (2000, 6000), (-1500, 700)


def turns_of(seed: int, num_samples: int = 60_000, num_talkers: int = 2, **options) -> list[Turn]:  # type: ignore[no-untyped-def]
    return take_turns(np.random.default_rng(seed), num_samples, num_talkers, TURNS, GAPS, **options)


@pytest.mark.parametrize("num_talkers", [2, 3])
def test_turns_and_gaps_stay_within_their_ranges(num_talkers: int) -> None:
    gaps, firsts = [], set()
    for seed in range(50):
        turns = turns_of(seed, num_talkers=num_talkers)
        firsts.add(turns[0].talker)
        assert turns[0].start == 0 and turns[-1].end <= 60_000
        assert all(TURNS[0] <= turn.num_samples <= TURNS[1] for turn in turns[:-1])
        for first, second in pairwise(turns):
            assert first.talker != second.talker and first.start <= second.start
            gaps.append(second.start - first.end)
        for talker in range(num_talkers):
            own = [turn for turn in turns if turn.talker == talker]
            assert all(first.end <= second.start for first, second in pairwise(own))
    assert min(gaps) >= GAPS[0] and max(gaps) <= GAPS[1]
    assert min(gaps) < -1200 and max(gaps) > 500  # the whole range occurs
    assert firsts == set(range(num_talkers))


def test_the_seed_decides_the_conversation() -> None:
    assert turns_of(3) == turns_of(3) != turns_of(4)


def test_the_last_turn_is_cut_where_the_conversation_ends() -> None:
    assert turns_of(0, num_samples=500) == [Turn(turns_of(0)[0].talker, 0, 500)]


def test_nobody_says_more_than_they_have() -> None:
    for seed in range(50):
        turns = turns_of(seed, available_samples=[9000, 13_000])
        said = [sum(turn.num_samples for turn in turns if turn.talker == talker) for talker in range(2)]
        assert said[0] <= 9000 and said[1] <= 13_000
        last = turns[-1].talker
        assert (9000 - said[0], 13_000 - said[1])[1 - last] < TURNS[0]  # whoever is next has too little left


def test_one_short_recording_is_one_short_turn() -> None:
    turns = turns_of(0, available_samples=[700, 700])
    assert sorted(turn.talker for turn in turns) == [0, 1] and {turn.num_samples for turn in turns} == {700}


@pytest.mark.parametrize(("turn_samples", "gap_samples"), [((0, 5), (0, 1)), ((6, 5), (0, 1)), ((1, 5), (2, 1))])
def test_empty_ranges_are_refused(turn_samples: tuple[int, int], gap_samples: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected ranges"):
        take_turns(np.random.default_rng(0), 10, 2, turn_samples, gap_samples)
    with pytest.raises(ValueError, match="of 2 talkers, found 1"):
        take_turns(np.random.default_rng(0), 10, 2, (1, 5), (0, 1), [4])

"""Which estimate belongs to which reference: talkers in any order among themselves, all others by name."""

from itertools import permutations

import pytest
import torch

from separator.errors import InputError
from separator.scoring.assignment import Group, best_order, find_groups, find_talkers, match_outputs


def test_names_that_differ_by_a_number_alone_are_talkers() -> None:
    assert find_talkers(["speaker1", "noise", "speaker2"]) == [[0, 2]]
    assert find_talkers(["woman1", "man1", "woman2", "man2"]) == [[0, 2], [1, 3]]
    for nobody in (["speaker1", "noise"], ["vocals", "drums"], ["s1"], [], ["1", "a2"]):
        assert find_talkers(nobody) == []


@pytest.mark.parametrize(
    ("sources", "estimates", "groups"),
    [
        (["s1", "s2"], ["s1", "s2"], [([0, 1], [0, 1])]),
        (["s1", "s2"], ["a", "b"], [([0, 1], [0, 1])]),
        (["s1", "s2", "noise"], ["s1", "s2", "noise"], [([0, 1], [0, 1]), ([2], [2])]),
        (["s1", "s2", "noise"], ["noise", "speaker1", "speaker2"], [([2], [0]), ([0, 1], [1, 2])]),
        (["w1", "w2", "m1", "m2"], ["m1", "m2", "w1", "w2"], [([0, 1], [2, 3]), ([2, 3], [0, 1])]),
        (["s1", "s2", "noise"], ["a", "b", "c"], [([0, 1, 2], [0, 1, 2])]),
        (["vocals", "drums"], ["vocals", "drums"], [([0, 1], [0, 1])]),  # asked for, where nobody is a talker
    ],
)
def test_groups_go_by_names(sources: list[str], estimates: list[str], groups: list[Group]) -> None:
    assert find_groups(sources, estimates) == groups


def test_the_best_order_is_that_of_all_allowed_ones() -> None:
    groups = find_groups(["s1", "s2", "noise", "s3"], ["noise", "s1", "s2", "s3"])
    for seed in range(20):
        scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))
        allowed = [order for order in permutations(range(4)) if order[2] == 0]
        best = max(allowed, key=lambda order: sum(float(scores[order[each], each]) for each in range(4)))
        assert best_order(scores, groups) == list(best)


def test_a_silent_reference_does_not_decide() -> None:
    scores = torch.tensor([[1.0, torch.nan], [5.0, torch.nan]])
    assert best_order(scores, find_groups(["s1", "s2"], ["s1", "s2"])) == [1, 0]


@pytest.mark.parametrize(
    ("outputs", "sources", "scored", "chosen"),
    [
        (("s1", "s2"), ("s1", "s2", "noise"), ("s1", "s2"), ("s1", "s2")),
        (("s1", "s2", "noise"), ("s1", "s2"), ("s1", "s2"), ("s1", "s2")),
        (("noise", "a1", "a2"), ("s1", "s2", "noise"), ("s1", "s2", "noise"), ("a1", "a2", "noise")),
        (("drums", "vocals"), ("vocals", "drums"), ("vocals", "drums"), ("vocals", "drums")),
        (("a1", "a2"), ("b1", "b2"), ("b1", "b2"), ("a1", "a2")),
    ],
)
def test_a_model_is_scored_on_what_both_sides_have(
    outputs: tuple[str, ...], sources: tuple[str, ...], scored: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert match_outputs(outputs, sources) == (scored, chosen)


@pytest.mark.parametrize(
    ("outputs", "sources", "words"),
    [
        (("speaker1", "speaker2"), ("vocals", "drums"), "expected a model with the outputs vocals, drums"),
        (("a1", "a2", "b"), ("a1", "a2", "c"), "expected a model with the outputs a1, a2, c"),
        (("a1", "a2", "b1", "b2"), ("c1", "c2", "d1", "d2"), "expected a model with the outputs c1"),
        (("speaker1",), ("speaker1", "speaker2", "noise"), "have 3 sources; expected a model with as many outputs"),
    ],
)
def test_other_outputs_are_named(outputs: tuple[str, ...], sources: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        match_outputs(outputs, sources)

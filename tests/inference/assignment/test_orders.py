"""Outputs that change places are put back, for two to four talkers; one voice is not taken for two."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from separator.inference.assignment.orders import apartness, find_orders
from separator.inference.assignment.stretches import STRETCH_FRAMES, Stretches

LOUD, LEFT = 0.01, 0.0001


def in_turns(num_talkers: int, num_stretches: int, noise: float = 0.12, num_voices: int | None = None) -> Stretches:
    """Turns of 4 s, one talker after the other, the others' outputs 20 dB lower; a quiet frame before each turn."""
    random = torch.Generator().manual_seed(0)
    voices = torch.linalg.qr(torch.randn(64, num_voices or num_talkers, generator=random)).Q.T
    vectors = torch.zeros(num_stretches, num_talkers, 64)
    powers = torch.full((num_stretches, num_talkers, STRETCH_FRAMES), LEFT)
    for number in range(num_stretches):
        talker = number // 8 % num_talkers
        vectors[number] = voices[talker % len(voices)] + noise * torch.randn(num_talkers, 64, generator=random)
        powers[number, talker] = LOUD
        if number % 8 == 0:
            powers[number, :, :3] = 1e-8
    return Stretches(functional.normalize(vectors, dim=2).half(), powers)


def moved(stretches: Stretches, orders: Tensor) -> Stretches:
    """The same with the talkers in other outputs: output `orders[k, s]` of stretch `k` is talker `s`."""
    vectors, powers = torch.empty_like(stretches.vectors), torch.empty_like(stretches.powers)
    for number, order in enumerate(orders):
        vectors[number, order], powers[number, order] = stretches.vectors[number], stretches.powers[number]
    return Stretches(vectors, powers)


@pytest.mark.parametrize("num_talkers", [2, 3, 4])
def test_talkers_who_change_outputs_from_turn_to_turn_are_put_back(num_talkers: int) -> None:
    random = torch.Generator().manual_seed(1)
    turns = [torch.randperm(num_talkers, generator=random) for _ in range(24)]
    truth = torch.stack([turns[number // 8] for number in range(192)])
    found = find_orders(moved(in_turns(num_talkers, 192), truth)).orders
    talker = torch.arange(192) // 8 % num_talkers
    everywhere = torch.arange(192)
    output = truth[everywhere, talker]  # of who talks
    place = (found == output.unsqueeze(1)).int().argmax(dim=1)
    first = place[::8][:num_talkers]
    assert sorted(first.tolist()) == list(range(num_talkers))
    assert (place == first[talker]).all()


def test_two_talkers_who_come_out_of_one_output_are_told_apart() -> None:
    turns = in_turns(2, 120)
    truth = torch.stack([torch.arange(2) if number // 8 % 2 == 0 else torch.tensor([1, 0]) for number in range(120)])
    found = find_orders(moved(turns, truth))  # all that is said is in output 0
    own = found.orders[:, 0] == truth[:, 0]
    assert own.all() or not own.any()
    assert (found.changes.diff() > 0).all()
    assert (found.changes[1::8] % STRETCH_FRAMES == found.changes[1] % STRETCH_FRAMES).all()


@pytest.mark.parametrize("num_stretches", [1, 4, 20, 200])
def test_one_voice_in_all_outputs_stays_where_it_is(num_stretches: int) -> None:
    found = find_orders(in_turns(2, num_stretches, num_voices=1))
    assert (found.orders == torch.arange(2)).all()


def test_a_voice_is_alone_where_no_second_one_is_heard() -> None:
    one = in_turns(2, 40, num_voices=1)
    assert find_orders(one).alone
    assert not find_orders(in_turns(2, 40)).alone  # two voices that take turns
    at_once = Stretches(one.vectors, torch.full_like(one.powers, LOUD))  # of voices that are alike
    assert not find_orders(at_once).alone
    found = find_orders(one)
    assert found.voices[0] @ functional.normalize(one.vectors.float().mean(dim=(0, 1)), dim=0) > 0.99
    assert not found.voices[1].any()


@pytest.mark.parametrize("num_stretches", [0, 3])
def test_silence_has_no_order(num_stretches: int) -> None:
    silence = Stretches(torch.zeros(num_stretches, 2, 8), torch.zeros(num_stretches, 2, STRETCH_FRAMES))
    found = find_orders(silence, torch.eye(8)[:1])
    assert found.orders.tolist() == [[0, 1]] * num_stretches
    assert not found.voices.any()


def test_apartness_is_that_of_all_pairs_whose_windows_do_not_overlap() -> None:
    random = torch.Generator().manual_seed(0)
    vectors = functional.normalize(torch.randn(60, 8, generator=random), dim=1)
    weights, groups = torch.rand(60, generator=random), torch.randint(0, 2, (60,), generator=random)
    number = torch.arange(60)
    pairs = weights.unsqueeze(1) * weights * ((number.unsqueeze(1) - number).abs() >= 3)
    same, cosines = groups.unsqueeze(1) == groups, vectors @ vectors.T
    within, across = ((cosines * pairs * each).sum() / (pairs * each).sum() for each in (same, ~same))
    assert apartness(vectors, weights, groups) == pytest.approx(float(within - across), abs=1e-5)

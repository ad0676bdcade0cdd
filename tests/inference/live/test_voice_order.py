"""Which output is whose, of outputs that change places, by a stand-in for the voice model that hears pitch alone."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from separator.inference.live.voice_order import FADE_SECONDS, VoiceOrder
from tests.bricks.stepping import random_sizes

RATE = 8000
PITCHES_HZ = (300, 800, 1500)
BOTH_HZ, HOARSE_HZ = 2200, 2700


class PitchVoices:
    """Two stretches are of one voice if their strongest frequency is the same.

    One is like the first and the second voice alike, one a little like the first and like no other.
    """

    embedding_size = 40

    def embedding_stages(self, sample_rate: int) -> list[Callable[[Tensor], Tensor]]:
        """Return the spectrum, and then a vector of zeros but for the band of the strongest frequency."""

        def vector(spectrum: Tensor) -> Tensor:
            strongest = spectrum.argmax() * sample_rate / (2 * (spectrum.shape[1] - 1))
            voices = torch.eye(self.embedding_size)
            voices[BOTH_HZ // 100] = (voices[3] + voices[8]) / 2**0.5
            voices[HOARSE_HZ // 100] = 0.2 * voices[3] + 0.96**0.5 * voices[30]
            return voices[int(strongest / 100)].unsqueeze(0)

        return [torch.fft.rfft, torch.abs, vector]


def order_of(num_talkers: int) -> VoiceOrder:
    voices: Any = PitchVoices()
    return VoiceOrder(voices, num_talkers, RATE)


def turns(talkers: list[int], seconds: float = 3.0, num_talkers: int = 2) -> Tensor:
    """Talkers, a tone each, one after the other: `(S, 1, T)`."""
    time = torch.arange(round(seconds * RATE)) / RATE
    parts = []
    for talker in talkers:
        part = torch.zeros(num_talkers, 1, len(time))
        part[talker] = 0.1 * torch.sin(2 * torch.pi * PITCHES_HZ[talker] * time)
        parts.append(part)
    return torch.cat(parts, dim=2)


def wrong_seconds(found: Tensor, expected: Tensor) -> float:
    """For how long anything is on another output than it should be."""
    return float(((found - expected).abs() > 1e-6).any(dim=0).sum()) / RATE


@pytest.mark.parametrize("num_talkers", [2, 3])
def test_voices_go_back_to_their_outputs(num_talkers: int) -> None:
    """Each voice has been heard; then the model changes their places, and later back: in turn they go home."""
    talk = turns([0, 1, 2, 0, 1, 2, 0, 1, 0] if num_talkers == 3 else [0, 1, 0, 1, 0, 1, 0, 1, 0], 3.0, num_talkers)
    third = talk.shape[2] // 3
    moved = talk.clone()
    moved[:, :, third : 2 * third] = talk.roll(1, dims=0)[:, :, third : 2 * third]
    found = order_of(num_talkers).push(moved)
    torch.testing.assert_close(found[:, :, :third], talk[:, :, :third], rtol=0, atol=0)
    assert wrong_seconds(moved, talk) > 8
    assert wrong_seconds(found, talk) < 2 * num_talkers  # of three it takes two voices to tell the order


def test_a_second_voice_on_the_first_ones_output_gets_one_of_its_own() -> None:
    talk = turns([0, 1, 0, 1])
    together = torch.stack([talk.sum(dim=0), torch.zeros_like(talk[0])])
    assert wrong_seconds(order_of(2).push(together), talk) < 6  # 2 s a change; as it comes it is 6 s


@pytest.mark.parametrize("talkers", [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1]])
def test_where_nothing_changes_nothing_is_changed(talkers: list[int]) -> None:
    talk = turns(talkers) + 1e-3 * torch.randn(2, 1, 4 * 3 * RATE)
    torch.testing.assert_close(order_of(2).push(talk), talk, rtol=0, atol=0)


def test_what_is_like_two_voices_or_little_like_its_own_says_nothing() -> None:
    time = torch.arange(6 * RATE) / RATE
    talk = turns([0, 1, 0, 1])
    for hertz in (BOTH_HZ, HOARSE_HZ):
        doubtful = torch.zeros(2, 1, len(time))
        doubtful[1] = 0.1 * torch.sin(2 * torch.pi * hertz * time)
        order = order_of(2)
        torch.testing.assert_close(order.push(torch.cat([talk, doubtful], dim=2))[:, :, -RATE:], doubtful[:, :, -RATE:])
        assert wrong_seconds(order.push(talk.flip(0)), talk) < 4  # and nothing was learned: 1 s a change


def test_silence_and_both_at_once_say_nothing() -> None:
    both = turns([0, 0]) + turns([1, 1])
    signal = torch.cat([torch.zeros(2, 1, RATE), both, both.flip(0), torch.zeros(2, 1, RATE)], dim=2)
    torch.testing.assert_close(order_of(2).push(signal), signal, rtol=0, atol=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_blocks_of_any_length_give_the_same_and_a_copy_goes_on(seed: int) -> None:
    talk = turns([0, 1, 0, 1])
    moved = torch.cat([talk[:, :, : 6 * RATE + 77], talk[:, :, 6 * RATE + 77 :].flip(0)], dim=2)
    whole, order = order_of(2).push(moved), order_of(2)
    half = moved.shape[2] * 2 // 3
    start = torch.cat([order.push(piece) for piece in moved[:, :, :half].split(random_sizes(half, seed), dim=2)], dim=2)
    twin = copy.deepcopy(order)
    rest = [each.push(moved[:, :, half:]) for each in (order, twin)]
    for each in rest:
        torch.testing.assert_close(torch.cat([start, each], dim=2), whole, rtol=0, atol=0)


def test_a_change_is_faded_and_the_sum_stays() -> None:
    talk = turns([0, 1, 0, 1])
    moved = torch.cat([talk[:, :, : 6 * RATE], talk[:, :, 6 * RATE :].flip(0)], dim=2)
    offsets = torch.tensor([1.0, -1.0]).view(2, 1, 1)  # of the outputs: they change places with them
    found = order_of(2).push(moved + 1e-3 * offsets) - order_of(2).push(moved)
    torch.testing.assert_close(found.sum(dim=0), torch.zeros(1, found.shape[2]), rtol=0, atol=1e-6)
    assert found[0, 0, 0] > 0 > found[0, 0, -1]
    assert found.diff().abs().max() < 1.1 * 2e-3 / (FADE_SECONDS * RATE)


def test_memory_does_not_grow() -> None:
    order = order_of(2)

    def held() -> int:
        tensors = [each for each in vars(order).values() if isinstance(each, Tensor)]
        tensors += [each.samples for each in order._stretches]
        return sum(each.untyped_storage().nbytes() for each in tensors)

    order.push(turns([0, 1, 0, 1]))
    before = held()
    for _ in range(5):
        order.push(turns([0, 1, 0, 1]))
    assert held() == before

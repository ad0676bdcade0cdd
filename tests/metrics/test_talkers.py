"""Talkers in turns, alone and of known pitch, against what is worked out by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from separator.metrics import nearest_pitch_distance, other_output_db, own_output_share, swaps_per_minute
from separator.metrics.talkers import solo_frames

RATE = 8000


def turns(*lengths: float, seed: int = 0) -> Tensor:
    """Two talkers of constant power in turns of so many seconds each, the first begins: `(2, 1, T)`."""
    parts = torch.randn(sum(round(length * RATE) for length in lengths), generator=torch.Generator().manual_seed(seed))
    parts = 0.1 * parts.sign()
    reference, position = torch.zeros(2, 1, len(parts)), 0
    for number, length in enumerate(lengths):
        end = position + round(length * RATE)
        reference[number % 2, 0, position:end] = parts[position:end]
        position = end
    return reference


def swapped(reference: Tensor, seconds: list[tuple[float, float]]) -> Tensor:
    """The references, exchanged between these times."""
    estimate = reference.clone()
    for start, end in seconds:
        there = slice(round(start * RATE), round(end * RATE))
        estimate[..., there] = reference.flip(0)[..., there]
    return estimate


def test_the_references_themselves_never_swap() -> None:
    reference = turns(4, 4, 4, 4)
    assert own_output_share(reference, reference, RATE).tolist() == [1, 1]
    assert swaps_per_minute(reference, reference, RATE).tolist() == [0, 0]


def test_a_swap_that_goes_back_is_two_changes_of_each_talker_it_touches() -> None:
    """Of 16 s, the second to the third are swapped: a quarter of the first talker's eight seconds, and no more."""
    reference = turns(4, 4, 4, 4)
    estimate = swapped(reference, [(1, 3)])
    assert own_output_share(estimate, reference, RATE).tolist() == pytest.approx([0.75, 1])
    assert swaps_per_minute(estimate, reference, RATE).tolist() == pytest.approx([2 / (16 / 60), 0])


@pytest.mark.parametrize("every", [1, 2])
def test_outputs_that_swap_every_so_many_seconds(every: int) -> None:
    """Each talker has two turns of 4 s, a swap at each multiple of `every`: 3 (1) changes in each turn, and one between
    the turns where the last stretch of one and the first of the next differ, as they always do here."""
    reference = turns(4, 4, 4, 4)
    estimate = swapped(reference, [(start, start + every) for start in range(every, 16, 2 * every)])
    assert own_output_share(estimate, reference, RATE).tolist() == pytest.approx([0.5, 0.5])
    changes = 2 * (4 // every - 1) + 1
    assert swaps_per_minute(estimate, reference, RATE).tolist() == pytest.approx([changes / (16 / 60)] * 2)
    assert torch.equal(swaps_per_minute(estimate.flip(0), reference, RATE), swaps_per_minute(estimate, reference, RATE))


def test_leakage_is_a_share_and_no_swap() -> None:
    reference = turns(3, 3, 3, 3)
    estimate = reference + 0.5 * reference.flip(0)
    assert own_output_share(estimate, reference, RATE).tolist() == pytest.approx([0.8, 0.8])  # 1 / (1 + 0.25)
    assert swaps_per_minute(estimate, reference, RATE).tolist() == [0, 0]


def test_overlap_and_what_is_forty_decibels_down_do_not_count() -> None:
    reference = turns(3, 3, 3, 3)
    solo = solo_frames(reference, RATE)
    first = torch.tensor([True, False, True, False]).repeat_interleave(6)
    assert torch.equal(solo, torch.stack([first, ~first]))
    assert torch.equal(solo_frames(reference + 0.009 * reference.flip(0), RATE), solo)
    assert not solo_frames(reference + 0.011 * reference.flip(0), RATE).any()
    assert solo_frames(turns(0.3, 0.1), RATE).shape == (2, 0)


def test_too_little_alone_is_not_measured() -> None:
    reference = turns(1.5, 2.5)
    for values in (own_output_share(reference, reference, RATE), swaps_per_minute(reference, reference, RATE)):
        assert values.isnan().tolist() == [True, False]
    together = turns(4, 4).sum(dim=0, keepdim=True).expand(2, -1, -1)
    assert own_output_share(together, together, RATE).isnan().all()


def test_silent_outputs_have_no_share() -> None:
    reference = turns(4, 4)
    estimate = torch.zeros_like(reference)
    assert own_output_share(estimate, reference, RATE).isnan().all()
    assert swaps_per_minute(estimate, reference, RATE).tolist() == [0, 0]


@pytest.mark.parametrize("level_db", [-6.0, 0.0, 20.0])
def test_other_outputs_lie_as_far_below_as_they_were_put(level_db: float) -> None:
    reference = torch.cat([turns(2), torch.zeros(1, 1, 2 * RATE)])[[2, 0, 1]]
    talk = turns(2)[0]
    estimate = torch.stack([0.001 * talk, talk, 10 ** (-level_db / 20) * talk])
    values = other_output_db(estimate, reference)
    assert values.isnan().tolist() == [True, False, True] and float(values[1]) == pytest.approx(level_db, abs=1e-4)


def test_a_lone_talker_with_nothing_beside_is_infinitely_apart() -> None:
    reference = torch.stack([turns(2)[0], torch.zeros(1, 2 * RATE)])
    assert other_output_db(reference, reference)[0] == torch.inf
    assert other_output_db(turns(2, 2), turns(2, 2)).isnan().all()  # two who talk
    assert other_output_db(turns(2)[:1], turns(2)[:1]).isnan().all()  # one of one


def test_pitches_of_pulses_lie_as_far_apart_as_their_periods() -> None:
    def pulses(period: int) -> np.ndarray:
        signal = np.zeros(RATE)
        signal[::period] = 1
        return signal

    talkers = torch.from_numpy(np.stack([pulses(80), pulses(40), pulses(50)])[:, None]).float()  # 100, 200, 160 Hz
    for chosen, octaves in (([0, 1], 1.0), ([0, 2], np.log2(1.6)), ([0, 1, 2], np.log2(1.25))):
        assert nearest_pitch_distance(talkers[chosen], RATE).tolist() == pytest.approx(
            [octaves] * len(chosen), abs=0.01
        )
    assert nearest_pitch_distance(torch.cat([talkers[:1], torch.zeros(1, 1, RATE)]), RATE).isnan().all()

"""Batches: which examples they hold, how long these are, and that a resumed run goes on with what follows."""

from typing import Any

import numpy as np
import pytest

from separator.data.lists import MixtureListConfig
from separator.data.module import BatchLengths, ResumableBatches
from separator.data.speakers import SpeakersConfig, SpeakerSet

RATE = 8000


def lengths(num_batches: int = 5, batch_size: int = 2, seed: int = 0, **changes: Any) -> BatchLengths:
    sets = {"train": (SpeakerSet("train"),), "valid": MixtureListConfig("valid")}
    config = SpeakersConfig(root=".", sample_rate=RATE, **({"segment_seconds": 4.0} | sets | changes))
    return BatchLengths(config, batch_size, num_batches, seed)


DRAWN = {"segment_range_seconds": (2.0, 10.0)}


@pytest.mark.parametrize("changes", [{}, DRAWN])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("first_batch", [0, 2])
def test_no_example_twice_and_none_left_out(changes: dict[str, Any], world_size: int, first_batch: int) -> None:
    all_lengths = lengths(**changes, batch_size=8)
    each = [list(ResumableBatches(all_lengths, first_batch, rank, world_size)) for rank in range(world_size)]
    assert {len(batches) for batches in each} == {5 - first_batch}
    numbers = []
    for step in range(5 - first_batch):
        together = [place for batches in each for place in batches[step]]
        assert {num_samples for _, num_samples in together} == {all_lengths.num_samples[first_batch + step]}
        numbers += [number for number, _ in together]
    seen = world_size * int(all_lengths.num_examples[:first_batch].sum())
    assert numbers == list(range(seen, world_size * int(all_lengths.num_examples.sum())))


def test_one_length_is_as_ever() -> None:
    batches = list(ResumableBatches(lengths(), 3, rank=1, world_size=2))
    assert batches == [[(14, 32000), (15, 32000)], [(18, 32000), (19, 32000)]]


def test_lengths_are_drawn_evenly_from_the_range_and_batches_keep_their_seconds() -> None:
    drawn = lengths(20_000, batch_size=8, **DRAWN)
    seconds = drawn.num_samples / RATE
    each, counts = np.unique(seconds, return_counts=True)
    np.testing.assert_allclose(each, np.linspace(2, 10, 16), atol=1 / RATE)  # few: memory is kept for each
    np.testing.assert_allclose(counts, 20_000 / 16, rtol=0.12)
    audio = drawn.num_examples * seconds
    assert audio.mean() == pytest.approx(32, rel=0.01)
    # n examples stand for 32 s / length between n - 1/2 and n + 1/2; n is 3 at the fewest.
    assert audio.min() >= 32 * 3 / 3.5 - 1e-9 and audio.max() <= 32 * 4 / 3.5 + 1e-9
    assert drawn.audio_seconds(10, 30) == pytest.approx(audio[10:30].sum())
    assert lengths(5).audio_seconds(0, 5) == 5 * 2 * 4


def test_the_seed_decides_and_a_later_end_changes_nothing() -> None:
    short, long, other = lengths(50, **DRAWN), lengths(500, **DRAWN), lengths(50, seed=1, **DRAWN)
    assert np.array_equal(short.num_samples, long.num_samples[:50])
    assert not np.array_equal(short.num_samples, other.num_samples)

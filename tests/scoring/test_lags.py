"""Estimates that come late or early are found by a known shift, and what is no lag is not told."""

import pytest
import torch

from separator.scoring.assignment import find_groups
from separator.scoring.config import ScoringConfig
from separator.scoring.item_scores import score_item
from separator.scoring.lags import best_lag, describe_lags, find_lags, summarise_lags
from tests.stem_folders import RATE, item, leaky, stems

NAMED = [([0], [0]), ([1], [1])]


def late(signal: torch.Tensor, lag: int) -> torch.Tensor:
    """The signal behind so many zeros, as long as before; the end before it where the lag is below 0."""
    shifted = torch.zeros_like(signal)
    if lag >= 0:
        shifted[..., lag:] = signal[..., : signal.shape[-1] - lag]
    else:
        shifted[..., :lag] = signal[..., -lag:]
    return shifted


@pytest.mark.parametrize("lag", [1006, -1006, 1, RATE])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_shift_is_found_exactly(lag: int, channels: int) -> None:
    reference = stems(2, channels, 3.0)
    estimate = late(leaky(reference), lag)
    assert find_lags(estimate, reference, [0, 1], NAMED, RATE) == [lag, lag]
    assert best_lag(-0.1 * estimate[0] + 0.3, reference[0], RATE) == lag


def test_talkers_that_were_assigned_by_chance_are_assigned_anew() -> None:
    reference = stems(2, 1, 3.0)
    estimate = late(leaky(reference).flip(0), 300)
    names = ("speaker1", "speaker2")
    for order in ([0, 1], [1, 0]):
        assert find_lags(estimate, reference, order, find_groups(names, names), RATE) == [300, 300]


def test_what_is_no_lag_is_not_told() -> None:
    reference = stems(2, 1, 3.0)
    others = stems(2, 1, 3.0, seed=9)
    silent = torch.zeros_like(reference)
    for estimate in (reference, leaky(reference), others, silent, late(reference, RATE + 1)):
        assert find_lags(estimate, reference, [0, 1], NAMED, RATE) == [None, None]
    assert find_lags(reference, silent, [0, 1], NAMED, RATE) == [None, None]
    assert find_lags(reference[..., :1], reference[..., :1], [0, 1], NAMED, RATE) == [None, None]


def test_scores_stay_what_they_are() -> None:
    reference = stems(2, 1, 3.0)
    estimate = late(leaky(reference), 80)
    scores = score_item(item(reference, estimate, ("vocals", "drums")), ScoringConfig(("si_sdr",)))
    assert [source.lag_samples for source in scores.sources] == [80, 80]
    assert all((source.scores["si_sdr_db"] or 0) < 0 for source in scores.sources)


def test_the_lines_count_what_is_late_and_what_is_early() -> None:
    summary = summarise_lags([1006, 1006, None, 1010, -8, None], [16000] * 6)
    assert summary["late"]["estimates"] == 3 and summary["early"]["median_samples"] == 8
    assert describe_lags(summary) == [
        "3 of 6 estimates are about 1,006 samples (62.9 ms, from 1,006 to 1,010) late: shifted, each gains more than 3 "
        "dB of SI-SDR; the scores take them as they are",
        "1 of 6 estimates are about 8 samples (0.5 ms) early: shifted, each gains more than 3 dB of SI-SDR; the scores "
        "take them as they are",
    ]
    assert describe_lags(summarise_lags([None], [16000])) == []


def test_a_long_recording_is_searched_where_it_is_loud() -> None:
    reference = stems(2, 1, 40.0)
    reference[0, :, : 35 * RATE] = 0
    reference[1, :, 5 * RATE :] *= 1e-3
    assert find_lags(late(leaky(reference), 700), reference, [0, 1], NAMED, RATE) == [700, 700]

"""Equal error rate and detection cost against closed forms, scipy, and every threshold written out."""

import numpy as np
import pytest
import torch
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.stats import norm

from separator.metrics.verification import equal_error_rate, error_rates, minimum_detection_cost


def trials(
    seed: int, num_same: int = 200, num_other: int = 900, distance: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.normal(distance, 1, num_same), random.normal(0, 1, num_other)])
    same = np.arange(num_same + num_other) < num_same
    order = random.permutation(len(scores))
    return scores[order], same[order]


def rates_at_every_threshold(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Misses and false alarms, counted again for each threshold."""
    thresholds = [-np.inf, *sorted(set(scores))]
    misses = np.array([(scores[same] <= each).mean() for each in thresholds])
    alarms = np.array([(scores[~same] > each).mean() for each in thresholds])
    return misses, alarms


@pytest.mark.parametrize("distance", [0.5, 2.0, 4.0])
def test_equal_error_rate_of_two_normal_distributions(distance: float) -> None:
    scores, same = trials(0, 40000, 40000, distance)
    found = equal_error_rate(torch.from_numpy(scores), torch.from_numpy(same))
    assert found == pytest.approx(norm.cdf(-distance / 2), abs=0.004)


@pytest.mark.parametrize("seed", range(4))
def test_equal_error_rate_is_the_root_that_scipy_finds(seed: int) -> None:
    scores, same = trials(seed)
    misses, alarms = rates_at_every_threshold(scores, same)
    place = np.arange(len(misses))
    root = brentq(lambda x: interp1d(place, misses)(x) - interp1d(place, alarms)(x), 0, place[-1])
    found = equal_error_rate(torch.from_numpy(scores), torch.from_numpy(same))
    assert found == pytest.approx(float(interp1d(place, misses)(root)), abs=1e-9)


@pytest.mark.parametrize("prior", [0.01, 0.05, 0.5, 0.9])
def test_detection_cost_is_the_least_of_all_thresholds(prior: float) -> None:
    scores, same = trials(1)
    misses, alarms = rates_at_every_threshold(scores, same)
    expected = (prior * misses + (1 - prior) * alarms).min() / min(prior, 1 - prior)
    found = minimum_detection_cost(torch.from_numpy(scores), torch.from_numpy(same), prior)
    assert found == pytest.approx(expected, abs=1e-9)


def test_equal_scores_are_one_threshold() -> None:
    scores, same = trials(2)
    rounded = np.round(scores)
    found = error_rates(torch.from_numpy(rounded), torch.from_numpy(same))
    expected = rates_at_every_threshold(rounded, same)
    assert all(np.allclose(each, other) for each, other in zip(found, expected, strict=True))
    flat = torch.zeros(10), torch.arange(10) < 5
    assert equal_error_rate(*flat) == 0.5 and minimum_detection_cost(*flat) == 1.0


def test_perfect_and_reversed_scores() -> None:
    same = torch.arange(10) < 4
    scores = same.float() - 0.1 * torch.rand(10)
    assert equal_error_rate(scores, same) == 0 and minimum_detection_cost(scores, same) == 0
    assert equal_error_rate(-scores, same) == 1 and minimum_detection_cost(-scores, same) == 1


@pytest.mark.parametrize(
    ("scores", "same", "words"),
    [
        (torch.zeros(3), torch.zeros(4).bool(), "one shape"),
        (torch.tensor([0.0, float("nan")]), torch.tensor([True, False]), "finite"),
        (torch.zeros(3), torch.ones(3).bool(), "found 3 of 3"),
        (torch.zeros(3), torch.zeros(3).bool(), "found 0 of 3"),
    ],
)
def test_trials_that_cannot_be_scored_are_refused(scores: torch.Tensor, same: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        equal_error_rate(scores, same)

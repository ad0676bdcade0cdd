"""Statistics in tiles against those of the whole, by torch."""

import pytest
import torch

from separator.inference.fused.global_norm import GlobalStatistics, can_be_folded, norm_gain


def test_statistics_of_two_tiles() -> None:
    torch.manual_seed(0)
    frames = 3 + 2 * torch.randn(500, 40)
    statistics = GlobalStatistics()
    statistics.add(frames[:123])
    statistics.add(frames[123:])
    mean, variance = statistics.mean_and_variance()
    assert can_be_folded(mean, variance)
    assert mean == pytest.approx(float(frames.double().mean()), rel=1e-6)
    assert norm_gain(variance, eps=0.5) == pytest.approx(
        float((frames.double().var(correction=0) + 0.5).rsqrt()), rel=1e-6
    )


def test_a_mean_that_outweighs_the_deviation_is_told() -> None:
    statistics = GlobalStatistics()
    statistics.add(20 + torch.randn(500, 40))
    assert not can_be_folded(*statistics.mean_and_variance())

"""The learning-rate schedule at its corners."""

from itertools import pairwise

import pytest

from separator.training.config import OptimizerConfig


def test_rises_stays_and_falls() -> None:
    config = OptimizerConfig(warmup_steps=10, decay_steps=20)
    factors = [config.learning_rate_factor(step, 100) for step in range(101)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == 1
    assert set(factors[9:81]) == {1.0}
    assert factors[90] == pytest.approx(0.5) and factors[100] == 0
    assert all(later <= earlier for earlier, later in pairwise(factors[80:]))


def test_without_warm_up_or_fall_it_is_constant() -> None:
    config = OptimizerConfig(warmup_steps=0, decay_steps=0)
    assert {config.learning_rate_factor(step, 10) for step in range(11)} == {1.0}

"""The learning-rate schedule at its corners."""

from itertools import pairwise

import pytest
import torch

from separator.recipe.sections import OptimizerConfig
from separator.training.optimizer import Plateau, build_optimizer, learning_rate_factor


def test_rises_stays_and_falls() -> None:
    config = OptimizerConfig(warmup_steps=10, decay_steps=20)
    factors = [learning_rate_factor(config, step, 100) for step in range(101)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == 1
    assert set(factors[9:81]) == {1.0}
    assert factors[90] == pytest.approx(0.5) and factors[100] == 0
    assert all(later <= earlier for earlier, later in pairwise(factors[80:]))


def test_without_warm_up_or_fall_it_is_constant() -> None:
    config = OptimizerConfig(warmup_steps=0, decay_steps=0)
    assert {learning_rate_factor(config, step, 10) for step in range(11)} == {1.0}


def test_cosine_rises_and_falls_over_all_the_rest_or_the_last_steps() -> None:
    whole = OptimizerConfig(schedule="cosine", warmup_steps=10)
    factors = [learning_rate_factor(whole, step, 110) for step in range(111)]
    assert factors[4] == pytest.approx(0.5) and factors[10] == pytest.approx(1)
    assert factors[60] == pytest.approx(0.5) and factors[85] == pytest.approx((1 - 2**-0.5) / 2)
    assert factors[110] == pytest.approx(0, abs=1e-12)
    last = OptimizerConfig(schedule="cosine", warmup_steps=0, decay_steps=20)
    assert {learning_rate_factor(last, step, 100) for step in range(81)} == {1.0}
    assert learning_rate_factor(last, 90, 100) == pytest.approx(0.5)


def test_plateau_reduces_as_torch_does() -> None:
    config = OptimizerConfig(schedule="plateau", plateau_validations=3, plateau_factor=0.5)
    plateau = Plateau(config)
    weight = torch.nn.Parameter(torch.zeros(1))
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        torch.optim.SGD([weight], lr=1.0), mode="max", factor=0.5, patience=2, threshold=0.0, threshold_mode="abs"
    )
    scores = [1.0, 2.0, 2.0, 1.5, 2.0, 2.5, 2.4, 2.3, 2.2, 2.1, 2.0, 1.0, 3.0, 2.0]
    for number, score in enumerate(scores):
        if number == 8:  # a state in the middle is all it needs
            state, plateau = plateau.state_dict(), Plateau(config)
            plateau.load_state_dict(state)
        plateau.step(score)
        reference.step(score)
        assert plateau.factor == reference.get_last_lr()[0], number
    assert plateau.factor == 0.125


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_optimiser_is_torch_s_own_with_the_recipe_s_settings(name: str) -> None:
    config = OptimizerConfig(name=name, learning_rate=3e-4, weight_decay=0.1, beta1=0.8, beta2=0.9)  # type: ignore[arg-type]
    optimizer = build_optimizer(config, torch.nn.Linear(2, 2))
    assert type(optimizer) is {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"], group["betas"]) == (3e-4, 0.1, (0.8, 0.9))

"""The Schur algorithm against a dense solution by scipy, and where it gives up."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from separator.metrics.block_toeplitz import solve_block_toeplitz


def delayed(signals: Tensor, num_delays: int) -> Tensor:
    """Every signal at every delay, `(I, D, T + D - 1)`."""
    return torch.stack([torch.nn.functional.pad(signals, (lag, num_delays - 1 - lag)) for lag in range(num_delays)], 1)


@pytest.mark.parametrize(("num_inputs", "num_delays"), [(1, 1), (1, 40), (3, 1), (5, 64)])
def test_it_solves_what_scipy_solves(num_inputs: int, num_delays: int) -> None:
    random = torch.Generator().manual_seed(0)
    signals = torch.randn(num_inputs, 900, generator=random, dtype=torch.float64)
    signals = signals + 0.8 * signals.roll(1, dims=1) + 0.9 * signals[:1].roll(3, dims=1)
    shifted = delayed(signals, num_delays)
    correlations = torch.einsum("iat,jt->ija", shifted, shifted[:, 0])
    matrix = torch.einsum("iat,jbt->iajb", shifted, shifted).flatten(2).flatten(0, 1).numpy()
    right = torch.randn(num_inputs, num_delays, 2, generator=random, dtype=torch.float64)
    found = solve_block_toeplitz(correlations, right)
    assert found is not None
    expected = scipy.linalg.solve(matrix, right.flatten(0, 1).numpy(), assume_a="pos")
    accuracy = 1e-15 * np.linalg.cond(matrix)
    np.testing.assert_allclose(found.flatten(0, 1), expected, atol=10 * accuracy * np.abs(expected).max())


def test_dependent_signals_have_no_solution() -> None:
    signals = torch.randn(2, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64)[[0, 1, 1]]
    shifted = delayed(signals, 20)
    correlations = torch.einsum("iat,jt->ija", shifted, shifted[:, 0])
    assert solve_block_toeplitz(correlations, torch.ones(3, 20, 1, dtype=torch.float64)) is None

"""The permutation-invariant loss against torchmetrics' own."""

import pytest
import torch
from torchmetrics.functional.audio import permutation_invariant_training, scale_invariant_signal_distortion_ratio

from separator.losses import PermutationInvariantLoss


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_agrees_with_torchmetrics(num_sources: int) -> None:
    torch.manual_seed(0)
    reference = torch.randn(5, num_sources, 4000)
    estimate = torch.stack([each[torch.randperm(num_sources)] for each in reference]) + 0.5 * torch.randn(
        5, num_sources, 4000
    )
    expected, _ = permutation_invariant_training(
        estimate, reference, scale_invariant_signal_distortion_ratio, eval_func="max", zero_mean=True
    )
    loss = PermutationInvariantLoss()(estimate.unsqueeze(2), reference.unsqueeze(2))
    torch.testing.assert_close(loss, -expected.mean(), atol=1e-3, rtol=0)


def test_is_blind_to_order_and_scale() -> None:
    torch.manual_seed(0)
    reference, estimate = torch.randn(2, 2, 1, 1000), torch.randn(2, 2, 1, 1000)
    loss = PermutationInvariantLoss()
    torch.testing.assert_close(loss(estimate, reference), loss(7 * estimate.flip(1), reference))


def test_silent_sources_give_finite_gradients() -> None:
    estimate = torch.zeros(1, 2, 1, 100, requires_grad=True)
    PermutationInvariantLoss()(estimate, torch.zeros(1, 2, 1, 100)).backward()
    assert estimate.grad is not None and torch.isfinite(estimate.grad).all()


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        PermutationInvariantLoss()(torch.zeros(1, 2, 1, 10), torch.zeros(1, 3, 1, 10))

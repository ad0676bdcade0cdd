"""Muon: its steps against torch's own, AdamW's for what is no matrix, and progress where plain momentum stalls."""

import copy

import pytest
import torch
from torch import nn

from separator.training.muon import Muon, is_matrix, orthogonalised


@pytest.mark.parametrize("shape", [(8, 8), (8, 30), (30, 8)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape) * 100))
    assert values.min() > 0.5 and values.max() < 1.3


def test_a_zero_gradient_gives_a_zero_step() -> None:
    assert torch.equal(orthogonalised(torch.zeros(3, 4)), torch.zeros(3, 4))


@pytest.mark.parametrize("shape", [(6, 12), (12, 6)])
def test_matrices_move_as_with_torchs_own(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(5, *shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = [
        Muon([ours], lr=0.01, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
    ]
    for gradient in gradients:
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)  # torch iterates in bfloat16
    assert (ours - start).abs().mean() > 5e-3


def test_all_else_moves_as_with_adamw() -> None:
    torch.manual_seed(0)
    start = torch.randn(7)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    settings = {"lr": 0.01, "betas": (0.9, 0.98), "weight_decay": 0.1}
    optimizers = Muon([ours], **settings), torch.optim.AdamW([theirs], **settings)
    for _ in range(5):
        gradient = torch.randn(7)
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_what_counts_as_a_matrix() -> None:
    assert is_matrix(nn.Linear(3, 4).weight) and is_matrix(nn.Conv2d(3, 4, 3).weight)
    assert not is_matrix(nn.Conv1d(4, 4, 3, groups=4).weight)  # depthwise
    assert not is_matrix(nn.BatchNorm2d(4).weight) and not is_matrix(nn.Conv2d(4, 1, 3).weight)


def test_its_state_is_saved_and_loaded() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(2, 4, 3), nn.PReLU(), nn.Conv1d(4, 2, 3))
    signal = torch.randn(2, 2, 20)

    def step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        network(signal).square().sum().backward()
        optimizer.step()

    optimizer = Muon(network.parameters())
    step(network, optimizer)
    state, weights = copy.deepcopy((optimizer.state_dict(), network.state_dict()))
    step(network, optimizer)
    expected = {name: each.clone() for name, each in network.state_dict().items()}
    network.load_state_dict(weights)
    again = Muon(network.parameters())
    again.load_state_dict(state)
    step(network, again)
    for name, each in network.state_dict().items():
        torch.testing.assert_close(each, expected[name], rtol=0, atol=0)

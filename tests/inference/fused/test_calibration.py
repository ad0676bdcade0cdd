"""The recording that networks are measured on, and what is measured."""

import torch
from torch import Tensor, nn

from separator.inference.fused.calibration import measure_peaks, two_voices


class Sum(nn.Module):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return first + second


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.twice, self.sum = nn.Linear(1, 1, bias=False), Sum()
        nn.init.constant_(self.twice.weight, 2.0)

    def forward(self, values: Tensor) -> Tensor:
        for part in values:
            output: Tensor = self.sum(self.twice(part), -part)
        return output


def test_the_largest_of_all_calls_counts() -> None:
    network = Network()
    peaks = measure_peaks(network, torch.tensor([[[1.0]], [[3.0]], [[-1.0]]]))
    assert peaks == {"": [3.0, -1.0], "twice": [3.0, 6.0], "sum": [6.0, 1.0, 3.0]}
    assert not network.twice._forward_hooks


def test_two_voices_are_the_same_each_time_and_of_unit_level() -> None:
    mixture = two_voices()
    assert torch.equal(mixture, two_voices())
    assert abs(float(mixture.square().mean()) - 1) < 1e-5
    quarters = mixture.unflatten(0, (24, -1)).square().mean(dim=1)
    assert float(quarters.min()) < 0.1 * float(quarters.max())  # it has pauses

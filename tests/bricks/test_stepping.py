"""States over hours, and what cannot step."""

import pytest
import torch
from torch import nn

from separator.bricks.dilated import DilatedConv1d
from separator.bricks.norm import CumulativeLayerNorm, RunningSums
from separator.bricks.stepping import Chain, initial_state
from separator.bricks.tcn import TemporalBlock
from separator.errors import InputError
from tests.bricks.stepping import in_pieces, random_sizes


def test_sums_of_ten_hours_do_not_drift() -> None:
    """An offset ten thousand times the deviation: sums in float32 would have lost the variance in minutes."""
    weight = torch.zeros(1)
    frames_of_ten_hours = 10 * 3600 * 1000
    value, deviation = 10.0, 1e-3
    count = torch.full((1, 1, 1), float(frames_of_ten_hours), dtype=torch.float64)
    power = count * (value**2 + deviation**2)
    sums = RunningSums(count, count * value, power)
    frames = torch.tensor([value - deviation, value + deviation], dtype=torch.float64).repeat(500).view(1, 1, -1)
    for _ in range(100):
        mean, variance, sums = sums.add(frames, frames.square())
    assert float(mean[..., -1]) == pytest.approx(value, rel=1e-12)
    assert float(variance[..., -1].sqrt()) == pytest.approx(deviation, rel=1e-3)
    assert sums.mean.dtype == RunningSums.initial(weight, 1).mean.dtype == torch.float64


@torch.no_grad()
def test_a_norm_keeps_to_the_closed_form_of_long_silence_after_a_sound() -> None:
    norm, state = CumulativeLayerNorm(2), CumulativeLayerNorm(2).initial_state(1)
    _, state = norm.step(torch.tensor([[[3.0], [5.0]]]), state)
    for _ in range(100):
        output, state = norm.step(torch.zeros(1, 2, 1000), state)
    count = 2 * (1 + 100_000)
    mean, power = 8 / count, 34 / count
    torch.testing.assert_close(
        output[..., -1], torch.full((1, 2), -mean / (power - mean**2 + norm.eps) ** 0.5), rtol=1e-5, atol=0
    )


@torch.no_grad()
def test_a_convolution_that_is_late_steps_as_late() -> None:
    convolution = DilatedConv1d(2, 3, 3, dilation=4, causal=True, padding_of="speechbrain")
    frames = torch.randn(2, 2, 40)
    for sizes in ([40], [1] * 40, random_sizes(40, 0)):
        torch.testing.assert_close(in_pieces(convolution, frames, sizes), convolution(frames), rtol=0, atol=1e-6)


def test_a_module_that_nothing_is_known_of_is_refused() -> None:
    class Unknown(nn.Module):
        pass

    for brick in (Unknown(), Chain(nn.ReLU(), Unknown()).eval()):
        with pytest.raises(InputError, match=r"^Unknown cannot run on a live signal: it has no step$"):
            initial_state(brick, 1)


def test_dropout_in_training_is_refused() -> None:
    with pytest.raises(InputError, match="in evaluation"):
        TemporalBlock(4, 4).initial_state(1)


@torch.no_grad()
def test_a_part_put_in_the_place_of_another_steps_in_the_next_signal() -> None:
    chain = Chain(DilatedConv1d(2, 2, 3, causal=True), nn.ReLU()).eval()
    frames = torch.randn(1, 2, 20)
    in_pieces(chain, frames, [20])
    chain[0] = DilatedConv1d(2, 2, 3, causal=True)
    torch.testing.assert_close(in_pieces(chain, frames, [7, 13]), chain(frames), rtol=0, atol=1e-6)

"""The dilated convolution against the sum that defines it."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, fx
from torch.nn import functional

from separator.bricks.dilated import DilatedConv1d
from separator.errors import InputError

GEOMETRIES = [
    (kernel_size, dilation, causal)
    for kernel_size in (1, 2, 3, 4, 5, 7)
    for dilation in (1, 2, 3, 8)
    for causal in (False, True)
    if causal or kernel_size % 2
]


def _by_the_sum(brick: DilatedConv1d, frames: Tensor) -> Tensor:
    """`Σ_i w(i) x(n − d·i)` with zeros outside, each tap, frame and group on its own."""
    taps, dilation = brick.kernel_size[0], brick.dilation[0]
    ahead = 0 if brick.causal else dilation * (taps - 1) // 2
    batch, _, num_frames = frames.shape
    group_inputs, group_outputs = brick.in_channels // brick.groups, brick.out_channels // brick.groups
    output = torch.zeros(batch, brick.out_channels, num_frames, dtype=frames.dtype)
    for channel in range(brick.out_channels):
        first = channel // group_outputs * group_inputs
        for n in range(num_frames):
            for i in range(taps):
                source = n + ahead - dilation * i
                if 0 <= source < num_frames:
                    w = brick.weight[channel, :, taps - 1 - i]
                    output[:, channel, n] += frames[:, first : first + group_inputs, source] @ w
    return output if brick.bias is None else output + brick.bias[:, None]


@torch.no_grad()
@pytest.mark.parametrize(("kernel_size", "dilation", "causal"), GEOMETRIES)
@pytest.mark.parametrize("groups", [1, 2])
def test_is_the_defining_sum(kernel_size: int, dilation: int, causal: bool, groups: int) -> None:
    brick = DilatedConv1d(2, 4, kernel_size, dilation, causal, groups, bias=groups == 1).double()
    frames = torch.randn(2, 2, 13, dtype=torch.float64)
    torch.testing.assert_close(brick(frames), _by_the_sum(brick, frames))


@torch.no_grad()
@pytest.mark.parametrize(("kernel_size", "dilation", "causal"), GEOMETRIES)
def test_shifted_sum_is_the_same_convolution(kernel_size: int, dilation: int, causal: bool) -> None:
    brick = DilatedConv1d(5, 5, kernel_size, dilation, causal, groups=5, bias=dilation > 1)
    for num_frames in (1, 2, 50):
        frames = torch.randn(2, 5, num_frames)
        torch.testing.assert_close(brick.shifted_sum(frames), brick(frames), rtol=0, atol=1e-6)


def test_compiled_depthwise_convolution_takes_the_shifted_sum() -> None:
    operations: list[Any] = []

    def record(graph: fx.GraphModule, inputs: list[Tensor]) -> Any:
        operations.extend(node.target for node in graph.graph.nodes)
        return graph.forward

    depthwise, frames = DilatedConv1d(4, 4, 3, 2, causal=True, groups=4), torch.randn(2, 4, 20)
    compiled = torch.compile(depthwise, backend=record)
    torch.testing.assert_close(compiled(frames), depthwise(frames), rtol=0, atol=1e-6)
    assert operations and functional.conv1d not in operations


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_even_kernel_has_no_centre(kernel_size: int) -> None:
    with pytest.raises(InputError, match=f"kernel_size must be odd .*, found {kernel_size}"):
        DilatedConv1d(2, 2, kernel_size)


@pytest.mark.parametrize("key", ["in_channels", "out_channels", "kernel_size", "dilation", "groups"])
def test_sizes_below_one_are_refused(key: str) -> None:
    with pytest.raises(InputError, match=f"{key} must be at least 1, found 0"):
        DilatedConv1d(**cast(Any, {"in_channels": 2, "out_channels": 2, "kernel_size": 3} | {key: 0}))


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match="groups must divide"):
        DilatedConv1d(4, 6, 3, groups=4)


@pytest.mark.parametrize("num_frames", [1, 2, 3, 9, 40])
@pytest.mark.parametrize(("kernel_size", "dilation"), [(3, 1), (3, 4), (5, 2)])
def test_mirrored_frames_are_those_of_numpy(kernel_size: int, dilation: int, num_frames: int) -> None:
    centred = DilatedConv1d(2, 3, kernel_size, dilation, padding_of="speechbrain")
    frames, reach = torch.randn(1, 2, num_frames), (kernel_size - 1) * dilation // 2
    mirrored = np.pad(frames.numpy(), ((0, 0), (0, 0), (reach, reach)), mode="reflect")
    expected = functional.conv1d(torch.from_numpy(mirrored), centred.weight, centred.bias, dilation=dilation)
    torch.testing.assert_close(centred(frames), expected)


@pytest.mark.parametrize("num_frames", [1, 5, 40])
def test_a_causal_one_of_speechbrain_is_late_by_half_its_reach(num_frames: int) -> None:
    causal = DilatedConv1d(2, 3, 3, dilation=4, causal=True)
    late = DilatedConv1d(2, 3, 3, dilation=4, causal=True, padding_of="speechbrain")
    late.load_state_dict(causal.state_dict())
    frames = torch.randn(1, 2, num_frames)
    shifted = functional.pad(frames, (4, 0))[..., :num_frames]
    torch.testing.assert_close(late(frames), causal(shifted))
    assert late.receptive_field == causal.receptive_field + 4


def test_an_even_kernel_of_speechbrain_is_refused() -> None:
    with pytest.raises(InputError, match="kernel_size must be odd with SpeechBrain's padding, found 4"):
        DilatedConv1d(2, 3, 4, causal=True, padding_of="speechbrain")

"""What every 2-D brick promises, `(B, C, F, K)` in and out: a new one adds a row to `CASES_2D`."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from separator.bricks import BRICKS
from separator.bricks.stepping import initial_state
from separator.errors import InputError
from separator.exchange.recurrences import lower_recurrences
from tests.bricks.stepping import in_pieces, random_sizes
from tests.receptive_field import seen_2d, without_statistics


@dataclass(frozen=True)
class Case2d:
    """One brick with its arguments.

    Args:
        name: Key of `BRICKS`.
        arguments: Keyword arguments of the brick.
        channels: Channels of its input.
        bins: Bins of its input, for a brick that is made for so many and joins them all; None takes any number.
        one_graph: Whether torch.compile takes it as a whole: it leaves LSTMs out.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    channels: int = 4
    bins: int | None = None
    one_graph: bool = True

    def build(self) -> Any:
        torch.manual_seed(0)
        return BRICKS[self.name](**self.arguments).eval()

    def frames(self, num_bins: int, num_frames: int, batch: int = 2) -> Tensor:
        return torch.randn(batch, self.channels, self.bins or num_bins, num_frames)

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.arguments.items())])


def output_size(brick: Any, num_bins: int, num_frames: int) -> tuple[int, int]:
    """Return (bins, frames) of a brick's output: those of its input, unless it says others."""
    return brick.output_size(num_bins, num_frames) if hasattr(brick, "output_size") else (num_bins, num_frames)


_SIZES = {"in_channels": 4, "out_channels": 6}
_INNER = {"in_channels": 4, "inner_channels": 4}
_CAUSAL = {"kernel_size": (3, 4), "causal": True}
_STRIDED = {"kernel_size": (3, 5), "stride": (2, 3), "dilation": (3, 1)}

CASES_2D = [
    Case2d("conv2d", _SIZES),
    Case2d("conv2d", _SIZES | _STRIDED | {"groups": 2}),
    Case2d("conv2d", _SIZES | {"kernel_size": (1, 31)}),
    Case2d("conv2d", _SIZES | _CAUSAL | {"stride": 2, "dilation": (1, 2)}),
    Case2d("conv-block-2d", _SIZES),
    Case2d("conv-block-2d", _SIZES | _STRIDED),
    Case2d("conv-block-2d", _SIZES | _CAUSAL),
    Case2d("depthwise-separable-conv2d", _SIZES | {"kernels_per_layer": 2}),
    Case2d("depthwise-separable-conv2d", _SIZES | _STRIDED),
    Case2d("depthwise-separable-conv2d", _SIZES | _CAUSAL),
    Case2d("depthwise-separable-block-2d", _SIZES | _STRIDED | {"kernels_per_layer": 2}),
    Case2d("depthwise-separable-block-2d", _SIZES | _CAUSAL | {"stride": (1, 2)}),
    Case2d("resnet-block", {"in_channels": 4, "out_channels": 4}),
    Case2d("resnet-block", _SIZES | _STRIDED),
    Case2d("resnet-block", _SIZES | _CAUSAL | {"dilation": (1, 2)}),
    Case2d("resnet-bottleneck", _INNER),
    Case2d("resnet-bottleneck", _INNER | _STRIDED | {"groups": 2, "expansion": 2}),
    Case2d("resnet-bottleneck", _INNER | _CAUSAL | {"stride": (2, 1)}),
    Case2d("convnext-block-2d", {"in_channels": 4, "layer_scale": 0.5}),
    Case2d("convnext-block-2d", _SIZES | {"kernel_size": (5, 3), "dilation": (1, 4), "layer_scale": 0.5}),
    Case2d("convnext-block-2d", _SIZES | _CAUSAL | {"dilation": 2, "layer_scale": 0.5}),
    Case2d("axial-block", {"channels": 4, "kernel_size": 5, "dilation": 2}),
    Case2d("axial-block", {"channels": 4, "causal": True}),
    Case2d("time-gate", {"channels": 4}),
    Case2d("time-gate", {"channels": 4, "causal": True}),
    Case2d("full-band-mixing", {"channels": 4, "num_bands": 9, "squeezed_channels": 3}, bins=9),
    Case2d("frame-recurrence", {"channels": 4, "hidden_channels": 5}, one_graph=False),
    Case2d("frame-recurrence", {"channels": 4, "hidden_channels": 5, "causal": True}, one_graph=False),
]

every_brick = pytest.mark.parametrize("case", CASES_2D, ids=str)
causal_bricks = pytest.mark.parametrize("case", [case for case in CASES_2D if case.build().causal], ids=str)


@every_brick
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 1), (2, 3), (7, 8), (8, 7), (33, 12)], ids=str)
def test_output_is_as_large_as_stated(case: Case2d, size: tuple[int, int]) -> None:
    brick = case.build()
    size = (case.bins or size[0], size[1])
    output = brick(case.frames(*size))
    assert output.dim() == 4 and output.shape[0] == 2
    assert tuple(output.shape[2:]) == output_size(brick, *size)
    stride = case.arguments.get("stride", 1)
    stride = (stride, stride) if isinstance(stride, int) else stride
    assert output_size(brick, *size) == tuple(-(-length // step) for length, step in zip(size, stride, strict=True))


@every_brick
def test_receptive_field_measured_by_gradients_is_the_stated_one(case: Case2d) -> None:
    brick = case.build()
    bins, frames = brick.receptive_field
    signal = torch.rand(1, case.channels, case.bins or 3 * bins + 4, 3 * frames + 4, dtype=torch.float64)
    num_bins, num_frames = output_size(brick, *signal.shape[2:])
    copied = without_statistics(brick)
    for position in ((num_bins // 2, num_frames // 2), (num_bins // 2 + 1, num_frames // 2 - 1)):
        spans = seen_2d(copied, signal, position)
        assert tuple(last - first + 1 for first, last in spans) == (bins, frames)
        strides = [
            round(length / count) for length, count in zip(signal.shape[2:], (num_bins, num_frames), strict=True)
        ]
        centre = [index * step for index, step in zip(position, strides, strict=True)]
        assert case.bins is not None or sum(spans[0]) == 2 * centre[0], "centred over bins"
        assert spans[1][1] == centre[1] if brick.causal else sum(spans[1]) == 2 * centre[1]


@causal_bricks
def test_a_causal_brick_does_not_look_ahead(case: Case2d) -> None:
    brick = case.build()
    frames, now = case.frames(9, 40), 12
    num_outputs = output_size(brick, 9, now + 1)[1]  # of the frames up to now
    changed = frames.clone()
    changed[..., now + 1 :] += 10
    expected = brick(frames)[..., :num_outputs]
    torch.testing.assert_close(brick(changed)[..., :num_outputs], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(brick(frames[..., : now + 1]), expected, rtol=0, atol=1e-6)


@torch.no_grad()
@causal_bricks
@pytest.mark.parametrize("seed", range(6))
def test_pieces_are_the_whole(case: Case2d, seed: int) -> None:
    brick, frames = case.build(), case.frames(9, 47)
    sizes = [[47], [1] * 47, [0, 47, 0]][seed] if seed < 3 else random_sizes(47, seed)
    whole = brick(frames)
    torch.testing.assert_close(in_pieces(brick, frames, sizes), whole, rtol=0, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        error = in_pieces(brick, frames, sizes) - brick(frames)
    assert error.square().sum() < 1e-4 * whole.square().sum()


@pytest.mark.parametrize("case", [case for case in CASES_2D if not case.build().causal], ids=str)
def test_a_brick_that_looks_ahead_says_so_when_its_state_is_asked_for(case: Case2d) -> None:
    with pytest.raises(InputError, match=r"^\w+ cannot run on a live signal: [^\n]+$"):
        initial_state(case.build(), 1)


@every_brick
@pytest.mark.parametrize("level", [0.0, 1e-4, 1e4])
def test_gradients_are_finite_at_any_level_and_in_silence(case: Case2d, level: float) -> None:
    brick = case.build().train()
    for batch, num_bins, num_frames in ((2, 9, 12), (1, 9, 1), (1, 1, 12)):
        brick.zero_grad()
        frames = (level * case.frames(num_bins, num_frames, batch)).requires_grad_()
        output = brick(frames)
        output.abs().sum().backward()
        assert output.isfinite().all()
        gradients = {name: parameter.grad for name, parameter in brick.named_parameters()}
        for name, gradient in {"frames": frames.grad, **gradients}.items():
            assert gradient is not None and gradient.isfinite().all(), name
        for name, buffer in brick.named_buffers():
            assert buffer.isfinite().all(), name


@every_brick
def test_in_evaluation_a_sample_is_the_same_in_any_batch(case: Case2d) -> None:
    brick, frames = case.build(), case.frames(9, 12, batch=3)
    torch.testing.assert_close(brick(frames)[1:2], brick(frames[1:2]), rtol=0, atol=1e-5)


@every_brick
def test_channels_last_is_kept_and_gives_the_same_output(case: Case2d) -> None:
    brick, frames = case.build(), case.frames(9, 12)
    output = brick(frames.contiguous(memory_format=torch.channels_last))
    assert output.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(output, brick(frames), rtol=0, atol=1e-5)


@every_brick
def test_state_dict_round_trip(case: Case2d) -> None:
    brick, other, frames = case.build(), case.build(), case.frames(9, 12)
    brick.train()(frames)  # running statistics of its own
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.normal_()
    assert not torch.equal(other(frames), brick.eval()(frames))
    other.load_state_dict(brick.state_dict(), strict=True)
    torch.testing.assert_close(other(frames), brick(frames), rtol=0, atol=0)


@every_brick
def test_bfloat16_autocast_is_finite_and_near(case: Case2d) -> None:
    brick, frames = case.build(), case.frames(9, 12)
    expected = brick(frames)
    for entering in (frames, frames.bfloat16()):
        with torch.autocast("cpu", torch.bfloat16):
            output = brick(entering)
        assert output.isfinite().all()
        assert (output.float() - expected).square().mean() < 1e-3 * expected.square().mean()


@every_brick
def test_training_step_is_one_graph_for_any_size(case: Case2d) -> None:
    torch._dynamo.reset()
    brick = case.build().train()
    compiled = torch.compile(brick, fullgraph=case.one_graph, dynamic=True, backend="eager")
    for size in ((9, 12), (8, 13)):
        frames = case.frames(*size)
        torch.testing.assert_close(compiled(frames), brick(frames), rtol=0, atol=1e-5)


@every_brick
def test_exported_program_takes_any_size(case: Case2d) -> None:
    brick, frames = case.build(), case.frames(9, 12)
    dynamic = {0: Dim("batch"), 2: Dim("bins", min=4), 3: Dim("frames", min=4)}  # more than one output bin and frame
    if case.bins is not None:
        del dynamic[2]
    with torch.no_grad():
        traced = lower_recurrences(brick, "program")
        program = torch.export.export(traced, (frames,), dynamic_shapes=(dynamic,)).module()
    for other in (frames, case.frames(33, 4, batch=3)):
        torch.testing.assert_close(program(other), brick(other), rtol=0, atol=1e-5)

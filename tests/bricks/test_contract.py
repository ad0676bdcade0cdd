"""What every brick promises, held for every entry of `BRICKS`: a new brick adds a row to `CASES`.

Those of `(B, C, F, K)` are in `test_contract_2d.py`.
"""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from separator.bricks import BRICKS
from separator.bricks.stepping import initial_state, map_tensors
from separator.errors import InputError
from tests.bricks.stepping import in_pieces, random_sizes
from tests.bricks.test_contract_2d import CASES_2D
from tests.receptive_field import measured_receptive_field, seen, without_statistics


def _plain(brick: Any, frames: Tensor) -> Any:
    return brick(frames)


def _decode(brick: Any, frames: Tensor) -> Any:
    return brick(frames, brick.output_length(frames.shape[2]))


def output_length(brick: Any, num_frames: int) -> int:
    """Return the length of a brick's output: that of its input, unless it says another."""
    return brick.output_length(num_frames) if hasattr(brick, "output_length") else num_frames


def _skip_output(brick: Any, frames: Tensor) -> Any:
    return brick(frames)[1]


@dataclass(frozen=True)
class Case:
    """One brick with its arguments.

    Args:
        name: Key of `BRICKS`.
        arguments: Keyword arguments of the brick.
        channels: Channels of its input.
        call: How it is called with its input.
        shortest: Fewest input frames it takes.
        dtype: Of its input.
        any_length: Whether an exported program takes other lengths than its example's: not where torch's own operations
            are traced for one length.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    channels: int = 4
    call: Callable[[Any, Tensor], Any] = _plain
    shortest: int = 1
    dtype: torch.dtype = torch.float32
    any_length: bool = True

    def build(self) -> Any:
        torch.manual_seed(0)
        return BRICKS[self.name](**self.arguments).eval()

    def frames(self, num_frames: int) -> Tensor:
        return torch.randn(2, self.channels, num_frames, dtype=self.dtype)

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.arguments.items())])


_DILATED = {"in_channels": 4, "out_channels": 4}
_FRAMING = {"channels": 2, "num_filters": 4, "kernel_size": 16, "stride": 8}
_STFT = {"window_length": 16, "hop_length": 4, "channels": 2}
_BLOCK = {"channels": 4, "hidden_channels": 6, "skip_channels": 3}
_STACK = _BLOCK | {"num_blocks": 3, "num_repeats": 2}
_CAUSAL = {"norm": "cLN", "causal": True}
_CONVNEXT = {"channels": 4, "kernel_size": 5, "num_blocks": 3, "num_repeats": 2}
_SCALED = {"layer_scale": 0.5}

CASES = [
    Case("conv1d-encoder", _FRAMING, channels=2),
    Case("conv1d-encoder", _FRAMING | {"activation": "relu", "edge_padding": "asteroid"}, channels=2, any_length=False),
    Case("conv1d-encoder", _FRAMING | {"edge_padding": "naplab"}, channels=2),
    Case("conv1d-decoder", _FRAMING, call=_decode, shortest=2),
    Case("conv1d-decoder", _FRAMING | {"edge_padding": "asteroid"}, call=_decode),
    Case("conv1d-decoder", _FRAMING | {"kernel_size": 17, "stride": 5}, call=_decode, shortest=2),
    Case("stft-encoder", {"window_length": 16, "hop_length": 4}, channels=2, any_length=False),
    Case("stft-encoder", {"window_length": 16, "hop_length": 8}, channels=1),
    Case("stft-decoder", _STFT, channels=18, call=_decode, shortest=2, dtype=torch.complex64, any_length=False),
    Case("dilated-conv1d", _DILATED | {"kernel_size": 3}),
    Case("dilated-conv1d", _DILATED | {"kernel_size": 5, "dilation": 3, "groups": 4}),
    Case("dilated-conv1d", _DILATED | {"kernel_size": 2, "dilation": 4, "causal": True}),
    Case("dilated-conv1d", _DILATED | {"kernel_size": 3, "dilation": 2, "groups": 4, "causal": True}),
    Case("depthwise-separable-conv1d", _DILATED | {"kernel_size": 3, "dilation": 2}),
    Case("depthwise-separable-conv1d", _DILATED | {"kernel_size": 4, "causal": True}),
    Case("global-layer-norm", {"channels": 4}),
    Case("cumulative-layer-norm", {"channels": 4}),
    Case("temporal-block", {"in_channels": 4, "out_channels": 5, "kernel_size": 3, "dilation": 2}),
    Case("temporal-conv-net", {"in_channels": 4, "level_channels": (4, 6, 3), "kernel_size": 2}),
    Case("separable-block", _BLOCK | {"dilation": 3}, call=_skip_output),
    Case("separable-block", _BLOCK | {"kernel_size": 2} | _CAUSAL, call=_skip_output),
    Case("separable-tcn", _STACK),
    Case("separable-tcn", _STACK | {"kernel_size": 4} | _CAUSAL),
    Case("convnext-block-1d", {"in_channels": 4} | _SCALED),
    Case("convnext-block-1d", {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "dilation": 4} | _SCALED),
    Case("convnext-block-1d", {"in_channels": 4, "kernel_size": 4, "dilation": 2, "causal": True} | _SCALED),
    Case("convnext-tcn", _CONVNEXT | _SCALED),
    Case("convnext-tcn", _CONVNEXT | {"kernel_size": 4, "causal": True} | _SCALED),
]

CAUSAL_CASES = [case for case in CASES if getattr(case.build(), "causal", False)]
STEPPING_CASES = [case for case in CASES if case in CAUSAL_CASES or "coder" in case.name]
WINDOWED_CASES = [case for case in CASES if "layer-norm" not in case.name]
"""Without the norms, whose receptive field is one frame and their statistics: tests/bricks/test_norm.py."""

every_brick = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_brick_has_a_case() -> None:
    one_dimension, two_dimensions = {case.name for case in CASES}, {case.name for case in CASES_2D}
    assert one_dimension | two_dimensions == set(BRICKS)
    assert not one_dimension & two_dimensions


@every_brick
def test_output_is_as_long_as_stated(case: Case) -> None:
    brick = case.build()
    for num_frames in (case.shortest, case.shortest + 1, 7, 8, 33):
        output = case.call(brick, case.frames(num_frames))
        assert output.shape[-1] == output_length(brick, num_frames), f"{num_frames} frames in"
        assert output.shape[0] == 2 and output.dim() == 3


@pytest.mark.parametrize("case", WINDOWED_CASES, ids=str)
def test_receptive_field_measured_by_gradients_is_the_stated_one(case: Case) -> None:
    brick = case.build()
    copied = without_statistics(brick)
    double = torch.complex128 if case.dtype.is_complex else torch.float64
    frames = torch.rand(1, case.channels, case.shortest + 4 * brick.receptive_field, dtype=double)
    middle = output_length(brick, frames.shape[2]) // 2
    width = measured_receptive_field(
        lambda signal: case.call(copied, signal), frames, range(max(middle - 4, 0), middle + 4)
    )
    assert width == brick.receptive_field


@pytest.mark.parametrize("case", CAUSAL_CASES, ids=str)
def test_a_causal_brick_does_not_look_ahead(case: Case) -> None:
    brick = case.build()
    frames, now = case.frames(40), 20
    changed = frames.clone()
    changed[:, :, now + 1 :] += 10
    torch.testing.assert_close(
        case.call(brick, changed)[:, :, : now + 1], case.call(brick, frames)[:, :, : now + 1], rtol=0, atol=1e-6
    )
    assert seen(lambda signal: case.call(brick.double(), signal), frames.double(), now)[1] == now


@torch.no_grad()
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("case", STEPPING_CASES, ids=str)
def test_pieces_are_the_whole(case: Case, seed: int) -> None:
    brick = case.build()
    frames = case.frames(97)
    sizes = [[97], [1] * 97, [0, 97, 0]][seed] if seed < 3 else random_sizes(97, seed)
    whole = case.call(brick, frames)
    pieces = in_pieces(brick, frames, sizes)
    # A decoder's last frame ends after what the length that is asked for holds.
    torch.testing.assert_close(pieces[..., : whole.shape[-1]], whole, rtol=0, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        error = in_pieces(brick, frames, sizes)[..., : whole.shape[-1]] - case.call(brick, frames)
    assert error.abs().square().sum() < 1e-4 * whole.abs().square().sum()


@torch.no_grad()
@pytest.mark.parametrize("case", STEPPING_CASES, ids=str)
def test_a_step_leaves_the_state_it_is_given_and_states_join(case: Case) -> None:
    brick, frames = case.build(), case.frames(60)
    _, state = brick.step(frames[..., :23], brick.initial_state(2))
    before, again = copy.deepcopy(state), pickle.loads(pickle.dumps(state))
    first, _ = brick.step(frames[..., 23:], state)
    map_tensors(_assert_equal, state, before)
    second, _ = brick.step(frames[..., 23:], again)
    torch.testing.assert_close(second, first, rtol=0, atol=0)
    rows = []
    for row in frames.split(1):
        _, each = brick.step(row[..., :23], brick.initial_state(1))
        rows.append(each)
    joined, _ = brick.step(frames[..., 23:], map_tensors(lambda *each: torch.cat(each), *rows))
    torch.testing.assert_close(joined, first, rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case not in STEPPING_CASES], ids=str)
def test_a_brick_that_looks_ahead_says_so_when_its_state_is_asked_for(case: Case) -> None:
    with pytest.raises(InputError, match=r"^\w+ cannot run on a live signal: [^\n]+$"):
        initial_state(case.build(), 1)


def _assert_equal(found: Tensor, expected: Tensor) -> Tensor:
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    return found


@every_brick
@pytest.mark.parametrize("level", [0.0, 1e-4, 1.0, 1e4])
def test_gradients_are_finite_at_any_level_and_in_silence(case: Case, level: float) -> None:
    brick = case.build().train()
    frames = (level * case.frames(33)).requires_grad_()
    output = case.call(brick, frames)
    output.abs().sum().backward()
    assert output.isfinite().all()
    gradients = {name: parameter.grad for name, parameter in brick.named_parameters() if "residual" not in name}
    for name, gradient in {"frames": frames.grad, **gradients}.items():
        assert gradient is not None and gradient.isfinite().all(), name


@every_brick
def test_state_dict_round_trip(case: Case) -> None:
    brick, other, frames = case.build(), case.build(), case.frames(33)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.normal_()
    other.load_state_dict(brick.state_dict(), strict=True)
    torch.testing.assert_close(case.call(other, frames), case.call(brick, frames), rtol=0, atol=0)


@every_brick
def test_bfloat16_autocast_is_finite_and_near(case: Case) -> None:
    brick, frames = case.build(), case.frames(33)
    expected = case.call(brick, frames)
    with torch.autocast("cpu", torch.bfloat16):
        output = case.call(brick, frames)
    output = output if output.is_complex() else output.float()
    assert output.isfinite().all()
    assert (output - expected).abs().square().mean() < 1e-3 * expected.abs().square().mean()


class _Called(nn.Module):
    """A brick with the way it is called, as one module: what `torch.export` takes."""

    def __init__(self, brick: nn.Module, call: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.brick, self.call = brick, call

    def forward(self, frames: Tensor) -> Any:
        return self.call(self.brick, frames)


@every_brick
def test_exported_program_gives_the_same_output_at_any_length(case: Case) -> None:
    module, frames = _Called(case.build(), case.call), case.frames(33)
    dynamic = {0: Dim("batch")} | ({2: Dim("frames", min=16)} if case.any_length else {})
    with torch.no_grad():
        program = torch.export.export(module, (frames,), dynamic_shapes=(dynamic,)).module()
    for num_frames in (33, 16, 50) if case.any_length else (33,):
        frames = case.frames(num_frames)
        torch.testing.assert_close(program(frames), module(frames), rtol=0, atol=1e-6)

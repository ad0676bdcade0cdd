"""Norms against `nn.GroupNorm` and against the paper's sums, frame by frame."""

import pytest
import torch
from torch import Tensor, nn

from separator.bricks.norm import NORMS, CumulativeLayerNorm, GlobalLayerNorm, make_norm
from separator.errors import InputError
from tests.receptive_field import seen


def _with_random_affine(norm: GlobalLayerNorm | CumulativeLayerNorm) -> None:
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()


def _cumulative_by_loop(frames: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    output = torch.empty_like(frames)
    for example in range(frames.shape[0]):
        for k in range(frames.shape[2]):
            past = frames[example, :, : k + 1]
            mean = past.sum() / past.numel()
            variance = ((past - mean) ** 2).sum() / past.numel()
            output[example, :, k] = weight * (frames[example, :, k] - mean) / (variance + eps) ** 0.5 + bias
    return output


@pytest.mark.parametrize("shape", [(2, 1, 9), (3, 7, 1), (2, 16, 50)])
def test_global_is_group_norm_of_one_group(shape: tuple[int, int, int]) -> None:
    norm, reference = GlobalLayerNorm(shape[1]), nn.GroupNorm(1, shape[1], eps=1e-8)
    _with_random_affine(norm)
    reference.load_state_dict(norm.state_dict())
    frames = 3 * torch.randn(shape) + 2
    torch.testing.assert_close(norm(frames), reference(frames), rtol=0, atol=0)


@pytest.mark.parametrize("kind", NORMS)
def test_a_single_value_becomes_the_bias(kind: str) -> None:
    norm = make_norm(kind, 1, causal=False)
    norm.load_state_dict({"weight": torch.tensor([3.0]), "bias": torch.tensor([0.5])})
    torch.testing.assert_close(norm(torch.full((1, 1, 1), 7.0)), torch.full((1, 1, 1), 0.5))


def test_global_is_the_formula() -> None:
    norm = GlobalLayerNorm(5)
    _with_random_affine(norm)
    frames = 3 * torch.randn(2, 5, 40) + 2
    for example, output in zip(frames, norm(frames), strict=True):
        centred = example - example.mean()
        expected = norm.weight[:, None] * centred / ((centred**2).mean() + 1e-8).sqrt() + norm.bias[:, None]
        torch.testing.assert_close(output, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 9), (3, 7, 1), (2, 16, 50)])
def test_cumulative_is_the_sum_over_all_past_frames(shape: tuple[int, int, int]) -> None:
    norm = CumulativeLayerNorm(shape[1])
    _with_random_affine(norm)
    frames = 3 * torch.randn(shape) + 2
    expected = _cumulative_by_loop(frames.double(), norm.weight, norm.bias, norm.eps)
    # One channel: the first frame is its own mean, and only ε is left to divide rounding errors by.
    first = 1 if shape[1] == 1 else 0
    torch.testing.assert_close(norm(frames)[:, :, first:], expected.float()[:, :, first:], rtol=1e-4, atol=1e-4)


def test_cumulative_stays_exact_over_ten_minutes_of_frames_far_from_zero() -> None:
    frames = torch.randn(1, 4, 600_000) + 50
    output = CumulativeLayerNorm(4)(frames)
    for k in (0, 1, 1000, 99_999, 599_999):
        past = frames[:, :, : k + 1].double()
        expected = (past[:, :, -1] - past.mean()) / (past.var(correction=0) + 1e-8).sqrt()
        torch.testing.assert_close(output[:, :, k], expected.float(), rtol=1e-4, atol=1e-4)


def test_last_frame_of_cumulative_is_that_of_global() -> None:
    frames = torch.randn(2, 6, 30)
    torch.testing.assert_close(
        CumulativeLayerNorm(6)(frames)[:, :, -1], GlobalLayerNorm(6)(frames)[:, :, -1], rtol=0, atol=1e-5
    )


def test_statistics_reach_everything_in_global_and_the_past_in_cumulative() -> None:
    frames = torch.randn(1, 3, 20, dtype=torch.float64)
    assert seen(GlobalLayerNorm(3).double(), frames, 8) == (0, 19)
    assert seen(CumulativeLayerNorm(3).double(), frames, 8) == (0, 8)


@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0, 1e4])
def test_half_precision_frames_have_float32_statistics(kind: str, level: float) -> None:
    norm = make_norm(kind, 64, causal=False)
    frames = (level * (torch.randn(2, 64, 2000) + 3)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        output = norm(frames)
    assert output.isfinite().all()
    torch.testing.assert_close(output.float(), norm(frames.float()), rtol=2**-7, atol=2**-7)


def test_causal_global_norm_is_refused() -> None:
    with pytest.raises(InputError, match=r"norm: expected 'cLN'.*found 'gLN'"):
        make_norm("gLN", 4, causal=True)


def test_unknown_norm_is_refused() -> None:
    with pytest.raises(InputError, match="norm: expected one of gLN, cLN, frameLN, found 'batch'"):
        make_norm("batch", 4, causal=False)


def test_no_channels_is_refused() -> None:
    with pytest.raises(InputError, match="channels must be at least 1, found 0"):
        make_norm("cLN", 0, causal=True)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 7, 1), (2, 16, 50)])
def test_of_each_frame_is_layer_norm_over_its_channels(shape: tuple[int, int, int]) -> None:
    norm, reference = make_norm("frameLN", shape[1], causal=True), nn.LayerNorm(shape[1], eps=1e-8)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    reference.load_state_dict(norm.state_dict())
    frames = 3 * torch.randn(shape) + 2
    torch.testing.assert_close(norm(frames), reference(frames.transpose(1, 2)).transpose(1, 2), rtol=0, atol=1e-6)
    assert (norm(frames[..., :1]) == norm(frames)[..., :1]).all()

"""The faster step against the model's own, and which models have one."""

import pytest
import torch

from separator.inference.fused import fuse_for_steps
from separator.inference.fused.stepping_tcn import SteppingTCN
from tests.bricks.stepping import in_pieces, random_sizes
from tests.inference.fused.grown import grow
from tests.models.test_contract import SMALL, every_model

CPU = torch.device("cpu")


@torch.inference_mode()
@every_model
@pytest.mark.parametrize("level", [0.0, 1e-5, 1.0])
def test_a_copy_steps_as_its_model(small: object, level: float) -> None:
    model = grow(small.build(causal=True, num_sources=3, channels=2))  # type: ignore[attr-defined]
    fused, mixture = fuse_for_steps(model, CPU, torch.float32), level * torch.randn(3, 2, 997)
    expected = model(mixture)
    for sizes in ([997], [0, 997], random_sizes(997, 3)):
        found = in_pieces(fused, mixture, sizes)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max())))


@pytest.mark.parametrize("name", SMALL)
def test_which_models_have_a_faster_tcn(name: str) -> None:
    fused = fuse_for_steps(SMALL[name].build(causal=True), CPU, torch.float32)
    has_one = any(isinstance(module, SteppingTCN) for module in fused.modules())
    assert has_one == (name in ("conv_tasnet", "stft_tcn"))
    half = fuse_for_steps(SMALL[name].build(causal=True), CPU, torch.bfloat16)
    assert not any(isinstance(module, SteppingTCN) for module in half.modules())


@torch.inference_mode()
@pytest.mark.parametrize("block_kernel_size", [1, 2, 5])
def test_kernels_of_any_length(block_kernel_size: int) -> None:
    model, mixture = SMALL["conv_tasnet"].build(True, block_kernel_size=block_kernel_size), torch.randn(2, 1, 500)
    fused = fuse_for_steps(model, CPU, torch.float32)
    for sizes in ([500], [1] * 500, random_sizes(500, 5)):
        torch.testing.assert_close(in_pieces(fused, mixture, sizes), model(mixture), rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("level", [1e16, 1e19, 1e25])
def test_frames_whose_power_float32_does_not_hold_give_no_number_and_no_error(level: float) -> None:
    tcn = SMALL["stft_tcn"].build(causal=True).masker.masker.tcn
    frames = level * torch.randn(1, 6, 20)
    found, _ = SteppingTCN(tcn).step(frames, SteppingTCN(tcn).initial_state(1))
    expected = tcn(frames) if level < 1e18 else torch.full_like(found, torch.nan)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4, equal_nan=True)


@torch.inference_mode()
def test_the_past_is_kept_frame_by_frame_and_in_float64() -> None:
    tcn = SMALL["stft_tcn"].build(causal=True).masker.masker.tcn
    fused, frames = SteppingTCN(tcn), torch.randn(1, 6, 500) + 5
    reference, state = tcn.initial_state(1), fused.initial_state(1)
    for piece in frames.split(1, dim=2):
        expected, reference = tcn.step(piece, reference)
        found, state = fused.step(piece, state)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert state.sums.dtype == torch.float64

"""Phase advances beside closed forms of tones, pulses and silence."""

import math

import pytest
import torch

from separator.bricks import STFTEncoder
from separator.bricks.phase import PhaseAdvance
from tests.bricks.stepping import in_pieces, random_sizes

WINDOW, RATE, BIN = 512, 16000, 40


@pytest.mark.parametrize("hop", [128, 256])
@pytest.mark.parametrize("hertz_from_bin", [-12.0, 0.0, 9.0])
def test_over_frames_it_is_how_far_a_tone_lies_from_the_middle_of_its_bin(hop: int, hertz_from_bin: float) -> None:
    hertz = BIN * RATE / WINDOW + hertz_from_bin
    tone = torch.cos(2 * math.pi * hertz / RATE * torch.arange(8000)).view(1, 1, -1)
    cosine, sine = PhaseAdvance(WINDOW, hop)(STFTEncoder(WINDOW, hop)(tone))[0, 0, :2, BIN, 4:-4]
    turn = 2 * math.pi * hertz_from_bin * hop / RATE
    assert torch.allclose(cosine, torch.full_like(cosine, math.cos(turn)), atol=2e-3)
    assert torch.allclose(sine, torch.full_like(sine, math.sin(turn)), atol=2e-3)


@pytest.mark.parametrize("samples_late", [-60, 0, 100])
def test_over_bins_it_is_how_far_a_pulse_lies_from_the_middle_of_its_frame(samples_late: int) -> None:
    pulse = torch.zeros(1, 1, 4096)
    pulse[0, 0, 2048 + samples_late] = 1.0  # frame 8 has its middle at 2,048
    cosine, sine = PhaseAdvance(WINDOW, 256)(STFTEncoder(WINDOW, 256)(pulse))[0, 0, 2:, 1:, 8]
    turn = -2 * math.pi * samples_late / WINDOW
    assert torch.allclose(cosine, torch.full_like(cosine, math.cos(turn)), atol=1e-3)
    assert torch.allclose(sine, torch.full_like(sine, math.sin(turn)), atol=1e-3)


def test_silence_has_no_direction_and_gradients_are_finite() -> None:
    frames = torch.zeros(1, 257, 5, dtype=torch.complex64, requires_grad=True)
    advance = PhaseAdvance(WINDOW, 256)(frames)
    assert float(advance.detach().abs().max()) == 0
    advance.square().sum().backward()
    assert frames.grad is not None and bool(torch.isfinite(frames.grad.abs()).all())


def test_it_is_the_same_in_another_precision() -> None:
    frames = torch.randn(1, 9, 20, dtype=torch.complex128)
    found = PhaseAdvance(16, 4).double()(frames)
    torch.testing.assert_close(found.float(), PhaseAdvance(16, 4)(frames.to(torch.complex64)), atol=1e-4, rtol=0)


def test_pieces_give_what_the_whole_gives_of_several_channels() -> None:
    frames = torch.randn(2, 2 * 9, 40, dtype=torch.complex64)
    brick = PhaseAdvance(16, 8)
    whole = brick(frames)
    assert whole.shape == (2, 2, 4, 9, 40)
    torch.testing.assert_close(in_pieces(brick, frames, random_sizes(40, seed=1)), whole)

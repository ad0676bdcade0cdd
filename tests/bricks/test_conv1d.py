"""The learned basis against sums over segments, and its edges against signals whose answer is known."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from separator.bricks.conv1d import Conv1dDecoder, Conv1dEncoder
from separator.errors import InputError

LENGTHS = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1000]
GEOMETRIES = [(16, 8), (2, 1), (17, 8), (16, 5), (8, 8)]


def _identity_pair(kernel_size: int, stride: int, edge_padding: Any) -> tuple[Conv1dEncoder, Conv1dDecoder]:
    """Frames are the segments themselves, and the decoder adds them up."""
    encoder = Conv1dEncoder(1, kernel_size, kernel_size, stride, edge_padding=edge_padding)
    decoder = Conv1dDecoder(1, kernel_size, kernel_size, stride, edge_padding=edge_padding)
    with torch.no_grad():
        encoder.basis.weight.copy_(torch.eye(kernel_size).unsqueeze(1))
        decoder.basis.weight.copy_(torch.eye(kernel_size).unsqueeze(1))
    return encoder, decoder


@torch.no_grad()
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize("edge_padding", ["torchaudio", "asteroid"])
def test_encoder_is_the_product_of_segments_and_basis(channels: int, activation: Any, edge_padding: Any) -> None:
    encoder = Conv1dEncoder(channels, 6, 16, 8, activation, edge_padding)
    waveform = torch.randn(2, channels, 80)
    padded = functional.pad(waveform, (8, 8)) if edge_padding == "torchaudio" else waveform
    segments = torch.stack([padded[:, :, start : start + 16] for start in range(0, padded.shape[2] - 15, 8)])
    expected = torch.einsum("kbcl,ncl->bnk", segments, encoder.basis.weight)
    expected = expected.relu() if activation == "relu" else expected
    torch.testing.assert_close(encoder(waveform), expected, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("edge_padding", "edge"), [("torchaudio", 8), ("asteroid", 0)])
def test_decoder_adds_up_segments(channels: int, edge_padding: Any, edge: int) -> None:
    decoder = Conv1dDecoder(channels, 6, 16, 8, edge_padding)
    frames = torch.randn(2, 6, 10)
    summed = torch.zeros(2, channels, 9 * 8 + 16)
    for k in range(10):
        summed[:, :, 8 * k : 8 * k + 16] += torch.einsum("bn,ncl->bcl", frames[:, :, k], decoder.basis.weight)
    length = summed.shape[2] - 2 * edge
    assert decoder.output_length(10) == length
    torch.testing.assert_close(decoder(frames, length), summed[:, :, edge : edge + length], rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kernel_size", [2, 16, 32])
def test_torchaudio_edges_give_every_sample_back_from_two_frames(kernel_size: int, length: int) -> None:
    encoder, decoder = _identity_pair(kernel_size, kernel_size // 2, "torchaudio")
    waveform = torch.randn(2, 1, length)
    frames = encoder(waveform)
    assert frames.shape[2] == encoder.output_length(length) == -(-length // (kernel_size // 2)) + 1
    torch.testing.assert_close(decoder(frames, length), 2 * waveform)


@torch.no_grad()
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("kernel_size", "stride"), GEOMETRIES)
def test_asteroid_edges_have_whole_frames_only_and_a_silent_tail(kernel_size: int, stride: int, length: int) -> None:
    encoder, decoder = _identity_pair(kernel_size, stride, "asteroid")
    waveform = torch.randn(2, 1, length)
    starts = range(0, max(length - kernel_size, 0) + 1, stride)
    seen_by = torch.zeros(length)
    for start in starts:
        seen_by[start : start + kernel_size] += 1
    frames = encoder(waveform)
    assert frames.shape[2] == encoder.output_length(length) == len(starts)
    torch.testing.assert_close(decoder(frames, length), waveform * seen_by)


@torch.no_grad()
@pytest.mark.parametrize("edge_padding", ["torchaudio", "asteroid"])
@pytest.mark.parametrize(("kernel_size", "stride"), GEOMETRIES)
def test_output_is_exactly_as_long_as_asked_for(kernel_size: int, stride: int, edge_padding: Any) -> None:
    encoder = Conv1dEncoder(2, 3, kernel_size, stride, edge_padding=edge_padding)
    decoder = Conv1dDecoder(2, 3, kernel_size, stride, edge_padding)
    for length in LENGTHS:
        frames = encoder(torch.randn(1, 2, length))
        assert frames.shape == (1, 3, encoder.output_length(length))
        assert decoder(frames, length).shape == (1, 2, length)


def _tail(edge_padding: Any) -> Tensor:
    torch.manual_seed(0)
    encoder, decoder = Conv1dEncoder(1, 4, 16, 8, edge_padding=edge_padding), Conv1dDecoder(1, 4, 16, 8, edge_padding)
    output: Tensor = decoder(encoder(torch.ones(1, 1, 37)), 37)[0, 0, 32:]
    return output


def test_only_asteroid_leaves_the_tail_silent() -> None:
    assert (_tail("asteroid") == 0).all()
    assert (_tail("torchaudio") != 0).all()


def test_samples_keep_float32_under_autocast() -> None:
    encoder, decoder = Conv1dEncoder(1, 4, 16, 8), Conv1dDecoder(1, 4, 16, 8)
    waveform = torch.randn(1, 1, 100)
    expected = decoder(encoder(waveform), 100)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(decoder(encoder(waveform), 100), expected, rtol=0, atol=0)


def test_decoder_refuses_frames_of_another_length() -> None:
    with pytest.raises(ValueError, match="frames of 100 samples: expected 14, found 13"):
        Conv1dDecoder(1, 4, 16, 8)(torch.randn(1, 4, 13), 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 0}, "channels must be at least 1, found 0"),
        ({"num_filters": 0}, "num_filters must be at least 1, found 0"),
        ({"kernel_size": 0}, "kernel_size must be at least 1, found 0"),
        ({"stride": 0}, r"stride must be from 1 to kernel_size \(16\), found 0"),
        ({"stride": 17}, r"stride must be from 1 to kernel_size \(16\), found 17"),
        ({"edge_padding": "same"}, "edge_padding: expected one of torchaudio, asteroid, naplab, found 'same'"),
        ({"activation": "tanh"}, "activation: expected one of linear, relu, found 'tanh'"),
    ],
)
def test_impossible_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"channels": 1, "num_filters": 4, "kernel_size": 16, "stride": 8}
    with pytest.raises(InputError, match=message):
        Conv1dEncoder(**(arguments | change))

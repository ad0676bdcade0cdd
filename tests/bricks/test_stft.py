"""The transform against scipy's, and its exact inverse."""

import numpy as np
import pytest
import scipy.signal
import torch

from separator.bricks.stft import STFTDecoder, STFTEncoder
from separator.errors import InputError


@pytest.mark.parametrize(("window_length", "hop_length"), [(512, 256), (512, 128), (400, 100), (64, 16)])
def test_frames_are_those_of_scipy(window_length: int, hop_length: int) -> None:
    waveform = torch.randn(1, 1, 10 * window_length)
    window = np.sqrt(scipy.signal.get_window("hann", window_length))
    transform = scipy.signal.ShortTimeFFT(window, hop_length, fs=1, phase_shift=None)
    # Frame k of ours is centred on sample k·H, and so is scipy's slice k.
    expected = transform.stft(waveform[0, 0].double().numpy(), p0=0, p1=10)
    frames = STFTEncoder(window_length, hop_length)(waveform)
    np.testing.assert_allclose(frames[0, :, :10].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 255, 256, 257, 511, 512, 1000, 16001])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("window_length", "hop_length"), [(512, 256), (512, 128), (32, 8)])
def test_the_inverse_gives_the_input_back_at_any_length(
    length: int, channels: int, window_length: int, hop_length: int
) -> None:
    waveform = torch.randn(2, channels, length)
    frames = STFTEncoder(window_length, hop_length)(waveform)
    assert frames.shape == (2, channels * (window_length // 2 + 1), -(-length // hop_length) + 1)
    restored = STFTDecoder(window_length, hop_length, channels)(frames, length)
    torch.testing.assert_close(restored, waveform, atol=1e-5, rtol=0)


def test_a_single_precision_is_kept_under_autocast() -> None:
    waveform = torch.randn(1, 1, 4000)
    with torch.autocast("cpu", torch.bfloat16):
        restored = STFTDecoder(512, 256)(STFTEncoder(512, 256)(waveform), 4000)
    torch.testing.assert_close(restored, waveform, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("window_length", "hop_length"), [(511, 128), (512, 100), (512, 512), (512, 0), (0, 1)])
def test_a_geometry_without_an_inverse_is_refused(window_length: int, hop_length: int) -> None:
    with pytest.raises(InputError, match="length must"):
        STFTEncoder(window_length, hop_length)

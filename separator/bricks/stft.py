"""Short-time Fourier transform as encoder, and its exact inverse as decoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.errors import InputError


class _WindowedTransform(nn.Module):
    """Geometry shared by the transform and its inverse: a square-root Hann window on both sides."""

    window: Tensor

    def __init__(self, window_length: int, hop_length: int) -> None:
        super().__init__()
        if window_length < 2 or window_length % 2:
            raise InputError(f"window_length must be an even number of samples, found {window_length}")
        if hop_length < 1 or window_length % hop_length or hop_length > window_length // 2:
            raise InputError(
                f"hop_length must divide window_length ({window_length}) at least twice, found {hop_length}"
            )
        self.window_length = window_length
        self.hop_length = hop_length
        self.stride = hop_length
        """Samples from one frame to the next, by the name that every encoder has for it."""
        self.num_bins = window_length // 2 + 1
        self.register_buffer("window", torch.hann_window(window_length).sqrt(), persistent=False)


class STFTEncoder(_WindowedTransform):
    """Waveform to complex frames `X(f, k) = Σ_n w(n) x(n + kH - W/2) exp(-2πi f n / W)`.

    Args:
        window_length: W, in samples, even.
        hop_length: H, in samples; divides W, at most W/2.

    Shape:
        `(B, C, T)` float to `(B, C·F, K)` complex64 with `F = W/2 + 1` and `K = ceil(T / H) + 1`. The signal is
        taken as zero outside its `T` samples.

    Example:
        >>> encoder = STFTEncoder(window_length=512, hop_length=256)
        >>> frames = encoder(torch.zeros(2, 1, 16000))
        >>> frames.shape, frames.dtype
        (torch.Size([2, 257, 64]), torch.complex64)
    """

    @property
    def receptive_field(self) -> int:
        """Return the number of samples that one frame depends on: the window's, but for its first, which is zero."""
        return self.window_length - 1

    def output_length(self, num_samples: int) -> int:
        """Return the number of frames for `num_samples` samples."""
        return -(-num_samples // self.hop_length) + 1

    def forward(self, waveform: Tensor) -> Tensor:
        batch, channels, length = waveform.shape
        fill = -length % self.hop_length
        waveform = waveform.to(self.window.dtype)  # (B, C, T); there is no transform of half precision
        padded = functional.pad(waveform.flatten(0, 1), (0, fill))  # (B·C, T + fill)
        with torch.autocast(waveform.device.type, enabled=False):
            frames = torch.stft(
                padded,
                self.window_length,
                self.hop_length,
                window=self.window,
                center=True,
                pad_mode="constant",
                return_complex=True,
            )  # (B·C, F, K)
        return frames.reshape(batch, channels * self.num_bins, -1)  # (B, C·F, K)


class STFTDecoder(_WindowedTransform):
    """Complex frames back to a waveform by windowed overlap-add, divided by the sum of squared windows.

    Args:
        window_length: W of the encoder, in samples.
        hop_length: H of the encoder, in samples.
        channels: Audio channels C.

    Shape:
        `(B, C·F, K)` complex to `(B, C, length)` float32. The encoder's own frames give its input back to 1e-5.

    Source:
        Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.

    Example:
        >>> waveform = torch.linspace(-1, 1, 1000).view(1, 1, -1)
        >>> frames = STFTEncoder(window_length=64, hop_length=32)(waveform)
        >>> again = STFTDecoder(window_length=64, hop_length=32)(frames, length=1000)
        >>> torch.allclose(again, waveform, atol=1e-5)
        True
    """

    def __init__(self, window_length: int, hop_length: int, channels: int = 1) -> None:
        super().__init__(window_length, hop_length)
        self.channels = channels

    @property
    def receptive_field(self) -> int:
        """Return the number of frames that one sample depends on."""
        return self.window_length // self.hop_length

    def output_length(self, num_frames: int) -> int:
        """Return the number of samples that `num_frames` frames hold; `length` may be less."""
        return (num_frames - 1) * self.hop_length

    def forward(self, frames: Tensor, length: int) -> Tensor:
        batch = frames.shape[0]
        spectrograms = frames.reshape(batch * self.channels, self.num_bins, -1)  # (B·C, F, K)
        with torch.autocast(frames.device.type, enabled=False):
            waveform = torch.istft(
                spectrograms,
                self.window_length,
                self.hop_length,
                window=self.window,
                center=True,
                length=length,
            )  # (B·C, T)
        return waveform.reshape(batch, self.channels, length)  # (B, C, T)

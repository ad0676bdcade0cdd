"""Short-time Fourier transform as encoder, and its exact inverse as decoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.framing import OverlappingSums, WaitingSamples
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
        edge = self.window_length // 2
        return self._transform(functional.pad(waveform, (edge, -waveform.shape[2] % self.hop_length + edge)))

    def _transform(self, padded: Tensor) -> Tensor:
        """Return the frames that fit into `(B, C, t)`: `(B, C·F, K)`."""
        batch, channels, _ = padded.shape
        padded = padded.to(self.window.dtype).flatten(0, 1)  # (B·C, t); there is no transform of half precision
        with torch.autocast(padded.device.type, enabled=False):
            frames = torch.stft(
                padded, self.window_length, self.hop_length, window=self.window, center=False, return_complex=True
            )  # (B·C, F, K)
        return frames.reshape(batch, channels * self.num_bins, -1)  # (B, C·F, K)

    def initial_state(self, batch: int) -> WaitingSamples:
        """Return the state before the first sample; of one channel, which stands for any number."""
        frames = torch.zeros(batch, dtype=torch.int64, device=self.window.device)
        return WaitingSamples(self.window.new_zeros(batch, 1, self.window_length // 2), frames)

    def step(self, waveform: Tensor, state: WaitingSamples) -> tuple[Tensor, WaitingSamples]:
        """Return the frames that are complete with the next samples `(B, C, t)`, and the state behind them."""
        channels = waveform.shape[1]
        state = WaitingSamples(state.samples.expand(-1, channels, -1), state.frames)
        seen, state = state.take(waveform, self.window_length, self.hop_length)
        if seen.shape[2] == 0:
            return seen.new_zeros(seen.shape[0], channels * self.num_bins, 0, dtype=torch.complex64), state
        return self._transform(seen), state

    def finish(self, state: WaitingSamples) -> Tensor:
        """Return the frames that the end of the signal completes."""
        edge, waiting = self.window_length // 2, state.samples
        fill = (edge - waiting.shape[2]) % self.hop_length
        return self._transform(functional.pad(waiting, (0, fill + edge)))


class STFTDecoder(_WindowedTransform):
    """Complex frames back to a waveform by windowed overlap-add, divided by the sum of squared windows.

    Args:
        window_length, hop_length: Those of the encoder.
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

    def initial_state(self, batch: int) -> OverlappingSums:
        """Return the state before the first frame: of each channel, and of the squared windows.

        The first sample of a window is zero: a frame starts with its second.
        """
        overlap, early = self.window_length - self.hop_length - 1, self.window_length // 2 - 1
        return OverlappingSums.initial(self.window, batch, self.channels + 1, overlap, early)

    def step(self, frames: Tensor, state: OverlappingSums) -> tuple[Tensor, OverlappingSums]:
        """Return the samples that are complete with the next frames `(B, C·F, k)`, and the state behind them."""
        batch, _, num_frames = frames.shape
        if num_frames == 0:
            return state.sums[:, :-1, :0], state
        window = self.window[1:].unsqueeze(1)  # (W - 1, 1)
        spectrograms = frames.reshape(batch, self.channels, self.num_bins, num_frames)
        segments = torch.fft.irfft(spectrograms, self.window_length, dim=2)[:, :, 1:] * window  # (B, C, W - 1, k)
        weights = window.square().expand(batch, 1, -1, num_frames)
        covered = (num_frames - 1) * self.hop_length + self.window_length - 1
        sums = functional.fold(
            torch.cat([segments, weights], dim=1).flatten(1, 2),
            (1, covered),
            (1, self.window_length - 1),
            stride=(1, self.hop_length),
        )  # (B, C + 1, 1, covered)
        ready, state = state.add(sums.squeeze(2), num_frames * self.hop_length)
        return ready[:, :-1] / ready[:, -1:], state

    def finish(self, state: OverlappingSums) -> Tensor:
        """Return the samples that wait for frames which do not come."""
        rest = state.sums[:, :, int(state.early[0]) :]
        return rest[:, :-1] / rest[:, -1:].clamp(min=torch.finfo(rest.dtype).eps)

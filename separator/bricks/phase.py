"""What phases tell: where in its bin a tone lies, and where in its frame a pulse."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.stepping import PastFrames

POWER_FLOOR = 1e-8
"""Added to the power of a bin, 80 dB below those of a mixture at unit RMS: the phase of silence is no direction."""


class PhaseAdvance(nn.Module):
    """How much further the phase turns, over a frame and over a bin, than that of a tone and a pulse in the middle.

    Each advance is a point of the unit circle, (cosine, sine), nearer to the origin where there is hardly any sound.
    Over frames it follows from the instantaneous frequency, over bins from the group delay. Before the first frame and
    below the first bin there is silence.

    Args:
        window_length: Samples of the window, W.
        hop_length: Samples between frames, H.

    Shape:
        `(B, C·F, K)` complex to `(B, C, 4, F, K)` real: cosine and sine over frames, cosine and sine over bins.

    Source:
        Auger and Flandrin, "Improving the readability of time-frequency and time-scale representations by the
        reassignment method", 1995.

    Example:
        >>> from separator.bricks import STFTEncoder
        >>> tone = torch.cos(2 * math.pi * 1000 / 16000 * torch.arange(16000)).view(1, 1, -1)
        >>> advance = PhaseAdvance(512, 256)(STFTEncoder(512, 256)(tone))
        >>> bool((advance[0, 0, 0, 32, 2:-2] > 0.99).all())  # 1,000 Hz is the middle of bin 32
        True
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, window_length: int, hop_length: int) -> None:
        super().__init__()
        self.num_bins = window_length // 2 + 1
        # Of each bin's middle over a frame, `(F, 1)`: a cast of one complex buffer would drop its imaginary part.
        turns = 2 * math.pi * (torch.arange(self.num_bins) * hop_length % window_length / window_length).unsqueeze(1)
        self.register_buffer("cosine", turns.cos(), persistent=False)
        self.register_buffer("sine", turns.sin(), persistent=False)
        self.receptive_field = 2
        """Frames that one depends on."""

    def forward(self, frames: Tensor) -> Tensor:
        return self._advance(*(functional.pad(part, (1, 0)) for part in (frames.real, frames.imag)))

    def initial_state(self, batch: int) -> PastFrames:
        """Return the state before the first frame; of one bin, which stands for any number."""
        return PastFrames(torch.zeros(batch, 1, 1, dtype=torch.complex64, device=self.cosine.device))

    def step(self, frames: Tensor, state: PastFrames) -> tuple[Tensor, PastFrames]:
        """Return what the next frames show, and the state behind them."""
        seen = torch.cat([state.frames.expand(-1, frames.shape[1], -1), frames], dim=-1)
        return self._advance(seen.real, seen.imag), PastFrames(seen[..., -1:])

    def _advance(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Return the advances of all frames but the first, of parts `(B, C·F, 1 + K)`."""
        real, imaginary = (part.unflatten(1, (-1, self.num_bins)) for part in (real, imaginary))  # (B, C, F, 1 + K)
        scale = torch.rsqrt(real.square() + imaginary.square() + POWER_FLOOR)
        real, imaginary = real * scale, imaginary * scale
        before, now = (real[..., :-1], imaginary[..., :-1]), (real[..., 1:], imaginary[..., 1:])
        over_frames = _turn(_turn(now, before), (self.cosine, self.sine))  # (B, C, F, K) each
        below = tuple(functional.pad(part[:, :, :-1], (0, 0, 1, 0)) for part in now)
        # A pulse in the middle of the frame turns each bin's phase by half a circle.
        over_bins = tuple(-part for part in _turn(now, below))
        return torch.stack([*over_frames, *over_bins], dim=2)  # (B, C, 4, F, K)


def _turn(to: tuple[Tensor, ...], start: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Multiply complex numbers, given by their parts, with the conjugates of others."""
    return to[0] * start[0] + to[1] * start[1], to[1] * start[0] - to[0] * start[1]

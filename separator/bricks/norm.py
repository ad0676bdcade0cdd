"""Layer norms over channels and time: global (gLN), cumulative (cLN), and of each frame by itself (frameLN)."""

from dataclasses import dataclass
from typing import Literal, NoReturn, Self

import torch
from torch import Tensor, nn

from separator.bricks.sizes import check_sizes
from separator.bricks.stepping import refuse_looking_ahead
from separator.errors import InputError

NormName = Literal["gLN", "cLN", "frameLN"]


@dataclass(frozen=True)
class RunningSums:
    """State of cumulative statistics: sums over the frames so far, in float64, in which hours of frames stay exact.

    Attributes:
        count: Frames so far, of the shape of one frame of the others or one that broadcasts to it.
        mean: Sum of what the mean is of.
        power: Sum of the squares.
    """

    count: Tensor
    mean: Tensor
    power: Tensor

    @classmethod
    def initial(cls, weight: Tensor, *shape: int) -> Self:
        """Return the sums of no frame, on the device of `weight`."""
        running = torch.float32 if weight.device.type == "mps" else torch.float64
        return cls(*(torch.zeros(shape, dtype=running, device=weight.device) for _ in range(3)))

    def add(self, mean: Tensor, power: Tensor) -> tuple[Tensor, Tensor, Self]:
        """Take one frame or more along, `(..., k)`.

        Returns:
            Mean and variance up to each of them, `(..., k)`; the sums behind the last.
        """
        counts = self.count + torch.arange(1, mean.shape[-1] + 1, device=mean.device, dtype=self.count.dtype)
        means = self.mean + mean.to(self.mean.dtype).cumsum(dim=-1)
        powers = self.power + power.to(self.power.dtype).cumsum(dim=-1)
        average = means / counts
        variance = (powers / counts - average.square()).clamp(min=0)
        return average, variance, type(self)(*(each[..., -1:].clone() for each in (counts, means, powers)))


class ChannelAffineNorm(nn.Module):
    """Base of the norms: a gain γ and a bias β for each channel, and the constant that keeps silence finite.

    Args:
        channels: Number of channels.
        eps: ε, added to the variance.
    """

    receptive_field = 1
    """Frames reached apart from the statistics: of the whole input (gLN), the whole past (cLN), the frame (frameLN)."""

    causal: bool

    def __init__(self, channels: int, eps: float = 1e-8) -> None:
        super().__init__()
        check_sizes(channels=channels)
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}"


class GlobalLayerNorm(ChannelAffineNorm):
    """Global layer norm `γ (F − E[F]) / sqrt(Var[F] + ε) + β`, statistics over all channels and all frames.

    Every output frame depends on the whole input: no causal stack can hold this norm.

    Args:
        channels, eps: As for `ChannelAffineNorm`.

    Shape:
        `(B, C, K)` to `(B, C, K)`. The same values as `nn.GroupNorm(1, C, eps)`.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, eq. 14-15.

    Example:
        >>> frames = torch.tensor([[[1.0, 3.0], [5.0, 7.0]]])  # mean 4, variance 5, over channels and frames
        >>> GlobalLayerNorm(channels=2)(frames).detach()
        tensor([[[-1.3416, -0.4472],
                 [ 0.4472,  1.3416]]])
    """

    causal = False

    def forward(self, frames: Tensor) -> Tensor:
        # The kernel accumulates in float32 whatever the precision of `frames`. `nn.functional` would refuse an input
        # of a single value.
        return torch.group_norm(frames, 1, self.weight, self.bias, self.eps)  # (B, C, K)

    def initial_state(self, batch: int) -> NoReturn:
        """Raise `InputError`: it looks ahead."""
        raise refuse_looking_ahead(self, "its statistics are of all frames; expected a cumulative norm (cLN)")


class CumulativeLayerNorm(ChannelAffineNorm):
    """Cumulative layer norm: frame k is normalised by the statistics of all channels of the frames up to k.

    `γ (f_k − E[f_t≤k]) / sqrt(Var[f_t≤k] + ε) + β`. It never looks ahead, and reaches back to the first frame.

    Args:
        channels, eps: As for `ChannelAffineNorm`.

    Shape:
        `(B, C, K)` to `(B, C, K)`.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, eq. 16-17. (asteroid calls this `cgLN`; its `cLN` is a norm
        of each frame by itself.)

    Example:
        >>> frames = torch.tensor([[[1.0, 3.0], [5.0, 7.0]]])  # up to the first frame mean 3, variance 4
        >>> CumulativeLayerNorm(channels=2)(frames).detach()
        tensor([[[-1.0000, -0.4472],
                 [ 1.0000,  1.3416]]])
    """

    causal = True

    def forward(self, frames: Tensor) -> Tensor:
        return self.step(frames, self.initial_state(frames.shape[0]))[0]

    def initial_state(self, batch: int) -> RunningSums:
        """Return the state before the first frame."""
        return RunningSums.initial(self.weight, batch, 1, 1)

    def step(self, frames: Tensor, state: RunningSums) -> tuple[Tensor, RunningSums]:
        """Return the output of the next frames `(B, C, k)`, and the state behind them."""
        if frames.shape[2] == 0:
            return frames, state
        values = frames.float() if frames.dtype in (torch.bfloat16, torch.float16) else frames  # (B, C, K)
        frame_variance, frame_mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)  # (B, 1, K)
        # One number a frame: float64 costs nothing.
        frame_mean, frame_variance = frame_mean.to(state.mean.dtype), frame_variance.to(state.mean.dtype)
        mean, variance, state = state.add(frame_mean, frame_variance + frame_mean.square())  # (B, 1, K)
        inverse_deviation = (variance + self.eps).rsqrt()  # (B, 1, K)
        normalised = (values - mean.to(values.dtype)) * inverse_deviation.to(values.dtype)  # (B, C, K)
        return (normalised * self.weight.unsqueeze(1) + self.bias.unsqueeze(1)).to(frames.dtype), state


class FrameLayerNorm(ChannelAffineNorm):
    """Layer norm of each frame by itself: `γ (f_k − E[f_k]) / sqrt(Var[f_k] + ε) + β`, statistics over its channels.

    It sees no other frame, and so takes away how loud a frame is beside the others.

    Args:
        channels, eps: As for `ChannelAffineNorm`.

    Shape:
        `(B, C, K)` to `(B, C, K)`. The same values as `nn.LayerNorm(C, eps)` over the channels.

    Source:
        The norm that asteroid, SpeechBrain and kaituoxu/Conv-TasNet call "cLN", channel-wise; the paper's, which is
        cumulative, is `CumulativeLayerNorm`.

    Example:
        >>> frames = torch.tensor([[[1.0, 3.0], [5.0, 7.0]]])  # mean 3, then 5; variance 4 in both
        >>> FrameLayerNorm(channels=2)(frames).detach()
        tensor([[[-1., -1.],
                 [ 1.,  1.]]])
    """

    causal = True
    framewise = True

    def forward(self, frames: Tensor) -> Tensor:
        sizes = (self.channels,)
        normalised = torch.layer_norm(frames.transpose(1, 2), sizes, self.weight, self.bias, self.eps)  # (B, K, C)
        return normalised.transpose(1, 2)  # (B, C, K)


NORMS: dict[str, type[ChannelAffineNorm]] = {
    "gLN": GlobalLayerNorm,
    "cLN": CumulativeLayerNorm,
    "frameLN": FrameLayerNorm,
}


def check_norm(kind: str, causal: bool) -> None:
    """Raise `InputError` if `kind` is no norm, or if a causal stack cannot hold it."""
    if kind not in NORMS:
        raise InputError(f"norm: expected one of {', '.join(NORMS)}, found {kind!r}")
    if causal and not NORMS[kind].causal:
        raise InputError("norm: expected 'cLN' with causal=True (the statistics of gLN look ahead), found 'gLN'")


def make_norm(kind: str, channels: int, causal: bool) -> ChannelAffineNorm:
    """Build a norm by its name.

    Args:
        kind: "gLN", "cLN" or "frameLN".
        channels: Number of channels.
        causal: Whether it goes into a causal stack.

    Raises:
        InputError: If the name is unknown, or `causal` is asked of gLN.
    """
    check_norm(kind, causal)
    return NORMS[kind](channels)

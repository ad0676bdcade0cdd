"""Full-band mixing and a time gate, by which every band hears of all others, and every frame of the whole recording."""

import torch
from torch import Tensor, nn

from separator.bricks.conv2d import Conv2d
from separator.bricks.norm import RunningSums
from separator.bricks.sizes import check_sizes
from separator.bricks.stepping import ComposedBrick, Run, refuse_looking_ahead


class FullBandMixing(ComposedBrick):
    """Adds to every band a learned mixture of all bands, frame by frame: the harmonics of a voice lie in many.

    Channels are squeezed by a 1×1 convolution, each squeezed channel has a matrix of its own from bands to bands, and a
    1×1 convolution goes back; batch norm before the sum.

    Args:
        channels: Channels of the input.
        num_bands: Bands of the input, which the matrices are made for.
        squeezed_channels: Channels inside.

    Shape:
        `(B, channels, num_bands, K)` to the same shape.

    Raises:
        InputError: If a size is below 1.

    Source:
        Quan and Li, "SpatialNet", 2023, arXiv 2307.16516, section III-B: the full-band linear module.

    Example:
        >>> mixing = FullBandMixing(channels=16, num_bands=40)
        >>> mixing(torch.zeros(1, 16, 40, 100)).shape, mixing.receptive_field  # every band hears all 40
        (torch.Size([1, 16, 40, 100]), (40, 1))
    """

    causal = True

    def __init__(self, channels: int, num_bands: int, squeezed_channels: int = 8) -> None:
        super().__init__()
        check_sizes(num_bands=num_bands, squeezed_channels=squeezed_channels)
        self.num_bands = num_bands
        self.squeeze = Conv2d(channels, squeezed_channels, kernel_size=1)
        self.matrices = nn.Parameter(torch.empty(squeezed_channels, num_bands, num_bands))
        nn.init.orthogonal_(self.matrices.view(-1, num_bands))
        self.expand = Conv2d(squeezed_channels, channels, kernel_size=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.receptive_field = num_bands, 1
        """(bands, frames): all bands, whichever is asked for."""

    def start_as_identity(self) -> None:
        """Make it add nothing, until it has learned to."""
        nn.init.zeros_(self.norm.weight)

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        squeezed = torch.relu(run(self.squeeze, frames))  # (B, c, F, K)
        if squeezed.shape[3] == 1:  # of one frame, a product and a sum take two fifths of the time
            mixed = (self.matrices * squeezed.transpose(2, 3)).sum(dim=3, keepdim=True)  # (B, c, F, 1)
        else:
            mixed = torch.matmul(self.matrices, squeezed)  # (B, c, F, K), each channel by its own matrix
        return frames + self.norm(run(self.expand, mixed))  # (B, channels, F, K)


class TimeGate(nn.Module):
    """Multiplies every channel of every band by a gate that follows from what was heard in all frames: who is talking.

    Mean and deviation over frames of each channel and band go through two convolutions over bands and a sigmoid, twice
    which is the gate. A causal gate takes those of the frames up to each.

    Args:
        channels: Channels of the input.
        causal: Whether frame n hears of frames up to n only.

    Shape:
        `(B, channels, F, K)` to the same shape.

    Source:
        Hu, Shen and Sun, "Squeeze-and-excitation networks", arXiv 1709.01507, with statistics over time alone.

    Example:
        >>> gate = TimeGate(channels=16)
        >>> gate.start_as_identity()
        >>> bands = torch.linspace(-1, 1, 16000).view(1, 16, 10, 100)
        >>> torch.equal(gate(bands), bands)
        True
    """

    def __init__(self, channels: int, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        self.inward = Conv2d(2 * channels, channels, kernel_size=1)
        self.outward = Conv2d(channels, channels, (5, 1))
        self.receptive_field = 5, 1
        """(bands, frames) apart from the statistics, which reach the whole input, or the whole past."""

    def start_as_identity(self) -> None:
        """Make every gate 1, until it has learned another."""
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        return self._gate(frames, self._statistics(frames))

    def initial_state(self, batch: int) -> RunningSums:
        """Return the state before the first frame; `InputError` if frames ahead are heard."""
        if not self.causal:
            raise refuse_looking_ahead(self, "its statistics are of all frames (causal=False)")
        return RunningSums.initial(self.inward.weight, batch, 1, 1, 1)

    def step(self, frames: Tensor, state: RunningSums) -> tuple[Tensor, RunningSums]:
        """Return the output of the next frames `(B, channels, F, k)`, and the state behind them."""
        if frames.shape[3] == 0:
            return frames, state
        values = frames.float()
        mean, variance, state = state.add(values, values.square())
        return self._gate(frames, _mean_and_deviation(mean, variance, frames.dtype)), state

    def _gate(self, frames: Tensor, statistics: Tensor) -> Tensor:
        """Return frames under the gate from their statistics `(B, 2C, F, 1 or K)`."""
        hidden = torch.relu(self.inward(statistics))  # (B, C, F, 1 or K)
        gate = 2 * torch.sigmoid(self.outward(hidden))  # (B, C, F, 1 or K)
        return frames * gate  # (B, C, F, K)

    def _statistics(self, frames: Tensor) -> Tensor:
        """Return mean and deviation over frames, `(B, 2C, F, 1)`, or over those up to each, `(B, 2C, F, K)`."""
        values = frames.float()
        if self.causal:
            sums = RunningSums.initial(values, frames.shape[0], 1, 1, 1)
            mean, variance, _ = sums.add(values, values.square())
        else:  # twice as fast on a CPU as the variance itself
            mean, power = values.mean(dim=3, keepdim=True), values.square().mean(dim=3, keepdim=True)
            variance = (power - mean.square()).clamp(min=0)
        return _mean_and_deviation(mean, variance, frames.dtype)


def _mean_and_deviation(mean: Tensor, variance: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1).to(dtype)

"""A recurrence over frames, by which a frame hears of all others in order, or of all before it: who was talking."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from separator.bricks.sizes import check_sizes
from separator.bricks.stepping import refuse_looking_ahead


@dataclass(frozen=True)
class Memory:
    """State of an LSTM.

    Attributes:
        hidden: Its last outputs, `(B, F, H)`; before the first frame, F may be 1.
        cell: What it remembers, of the same shape.
    """

    hidden: Tensor
    cell: Tensor


class FrameRecurrence(nn.Module):
    """Adds to every band what a long short-term memory makes of its frames; all bands share one.

    Batch norm before it, a linear layer behind. It goes over the frames both ways, a causal one forwards only.

    Args:
        channels: Channels of the input.
        hidden_channels: Channels of the memory, each way.
        causal: Whether frame n hears of frames up to n only.

    Shape:
        `(B, channels, F, K)` to the same shape.

    Raises:
        InputError: If a size is below 1.

    Source:
        Hochreiter and Schmidhuber, "Long short-term memory", 1997. One for all bands: Luo and Yu, "Music source
        separation with band-split RNN", arXiv 2209.15174; Wang et al., TF-GridNet, arXiv 2211.12433, section III-C.

    Example:
        >>> import torch
        >>> recurrence = FrameRecurrence(channels=16, hidden_channels=24)
        >>> recurrence(torch.zeros(1, 16, 40, 100)).shape
        torch.Size([1, 16, 40, 100])
    """

    def __init__(self, channels: int, hidden_channels: int, causal: bool = False) -> None:
        super().__init__()
        check_sizes(hidden_channels=hidden_channels)
        self.causal = causal
        self.norm = nn.BatchNorm2d(channels)
        self.lstm = nn.LSTM(channels, hidden_channels, batch_first=True, bidirectional=not causal)
        self.project = nn.Linear(hidden_channels * (1 if causal else 2), channels)
        self.receptive_field = 1, 1
        """(bands, frames) apart from the memory, which reaches the whole input, or the whole past."""

    def start_as_identity(self) -> None:
        """Make it add nothing, until it has learned to."""
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, frames: Tensor) -> Tensor:
        return self._added(frames, self.lstm(self._rows(frames))[0])

    def initial_state(self, batch: int) -> Memory:
        """Return the state before the first frame; `InputError` if frames ahead are heard."""
        if not self.causal:
            raise refuse_looking_ahead(self, "it goes over the frames both ways (causal=False)")
        zeros = self.project.weight.new_zeros(batch, 1, self.lstm.hidden_size)
        return Memory(zeros, zeros)

    def step(self, frames: Tensor, state: Memory) -> tuple[Tensor, Memory]:
        """Return the output of the next frames `(B, channels, F, k)`, and the state behind them."""
        batch, _, bands, length = frames.shape
        if length == 0:
            return frames, state
        rows = self._rows(frames)
        before = [each.expand(-1, bands, -1).flatten(0, 1).to(rows.dtype) for each in (state.hidden, state.cell)]
        if length == 1:  # what a sequence is prepared by takes as long as a frame itself
            weights = [getattr(self.lstm, f"{kind}_l0") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            hidden, cell = torch.lstm_cell(rows[:, 0], before, *weights)  # (B·F, H) each
            heard = hidden.unsqueeze(1)
        else:
            heard, (hidden, cell) = self.lstm(rows, tuple(each.unsqueeze(0) for each in before))  # (1, B·F, H) behind
        behind = (each.view(batch, bands, -1) for each in (hidden, cell))
        return self._added(frames, heard), Memory(*behind)

    def _rows(self, frames: Tensor) -> Tensor:
        """Return what the memory hears, a row a band: `(B·F, K, channels)`."""
        return self.norm(frames).permute(0, 2, 3, 1).flatten(0, 1)

    def _added(self, frames: Tensor, heard: Tensor) -> Tensor:
        """Return frames with what the memory makes of them, `(B·F, K, H or 2H)`."""
        added = self.project(heard).unflatten(0, (frames.shape[0], frames.shape[2]))  # (B, F, K, channels)
        return frames + added.permute(0, 3, 1, 2)  # (B, channels, F, K)

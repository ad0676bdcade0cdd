"""1-D convolution encoder and decoder: a learned basis in place of a Fourier transform."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.framing import OverlappingSums, WaitingSamples
from separator.bricks.sizes import check_sizes
from separator.errors import InputError

Activation = Literal["linear", "relu"]
EdgePadding = Literal["torchaudio", "asteroid", "naplab"]


class _FrameGeometry(nn.Module):
    """Where the frames lie on the signal; the encoder and its decoder must agree on it.

    - "torchaudio": one hop of zeros before and after the signal, and as many more after it as complete the last frame.
      Every sample is seen by as many frames as any other.
    - "asteroid": no zeros. Frames lie only where a whole kernel fits, and the decoder fills what they leave uncovered
      at the end with zeros; a signal shorter than one kernel is filled up to one kernel.
    - "naplab": as "torchaudio", but the zeros after the signal complete a whole kernel that begins a hop before the
      signal does: a frame or two more.
    """

    def __init__(
        self, channels: int, num_filters: int, kernel_size: int, stride: int, edge_padding: EdgePadding
    ) -> None:
        super().__init__()
        check_sizes(channels=channels, num_filters=num_filters, kernel_size=kernel_size)
        if not 1 <= stride <= kernel_size:
            raise InputError(f"stride must be from 1 to kernel_size ({kernel_size}), found {stride}")
        if edge_padding not in get_args(EdgePadding):
            raise InputError(
                f"edge_padding: expected one of {', '.join(get_args(EdgePadding))}, found {edge_padding!r}"
            )
        self.channels = channels
        self.num_filters = num_filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.edge_padding = edge_padding
        self.edge = 0 if edge_padding == "asteroid" else stride
        """Zeros before the signal, in samples."""

    def _fill(self, num_samples: int) -> int:
        """Return the number of zeros after the signal, in samples."""
        if self.edge_padding == "naplab":
            return self.edge + self.kernel_size - (self.stride + num_samples) % self.kernel_size
        missing = self.kernel_size - num_samples - 2 * self.edge
        # sym_max, here and below: in an exported program the number of samples is no number yet.
        if self.edge_padding == "torchaudio":
            return self.edge + torch.sym_max(missing, missing % self.stride)
        return torch.sym_max(missing, 0)

    def _num_frames(self, num_samples: int) -> int:
        padded = self.edge + num_samples + self._fill(num_samples)
        return (padded - self.kernel_size) // self.stride + 1

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, edge_padding={self.edge_padding!r}"


class Conv1dEncoder(_FrameGeometry):
    """Waveform to frames on a learned basis: `w_k = H(x_k U)`, `x_k` the k-th segment of L samples.

    Computed in the precision of the basis also under autocast: samples are not rounded to half precision.

    Args:
        channels: Audio channels C.
        num_filters: Basis functions N.
        kernel_size: L, in samples.
        stride: Samples from one frame to the next; L/2 in the paper.
        activation: H: "linear" (none) or "relu".
        edge_padding: "torchaudio" (zeros around the signal, all frames complete), "asteroid" (no zeros) or "naplab".

    Shape:
        `(B, C, T)` to `(B, N, K)` for any `T ≥ 1`.

    Raises:
        InputError: If a size is below 1, the stride is larger than the kernel, or a name is unknown.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, section II-B, eq. 5.

    Example:
        >>> encoder = Conv1dEncoder(channels=1, num_filters=512, kernel_size=32, stride=16)
        >>> encoder(torch.zeros(2, 1, 16000)).shape  # a frame each 16 samples, and one at the edge
        torch.Size([2, 512, 1001])
        >>> encoder.output_length(16000), encoder.receptive_field
        (1001, 32)
    """

    def __init__(
        self,
        channels: int,
        num_filters: int,
        kernel_size: int,
        stride: int,
        activation: Activation = "linear",
        edge_padding: EdgePadding = "torchaudio",
    ) -> None:
        super().__init__(channels, num_filters, kernel_size, stride, edge_padding)
        if activation not in get_args(Activation):
            raise InputError(f"activation: expected one of {', '.join(get_args(Activation))}, found {activation!r}")
        self.activation = activation
        self.basis = nn.Conv1d(channels, num_filters, kernel_size, stride, bias=False)
        self.receptive_field = kernel_size
        """Samples that one frame sees."""

    def output_length(self, num_samples: int) -> int:
        """Return the number of frames of a signal."""
        return self._num_frames(num_samples)

    def forward(self, waveform: Tensor) -> Tensor:
        padded = functional.pad(waveform, (self.edge, self._fill(waveform.shape[2])))  # (B, C, edge + T + fill)
        return self._frames(padded)  # (B, N, K)

    def _frames(self, padded: Tensor) -> Tensor:
        with torch.autocast(padded.device.type, enabled=False):
            frames = self.basis(padded.to(self.basis.weight.dtype))  # (B, N, K)
        return frames.relu() if self.activation == "relu" else frames  # (B, N, K)

    def initial_state(self, batch: int) -> WaitingSamples:
        """Return the state before the first sample."""
        weight = self.basis.weight
        frames = torch.zeros(batch, dtype=torch.int64, device=weight.device)
        return WaitingSamples(weight.new_zeros(batch, self.channels, self.edge), frames)

    def step(self, waveform: Tensor, state: WaitingSamples) -> tuple[Tensor, WaitingSamples]:
        """Return the frames that are complete with the next samples `(B, C, t)`, and the state behind them."""
        seen, state = state.take(waveform, self.kernel_size, self.stride)
        if seen.shape[2] == 0:
            return seen.new_zeros(seen.shape[0], self.num_filters, 0), state
        return self._frames(seen), state

    def finish(self, state: WaitingSamples) -> Tensor:
        """Return the frames that the end of the signal completes."""
        num_samples = int(state.frames[0]) * self.stride + state.samples.shape[2] - self.edge
        rest = functional.pad(state.samples, (0, self._fill(num_samples)))
        if rest.shape[2] < self.kernel_size:
            return rest.new_zeros(rest.shape[0], self.num_filters, 0)
        return self._frames(rest)


class Conv1dDecoder(_FrameGeometry):
    """Frames back to a waveform: `x̂_k = d_k V`, overlapping segments summed.

    Args:
        channels, num_filters, kernel_size, stride, edge_padding: Those of the encoder.

    Shape:
        `(B, N, K)` to `(B, C, length)`, exactly, for any `length ≥ 1`.

    Raises:
        InputError: If a size is below 1, the stride is larger than the kernel, or a name is unknown.
        ValueError: If the number of frames is not that of a signal of this length.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, section II-B, eq. 6.

    Example:
        >>> decoder = Conv1dDecoder(channels=1, num_filters=512, kernel_size=32, stride=16)
        >>> decoder(torch.zeros(2, 512, 1001), length=16000).shape
        torch.Size([2, 1, 16000])
    """

    def __init__(
        self,
        channels: int,
        num_filters: int,
        kernel_size: int,
        stride: int,
        edge_padding: EdgePadding = "torchaudio",
    ) -> None:
        super().__init__(channels, num_filters, kernel_size, stride, edge_padding)
        self.basis = nn.ConvTranspose1d(num_filters, channels, kernel_size, stride, bias=False)
        self.receptive_field = -(-kernel_size // stride)
        """Frames that one sample is the sum of, at most."""

    def output_length(self, num_frames: int) -> int:
        """Return the number of samples that the frames cover, the zeros of the edges left out."""
        return (num_frames - 1) * self.stride + self.kernel_size - 2 * self.edge

    def forward(self, frames: Tensor, length: int) -> Tensor:
        if frames.shape[2] != self._num_frames(length):
            raise ValueError(
                f"frames of {length} samples: expected {self._num_frames(length)}, found {frames.shape[2]}"
            )
        with torch.autocast(frames.device.type, enabled=False):
            waveform = self.basis(frames.to(self.basis.weight.dtype))  # (B, C, edge + T + fill)
        uncovered = torch.sym_max(length + self.edge - waveform.shape[2], 0)
        return functional.pad(waveform, (0, uncovered))[:, :, self.edge : self.edge + length]  # (B, C, T)

    def initial_state(self, batch: int) -> OverlappingSums:
        """Return the state before the first frame."""
        overlap = self.kernel_size - self.stride
        return OverlappingSums.initial(self.basis.weight, batch, self.channels, overlap, self.edge)

    def step(self, frames: Tensor, state: OverlappingSums) -> tuple[Tensor, OverlappingSums]:
        """Return the samples that are complete with the next frames `(B, N, k)`, and the state behind them."""
        if frames.shape[2] == 0:
            return state.sums[:, :, :0], state
        with torch.autocast(frames.device.type, enabled=False):
            sums = self.basis(frames.to(self.basis.weight.dtype))  # (B, C, t)
        return state.add(sums, frames.shape[2] * self.stride)

    def finish(self, state: OverlappingSums) -> Tensor:
        """Return the samples that wait for frames which do not come."""
        return state.sums[:, :, int(state.early[0]) :]

"""LSTMs as operators that a format has for them: PyTorch traces its own for one length only."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from separator.errors import InputError

Network = TypeVar("Network", bound=nn.Module)

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""Of one way of a layer: gates of input, forgetting, cell and output, one below the other."""


class _Lowered(nn.Module):
    """An LSTM of one layer from no memory, for tracing; what it remembers at the end is not given.

    Args:
        lstm: Frames are its second dimension.

    Shape:
        `(N, K, C)` to `(N, K, H)`, or `(N, K, 2H)` if it goes both ways.

    Raises:
        InputError: If it is of another kind.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        if lstm.num_layers > 1 or lstm.proj_size or not lstm.bias or not lstm.batch_first:
            raise InputError("LSTMs: expected one layer with bias and without projection, batch first")
        self.hidden_size = lstm.hidden_size
        ways = ("_l0", "_l0_reverse") if lstm.bidirectional else ("_l0",)
        self.ways = [[getattr(lstm, name + way) for name in WEIGHTS] for way in ways]

    def forward(self, rows: Tensor) -> tuple[Tensor, None]:
        # Frames first; in single precision, which both operators want to be that of the weights.
        return self.heard(rows.float().transpose(0, 1).contiguous()).transpose(0, 1), None

    def heard(self, frames: Tensor) -> Tensor:
        """Return `(K, N, H or 2H)` from `(K, N, C)`."""
        raise NotImplementedError


class OnnxLSTM(_Lowered):
    """As the operator LSTM of ONNX, whose gates are in another order: input, output, forgetting, cell."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__(lstm)
        ordered = [[torch.cat([each.chunk(4)[gate] for gate in (0, 3, 1, 2)]) for each in way] for way in self.ways]
        self.inward = nn.Parameter(torch.stack([way[0] for way in ordered]))
        self.recurrent = nn.Parameter(torch.stack([way[1] for way in ordered]))
        self.bias = nn.Parameter(torch.stack([torch.cat(way[2:]) for way in ordered]))

    def heard(self, frames: Tensor) -> Tensor:
        shape = (frames.shape[0], len(self.ways), frames.shape[1], self.hidden_size)  # (K, ways, N, H)
        heard: Tensor = torch.onnx.ops.symbolic(
            "LSTM",
            (frames, self.inward, self.recurrent, self.bias),
            {"hidden_size": self.hidden_size, "direction": "bidirectional" if len(self.ways) > 1 else "forward"},
            dtype=frames.dtype,
            shape=shape,
        )
        return heard.transpose(1, 2).flatten(2)


class ProgramLSTM(_Lowered):
    """As PyTorch's own operator for CPUs, oneDNN's, which takes any length: a program that holds one needs a CPU."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__(lstm)
        for way, weights in enumerate(self.ways):
            for name, weight in zip(WEIGHTS, weights, strict=True):
                self.register_parameter(f"{name}_{way}", weight)

    def heard(self, frames: Tensor) -> Tensor:
        empty = frames.new_zeros(1, frames.shape[1], self.hidden_size)
        ways = []
        for way in range(len(self.ways)):
            weights = [getattr(self, f"{name}_{way}") for name in WEIGHTS]
            # Kind 2 is an LSTM; of one layer, with bias, one way, frames first, not in training.
            options: tuple[Any, ...] = (way == 1, [], 2, self.hidden_size, 1, True, False, False, False)
            ways.append(torch.ops.aten.mkldnn_rnn_layer.default(frames, *weights, empty, empty, *options)[0])
        return torch.cat(ways, dim=2)


LOWERED: dict[str, Callable[[nn.LSTM], nn.Module]] = {"onnx": OnnxLSTM, "program": ProgramLSTM}
"""What stands for an LSTM in each format."""


def lower_recurrences(network: Network, file_format: str) -> Network:
    """Return a network whose LSTMs can be traced for any length: a copy, or itself if it has none.

    Args:
        network: In evaluation; left as it is.
        file_format: A key of `LOWERED`.

    Raises:
        InputError: If it has an LSTM that the format has no operator for.
    """
    if not any(isinstance(module, nn.LSTM) for module in network.modules()):
        return network
    lowered = copy.deepcopy(network)
    for name, module in list(lowered.named_modules()):
        if isinstance(module, nn.LSTM):
            lowered.set_submodule(name, LOWERED[file_format](module))
    return lowered.eval().requires_grad_(False)

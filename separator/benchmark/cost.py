"""Cost of a model before it has run on any particular machine: weights, arithmetic, reach, delay."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from separator.errors import InputError
from separator.models.pipeline import MaskingSeparator

COUNTED_SECONDS = 2


@dataclass(frozen=True)
class Cost:
    """Cost of a model.

    Attributes:
        parameters: Weights that training learns.
        macs_per_second: Multiply-accumulates for a second of audio.
        receptive_field_seconds: Stretch of the mixture that an output sample sees through convolutions; the statistics
            of gLN and cLN reach further.
        latency_seconds: How far after an output sample the model looks; None if it is not causal and needs the whole
            chunk.
    """

    parameters: int
    macs_per_second: float
    receptive_field_seconds: float
    latency_seconds: float | None


def model_cost(model: MaskingSeparator, sample_rate: int) -> Cost:
    """Count what a model costs.

    Args:
        model: On the CPU.
        sample_rate: Its rate in Hz.
    """
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs_per_second=macs_per_second(model, sample_rate),
        receptive_field_seconds=model.receptive_field_samples / sample_rate,
        latency_seconds=model.latency_samples / sample_rate if model.causal else None,
    )


def macs_per_second(model: MaskingSeparator, sample_rate: int) -> float:
    """Count the multiply-accumulates for a second of audio: of convolutions, matrix products, attention and LSTMs.

    The Fourier transform, norms and activations are not counted. Counted as the difference between two lengths: what
    the padding at both ends costs falls out.
    """
    counts = []
    for seconds in (COUNTED_SECONDS, 2 * COUNTED_SECONDS):
        with MacCounter() as counter:
            separate_silence(model, seconds * sample_rate)
        counts.append(counter.macs)
    return (counts[1] - counts[0]) / COUNTED_SECONDS


@torch.no_grad()
def separate_silence(model: MaskingSeparator, num_samples: int) -> None:
    """Let a model separate silence, as in inference; it is left as it was."""
    was_training = model.training
    model.eval()  # batch norm keeps its statistics
    model(torch.zeros(1, model.channels, num_samples))
    model.train(was_training)


def mixture_samples(seconds: float, sample_rate: int) -> int:
    """Return the length in samples of a mixture that is measured or counted.

    Raises:
        InputError: If it is out of range.
    """
    if not 0.1 <= seconds <= 600:
        raise InputError(f"seconds: expected 0.1 to 600, found {seconds}")
    return round(seconds * sample_rate)


def _matrix_product(inputs: Sequence[Any], output: Any) -> int:
    left, right = inputs[-2:]
    return int(left.numel() * right.shape[-1])


def _convolution(inputs: Sequence[Any], output: Any) -> int:
    signal, weight, transposed = inputs[0], inputs[1], inputs[6]
    frames = (signal if transposed else output).shape[2:]
    return int(len(signal) * weight.numel() * math.prod(frames))


def _attention(inputs: Sequence[Any], output: Any) -> int:
    query, key, value = inputs[:3]
    return int(query.numel() * key.shape[-2] + query[..., 0].numel() * value.numel() / math.prod(value.shape[:-2]))


def _recurrent(inputs: Sequence[Any], output: Any) -> int:
    frames, inward, recurrent = inputs[:3]
    return int(frames[..., 0].numel() * (inward.numel() + recurrent.numel()))


aten = torch.ops.aten

COUNTS: dict[Any, Callable[[Sequence[Any], Any], int]] = {
    aten.mm: _matrix_product,
    aten.addmm: _matrix_product,
    aten.bmm: _matrix_product,
    aten.baddbmm: _matrix_product,
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten.mkldnn_rnn_layer: _recurrent,
}
"""Operations that multiply and add, and the count of each from its inputs and its output."""


class MacCounter(TorchDispatchMode):
    """Counts multiply-accumulates of convolutions, matrix products, attention and LSTMs, as a context manager.

    As torch's FLOP counter does, which leaves LSTMs out, without the second that importing that takes.

    Attributes:
        macs: How many there were so far.

    Example:
        >>> with MacCounter() as counter:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> counter.macs
        24
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: to keep torch's compiler out of here, it would have to be imported."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """Run an operation and count it."""
        output = func(*args, **(kwargs or {}))
        count = COUNTS.get(func.overloadpacket)
        if count is not None:
            self.macs += count(args, output)
        return output

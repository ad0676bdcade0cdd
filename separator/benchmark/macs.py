"""Count of multiply-accumulates as torch's FLOP counter has them, without the second that importing that takes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


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


aten = torch.ops.aten

COUNTS: dict[Any, Callable[[Sequence[Any], Any], int]] = {
    aten.mm: _matrix_product,
    aten.addmm: _matrix_product,
    aten.bmm: _matrix_product,
    aten.baddbmm: _matrix_product,
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
}
"""Operations that multiply and add, and the count of each from its inputs and its output."""


class MacCounter(TorchDispatchMode):
    """Counts multiply-accumulates of convolutions, matrix products and attention, as a context manager.

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

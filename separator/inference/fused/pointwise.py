"""1×1 convolutions of frames whose channels lie side by side in memory: one matrix product each."""

import torch
from torch import Tensor
from torch.nn import functional


def pointwise(frames: Tensor, weight: Tensor, bias: Tensor | None = None, slope: float | None = None) -> Tensor:
    """Return a 1×1 convolution, and the PReLU behind it if there is one.

    oneDNN's product is used where there is one: on processors not made by Intel it is up to twice as fast as MKL's.

    Args:
        frames: On the CPU, float32.
        weight: Of the convolution, contiguous.
        bias: Of the convolution.
        slope: Of the PReLU.

    Shape:
        `(..., in)` with a weight `(out, in)` and a bias `(out)` to `(..., out)`.
    """
    if torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled:
        activation = ("none", []) if slope is None else ("leaky_relu", [slope])
        output: Tensor = torch.ops.mkldnn._linear_pointwise(frames, weight, bias, *activation, "")
        return output
    output = functional.linear(frames, weight, bias)
    return output if slope is None else functional.leaky_relu_(output, slope)

"""1×1 convolutions of frames whose channels lie side by side in memory: one matrix product each."""

import torch
from torch import Tensor
from torch.nn import functional


def pointwise(frames: Tensor, weight: Tensor, bias: Tensor | None = None, slope: float | None = None) -> Tensor:
    """Return a 1×1 convolution, and the PReLU behind it if there is one.

    Args:
        frames: On the CPU, float32 or bfloat16, as are the others.
        weight: Of the convolution, contiguous.
        bias: Of the convolution.
        slope: Of the PReLU.

    Shape:
        `(..., in)` with a weight `(out, in)` and a bias `(out)` to `(..., out)`.
    """
    if prefers_onednn():
        activation = ("none", []) if slope is None else ("leaky_relu", [slope])
        product: Tensor = torch.ops.mkldnn._linear_pointwise(frames, weight, bias, *activation, "")
        return product
    product = functional.linear(frames, weight, bias)
    return product if slope is None else functional.leaky_relu_(product, slope)


def prefers_onednn() -> bool:
    """Tell whether oneDNN's product is to be used: with AVX-512, which MKL uses on Intel's processors alone.

    There it is up to twice as fast as MKL's; with AVX2, MKL's is a tenth faster.
    """
    has_onednn = torch.backends.mkldnn.is_available() and bool(torch.backends.mkldnn.enabled)
    return has_onednn and torch.backends.cpu.get_cpu_capability() == "AVX512"

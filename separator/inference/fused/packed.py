"""2-D convolutions on a CPU in float32: weights laid out once, and what follows done before the sums reach memory.

What follows is a ReLU, or the sum with a residual block's shortcut and then the ReLU. Frames are channels-last.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional


def can_be_packed(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether convolutions are faster so: in float32 on an x86 processor with AVX2 or more."""
    has_onednn = torch.backends.mkldnn.is_available() and bool(torch.backends.mkldnn.enabled)
    is_known = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return device.type == "cpu" and dtype == torch.float32 and has_onednn and is_known


class PackedConvolution(nn.Module):
    """A convolution, and a ReLU if one follows.

    Args:
        convolution: The `Conv2d` whose weights it takes, of float32.
        relu: Whether there is the ReLU.

    Shape:
        As the convolution's.
    """

    def __init__(self, convolution: Any, relu: bool = False) -> None:
        super().__init__()
        self.causal_padding = convolution.receptive_field[1] - 1 if convolution.causal else 0
        self.activation = "relu" if relu else "none"
        geometry = (list(convolution.padding), list(convolution.stride), list(convolution.dilation), convolution.groups)
        weight = torch.ops.mkldnn._reorder_convolution_weight(convolution.weight.detach(), *geometry)
        bias = None if convolution.bias is None else convolution.bias.detach().clone()
        self._packed: tuple[Any, ...] = (weight, bias, *geometry)

    def forward(self, frames: Tensor) -> Tensor:
        output: Tensor = torch.ops.mkldnn._convolution_pointwise(
            self._padded(frames), *self._packed, self.activation, [], ""
        )
        return output

    def add_to(self, shortcut: Tensor, frames: Tensor) -> Tensor:
        """Overwrite a shortcut by its sum with the convolution of frames, behind the ReLU if there is one."""
        shortcut = shortcut.contiguous(memory_format=torch.channels_last)
        activation = None if self.activation == "none" else self.activation
        output: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            shortcut, self._padded(frames), *self._packed, "add", 1.0, activation, [], ""
        )
        return output

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: nothing changes it, and packed weights cannot be copied so."""
        return self

    def _padded(self, frames: Tensor) -> Tensor:
        if self.causal_padding:
            frames = functional.pad(frames, (self.causal_padding, 0))
        return frames.contiguous(memory_format=torch.channels_last)


class PackedResidualBlock(nn.Module):
    """A block of ResNet whose batch norms are folded. It overwrites its input.

    Args:
        block: Whose weights it takes.
        names: Of its convolutions, in their order.
    """

    def __init__(self, block: Any, names: list[str]) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *(PackedConvolution(block.get_submodule(name), relu=True) for name in names[:-1])
        )
        self.last = PackedConvolution(block.get_submodule(names[-1]), relu=True)
        self.downsample = getattr(block, "downsample", None)

    def forward(self, frames: Tensor) -> Tensor:
        shortcut = frames if self.downsample is None else self.downsample(frames)
        return self.last.add_to(shortcut, self.convolutions(frames))


class InPlaceDoubledSum(nn.Module):
    """`DoubledSum` that overwrites what it adds to."""

    def forward(self, frames: Tensor, skip: Tensor) -> Tensor:
        bins = skip.shape[2] // 2
        skip[:, :, : 2 * bins].unflatten(2, (bins, 2)).add_(frames[:, :, :bins].unsqueeze(3))
        skip[:, :, 2 * bins :] += frames[:, :, bins:]
        return skip

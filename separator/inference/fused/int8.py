"""Spectrogram models in 8 bits on a CPU: between the first and the last convolution every value is one byte.

Behind a ReLU a tensor is held in steps: its largest value, and some headroom, over 255. Weights are held in up to 127
steps of their output channel. A convolution adds up in 32-bit integers, and gives bytes again. Who makes a tensor and
who reads it know its step alike, from its largest value on a made recording (`calibration`).
"""

from typing import Any, Self

import torch
from torch import Tensor, nn

from separator.bricks.conv2d import ConvBlock2d
from separator.bricks.full_band import TimeGate
from separator.bricks.resnet import ResNetBlock, ResNetBottleneck
from separator.errors import InputError
from separator.inference.fused.batch_norm import PAIRS, fold_batch_norm
from separator.inference.fused.calibration import measure_peaks, two_voices
from separator.inference.fused.packed import InPlaceDoubledSum, PackedConvolution
from separator.models.pipeline import MaskingSeparator
from separator.models.spectrogram import Spectrogram
from separator.models.spectrogram_masker import DoubledSum, SpectrogramMasker

HEADROOM = 1.2
"""Largest value that a byte holds, over the largest that was measured."""

BLOCKS = ("conv", "resnet", "bottleneck")
"""Those whose values all lie behind a ReLU."""

Steps = dict[str, list[float]]
"""Steps of the tensors that enter a module, and of the one that leaves it, by the module's name."""


def quantise(model: MaskingSeparator) -> Spectrogram:
    """Return a copy of a spectrogram model that computes in 8 bits. It gives no gradients and has no steps.

    Args:
        model: On the CPU, in float32; left as it is.

    Raises:
        InputError: If it is no spectrogram model, or made of other blocks than `BLOCKS`.

    Source:
        Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
        arXiv 1712.05877; scales of each output channel: Krishnamoorthi, arXiv 1806.08342.
    """
    config: Any = model.config
    if type(model) is not Spectrogram or config.block not in BLOCKS:
        found = config.block if type(model) is Spectrogram else type(model).__name__
        raise InputError(f"precision int8: expected a spectrogram model of {', '.join(BLOCKS)} blocks, found {found}")
    folded: Any = fold_batch_norm(model)
    peaks = measure_peaks(folded, two_voices().expand(1, config.channels, -1))
    steps = {name: [max(HEADROOM * peak, 1e-6) / 255 for peak in found] for name, found in peaks.items()}
    maskers: list[tuple[str, Any]] = [each for each in folded.named_modules() if isinstance(each[1], SpectrogramMasker)]
    for name, masker in maskers:
        stem, output = PackedConvolution(masker.stem.conv, relu=True), PackedConvolution(masker.output)
        _convert(masker, name, steps)
        masker.stem = nn.Sequential(stem, _ToBytes(steps[f"{name}.stem"][-1]))
        masker.output = nn.Sequential(_FromBytes(steps[f"{name}.output"][0]), output)
    quantised: Spectrogram = folded.eval()
    return quantised


class Int8Convolution(nn.Module):
    """A convolution and the ReLU behind it.

    Args:
        convolution: Whose weights it takes.
        step_in: Of its input.
        step_out: Of its output.

    Shape:
        As the convolution's, in bytes.
    """

    def __init__(self, convolution: Any, step_in: float, step_out: float) -> None:
        super().__init__()
        self.causal_padding = convolution.receptive_field[1] - 1 if convolution.causal else 0
        weight, bias = convolution.weight.detach(), convolution.bias.detach()
        steps = _weight_steps(weight)
        whole = torch.round(weight / steps[:, None, None, None]).to(torch.int8)
        geometry = (list(convolution.stride), list(convolution.padding), list(convolution.dilation), convolution.groups)
        packed = torch.ops.onednn.qconv_prepack(whole, steps, step_in, 0, *geometry)
        zeros = torch.zeros(len(steps), dtype=torch.int32)
        self._reading: tuple[Any, ...] = (step_in, 0, packed, steps, zeros)
        self._writing: tuple[Any, ...] = (bias, *geometry, step_out, 0, torch.uint8)

    def forward(self, frames: Tensor) -> Tensor:
        output: Tensor = torch.ops.onednn.qconv2d_pointwise(
            self._padded(frames), *self._reading, *self._writing, "relu", [], ""
        )
        return output

    def add_to(self, shortcut: Tensor, step: float, frames: Tensor) -> Tensor:
        """Overwrite a shortcut, held in steps of `step`, by its sum with the convolution of frames, behind the ReLU."""
        output: Tensor = torch.ops.onednn.qconv2d_pointwise.binary(
            self._padded(frames), *self._reading, shortcut, *self._writing, step, 0, "sum", 1.0, "relu", [], ""
        )
        return output

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: nothing changes it, and packed weights cannot be copied so."""
        return self

    def _padded(self, frames: Tensor) -> Tensor:
        if self.causal_padding:
            frames = nn.functional.pad(frames, (self.causal_padding, 0))
        return frames.contiguous(memory_format=torch.channels_last)


class _Int8ResidualBlock(nn.Module):
    """A block of ResNet that keeps its shape. It overwrites its input."""

    def __init__(self, convolutions: nn.Sequential, last: Int8Convolution, step_in: float) -> None:
        super().__init__()
        self.convolutions, self.last, self.step_in = convolutions, last, step_in

    def forward(self, frames: Tensor) -> Tensor:
        return self.last.add_to(frames, self.step_in, self.convolutions(frames))


class _ToBytes(nn.Module):
    """Values to bytes in steps of `step`."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    def forward(self, values: Tensor) -> Tensor:
        return torch.quantize_per_tensor(values, self.step, 0, torch.quint8).int_repr()


class _FromBytes(nn.Module):
    """Bytes in steps of `step` to values."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    def forward(self, whole: Tensor) -> Tensor:
        return whole * self.step


class _Int8Gate(nn.Sequential):
    """A `TimeGate` over bytes."""

    def __init__(self, gate: TimeGate, step_in: float, step_out: float) -> None:
        super().__init__(_FromBytes(step_in), gate, _ToBytes(step_out))


class _Int8DoubledSum(nn.Module):
    """`DoubledSum` over bytes."""

    def __init__(self, step_frames: float, step_skip: float, step_out: float) -> None:
        super().__init__()
        self.step_frames, self.step_skip = step_frames, step_skip
        self.join, self.to_bytes = InPlaceDoubledSum(), _ToBytes(step_out)

    def forward(self, frames: Tensor, skip: Tensor) -> Tensor:
        return self.to_bytes(self.join(frames * self.step_frames, skip * self.step_skip))


def _weight_steps(weight: Tensor) -> Tensor:
    """Return the step of each output channel's weights.

    The largest weight is up to 127 steps, and two neighbouring input channels' of a sign together up to 128: processors
    without VNNI add the products of such a pair in 16 bits, which would clip.
    """
    pairs = nn.functional.pad(weight, (0, 0, 0, 0, 0, weight.shape[1] % 2)).unflatten(1, (-1, 2))  # (O, I / 2, 2, P, P)
    sums = torch.stack([(sign * pairs).clamp(min=0).sum(dim=2) for sign in (1, -1)])
    steps = torch.maximum(weight.abs().amax(dim=(1, 2, 3)) / 127, sums.amax(dim=(0, 2, 3, 4)) / 128)
    return steps.clamp(min=1e-12)


def _convert(parent: nn.Module, prefix: str, steps: Steps) -> None:
    """Replace the parts of a masker, but another inside it, by those that compute on bytes."""
    for key, module in list(parent.named_children()):
        name = f"{prefix}.{key}"
        replacement: nn.Module | None = None
        if isinstance(module, ConvBlock2d):
            replacement = Int8Convolution(module.conv, *steps[name])
        elif isinstance(module, ResNetBlock | ResNetBottleneck):
            replacement = _residual_block(module, name, steps)
        elif isinstance(module, TimeGate):
            replacement = _Int8Gate(module, *steps[name])
        elif isinstance(module, DoubledSum):
            replacement = _Int8DoubledSum(*steps[name])
        if replacement is not None:
            parent.set_submodule(key, replacement)
        elif not isinstance(module, SpectrogramMasker):
            _convert(module, name, steps)


def _residual_block(block: Any, name: str, steps: Steps) -> _Int8ResidualBlock:
    names = [convolution for convolution, _ in PAIRS[type(block)]]
    entering = [steps[f"{name}.{each}"][0] for each in names]
    leaving = [*entering[1:], steps[name][-1]]
    parts = zip((block.get_submodule(each) for each in names), entering, leaving, strict=True)
    *first, last = (Int8Convolution(*each) for each in parts)
    return _Int8ResidualBlock(nn.Sequential(*first), last, steps[name][0])

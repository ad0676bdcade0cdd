"""Batch norm folded into the convolution before it, or the LSTM behind it: a gain and a constant of each channel."""

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from separator.bricks.conv2d import Conv2d, ConvBlock2d
from separator.bricks.depthwise import DepthwiseSeparableBlock2d
from separator.bricks.full_band import FullBandMixing
from separator.bricks.recurrence import FrameRecurrence
from separator.bricks.resnet import AxialBlock, ResNetBlock, ResNetBottleneck
from separator.inference.fused.packed import InPlaceDoubledSum, PackedConvolution, PackedResidualBlock
from separator.models.spectrogram_masker import DoubledSum

Model = TypeVar("Model", bound=nn.Module)

PAIRS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    ConvBlock2d: (("conv", "norm"),),
    DepthwiseSeparableBlock2d: (("conv.depthwise", "depthwise_norm"), ("conv.pointwise", "pointwise_norm")),
    ResNetBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    ResNetBottleneck: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    AxialBlock: (("conv1", "bn1"), ("conv2", "bn2")),
    FullBandMixing: (("expand", "norm"),),
}
"""Convolutions and the batch norms behind them, by the brick that holds them."""


def fold_batch_norm(model: Model, packed: bool = False) -> Model:
    """Return a copy of a model in which convolutions hold the batch norms behind them (`PAIRS`), LSTMs those before.

    It gives no gradients: a block's ReLU overwrites what it is given. A block with a part of another class than the
    one that it made stays as it is.

    Args:
        model: Left as it is.
        packed: Whether its convolutions are those of `packed`; the copy then has no steps.
    """
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for name, block in list(folded.named_modules()):
        pairs = PAIRS.get(type(block), ())
        if pairs and all(_is_foldable(block, *pair) for pair in pairs):
            for pair in pairs:
                convolution, norm = map(block.get_submodule, pair)
                block.set_submodule(pair[0], fuse_conv_bn_eval(convolution, norm))
                block.set_submodule(pair[1], nn.Identity())
            if packed:
                _pack(folded, name, block, [convolution for convolution, _ in pairs])
            elif hasattr(block, "relu"):
                block.relu = nn.ReLU(inplace=True)
        elif type(block) is FrameRecurrence and _is_plain(block):
            _fold_into_lstm(block)
    if packed:
        for name, module in list(folded.named_modules()):
            if type(module) is Conv2d and module.weight.dtype == torch.float32:
                folded.set_submodule(name, PackedConvolution(module))
            elif type(module) is DoubledSum:
                folded.set_submodule(name, InPlaceDoubledSum())
    return folded.eval()  # what is new in it too


def _pack(folded: nn.Module, name: str, block: nn.Module, names: list[str]) -> None:
    """Replace a folded block's convolutions by those that hold its ReLU, or a residual block as a whole."""
    if isinstance(block, ResNetBlock | AxialBlock | ResNetBottleneck):
        folded.set_submodule(name, PackedResidualBlock(block, names))
    elif hasattr(block, "relu"):
        for each in names:
            block.set_submodule(each, PackedConvolution(block.get_submodule(each), relu=True))
        block.relu = nn.Identity()


def _fold_into_lstm(block: FrameRecurrence) -> None:
    """Give the batch norm of a recurrence to what its memory hears: a gain of the weights, a constant of the bias."""
    norm = block.norm
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    gain = norm.weight / (variance + norm.eps).sqrt()
    constant = norm.bias - mean * gain
    for name, weight in block.lstm.named_parameters():
        if name.startswith("weight_ih"):
            block.lstm.get_parameter(name.replace("weight", "bias")).data += weight @ constant
            weight.data *= gain
    block.norm = nn.Identity()  # type: ignore[assignment]


def _is_plain(block: FrameRecurrence) -> bool:
    """Return whether the parts of a recurrence are those that it made, and its norm has statistics of its own."""
    kinds = [type(block.norm), type(block.lstm)]
    return kinds == [nn.BatchNorm2d, nn.LSTM] and bool(block.norm.track_running_stats)


def _is_foldable(block: nn.Module, convolution: str, norm: str) -> bool:
    """Return whether the parts of a block are those that it made, and its norm has statistics of its own."""
    kinds = [type(block.get_submodule(name)) for name in (convolution, norm)]
    has_relu = type(getattr(block, "relu", None)) in (nn.ReLU, type(None))
    return kinds == [Conv2d, nn.BatchNorm2d] and has_relu and bool(block.get_submodule(norm).track_running_stats)

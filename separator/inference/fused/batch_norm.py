"""Batch norm folded into the convolution before it: in evaluation it is a gain and a constant of each channel."""

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from separator.bricks.conv2d import Conv2d, ConvBlock2d
from separator.bricks.depthwise import DepthwiseSeparableBlock2d
from separator.bricks.full_band import FullBandMixing
from separator.bricks.resnet import AxialBlock, ResNetBlock, ResNetBottleneck

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


def fold_batch_norm(model: Model) -> Model:
    """Return a copy of a model in which the convolutions of `PAIRS` hold the batch norms behind them.

    It gives no gradients: a block's ReLU overwrites what it is given. A block with a part of another class than the
    one that it made stays as it is.
    """
    folded = copy.deepcopy(model).eval().requires_grad_(False)
    for block in list(folded.modules()):
        pairs = PAIRS.get(type(block), ())
        if pairs and all(_is_foldable(block, *pair) for pair in pairs):
            for pair in pairs:
                convolution, norm = map(block.get_submodule, pair)
                block.set_submodule(pair[0], fuse_conv_bn_eval(convolution, norm))  # type: ignore[type-var, arg-type]
                block.set_submodule(pair[1], nn.Identity())
            if hasattr(block, "relu"):
                block.relu = nn.ReLU(inplace=True)
    return folded.eval()  # what is new in it too


def _is_foldable(block: nn.Module, convolution: str, norm: str) -> bool:
    """Return whether the parts of a block are those that it made, and its norm has statistics of its own."""
    kinds = [type(block.get_submodule(name)) for name in (convolution, norm)]
    has_relu = type(getattr(block, "relu", None)) in (nn.ReLU, type(None))
    return kinds == [Conv2d, nn.BatchNorm2d] and has_relu and bool(block.get_submodule(norm).track_running_stats)

"""Bricks: modules that know nothing above them; they state their receptive field, and what size goes out if another.

1-D bricks take and give `(B, C, K)`, 2-D bricks `(B, C, F, K)`.
"""

from torch import nn

from separator.bricks.conv1d import Conv1dDecoder, Conv1dEncoder
from separator.bricks.conv2d import Conv2d, ConvBlock2d
from separator.bricks.convnext import ConvNeXtBlock1d, ConvNeXtBlock2d
from separator.bricks.convnext_tcn import ConvNeXtTCN
from separator.bricks.depthwise import (
    DepthwiseSeparableBlock2d,
    DepthwiseSeparableConv1d,
    DepthwiseSeparableConv2d,
)
from separator.bricks.dilated import DilatedConv1d
from separator.bricks.full_band import FullBandMixing, TimeGate
from separator.bricks.norm import CumulativeLayerNorm, GlobalLayerNorm
from separator.bricks.recurrence import FrameRecurrence
from separator.bricks.resnet import AxialBlock, ResNetBlock, ResNetBottleneck
from separator.bricks.separable_tcn import SeparableBlock, SeparableTCN
from separator.bricks.stft import STFTDecoder, STFTEncoder
from separator.bricks.tcn import TemporalBlock, TemporalConvNet

BRICKS: dict[str, type[nn.Module]] = {
    "conv1d-encoder": Conv1dEncoder,
    "conv1d-decoder": Conv1dDecoder,
    "stft-encoder": STFTEncoder,
    "stft-decoder": STFTDecoder,
    "dilated-conv1d": DilatedConv1d,
    "depthwise-separable-conv1d": DepthwiseSeparableConv1d,
    "global-layer-norm": GlobalLayerNorm,
    "cumulative-layer-norm": CumulativeLayerNorm,
    "temporal-block": TemporalBlock,
    "temporal-conv-net": TemporalConvNet,
    "separable-block": SeparableBlock,
    "separable-tcn": SeparableTCN,
    "convnext-block-1d": ConvNeXtBlock1d,
    "convnext-tcn": ConvNeXtTCN,
    "conv2d": Conv2d,
    "conv-block-2d": ConvBlock2d,
    "depthwise-separable-conv2d": DepthwiseSeparableConv2d,
    "depthwise-separable-block-2d": DepthwiseSeparableBlock2d,
    "resnet-block": ResNetBlock,
    "resnet-bottleneck": ResNetBottleneck,
    "axial-block": AxialBlock,
    "convnext-block-2d": ConvNeXtBlock2d,
    "full-band-mixing": FullBandMixing,
    "time-gate": TimeGate,
    "frame-recurrence": FrameRecurrence,
}
"""Every brick by name."""

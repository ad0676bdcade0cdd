"""Bricks: modules that know nothing above them; `(B, C, K)` in and out, receptive field and output length stated."""

from torch import nn

from separator.bricks.conv1d import Conv1dDecoder, Conv1dEncoder
from separator.bricks.depthwise import DepthwiseSeparableConv1d
from separator.bricks.dilated import DilatedConv1d
from separator.bricks.norm import CumulativeLayerNorm, GlobalLayerNorm
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
}
"""Every brick by name."""

"""ConvNeXt-TasNet: a learned basis, masked by dilated 1-D ConvNeXt blocks."""

from dataclasses import dataclass

from separator.bricks.convnext_tcn import ConvNeXtTCN
from separator.errors import InputError
from separator.models.conv_tasnet import LearnedBasisConfig, TCNMasker, make_learned_basis
from separator.models.pipeline import MaskingSeparator


@dataclass(frozen=True, kw_only=True)
class ConvNeXtTasNetConfig(LearnedBasisConfig):
    """Every choice of a ConvNeXt-TasNet.

    Args:
        bottleneck_channels: Channels of the blocks.
        block_kernel_size: Taps of the depthwise convolutions; odd unless causal.
        num_blocks: Blocks in a repeat, with dilations 1, 2, 4, ...
        num_repeats: Repeats.
        expansion: Width inside a block, for each of its channels.
        layer_scale: Value at which the learned gains of the blocks' branches start.
        stochastic_depth: Probability of dropping the last block's branch in training, rising linearly up to it.
    """

    bottleneck_channels: int = 128
    block_kernel_size: int = 7
    num_blocks: int = 6
    num_repeats: int = 4
    expansion: int = 4
    layer_scale: float = 1e-6
    stochastic_depth: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_block_kernel(self.block_kernel_size)
        if not 0 <= self.stochastic_depth < 1:
            raise InputError(f"stochastic_depth: expected from 0 up to 1, found {self.stochastic_depth}")


class ConvNeXtTasNet(MaskingSeparator):
    """Learned encoder, dilated ConvNeXt blocks as masker, learned decoder.

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        Blocks: Liu et al., arXiv 2201.03545. Around them: Luo and Mesgarani, arXiv 1809.07454.

    Example:
        >>> import torch
        >>> config = ConvNeXtTasNetConfig(num_filters=16, bottleneck_channels=8, num_blocks=2, num_repeats=1)
        >>> ConvNeXtTasNet(config)(torch.zeros(1, 1, 8000)).shape
        torch.Size([1, 2, 1, 8000])
    """

    def __init__(self, config: ConvNeXtTasNetConfig) -> None:
        channels = config.bottleneck_channels
        tcn = ConvNeXtTCN(
            channels,
            config.block_kernel_size,
            config.num_blocks,
            config.num_repeats,
            config.causal,
            config.expansion,
            config.layer_scale,
            config.stochastic_depth,
        )
        masker = TCNMasker(config, tcn, config.num_filters, channels, channels)
        encoder, decoder = make_learned_basis(config)
        super().__init__(config, encoder, masker, decoder)

"""TCN-TasNet: a learned basis, masked by the causal temporal convolutional network of Bai, Kolter and Koltun."""

from dataclasses import dataclass
from typing import Literal

from separator.bricks.stepping import Chain
from separator.bricks.tcn import TemporalConvNet
from separator.errors import InputError
from separator.models.conv_tasnet import LearnedBasisConfig, TCNMasker, make_learned_basis
from separator.models.pipeline import MaskingSeparator


@dataclass(frozen=True, kw_only=True)
class TCNTasNetConfig(LearnedBasisConfig):
    """Every choice of a TCN-TasNet; always causal.

    Args:
        hidden_channels: Channels of every level.
        block_kernel_size: Taps of every convolution.
        num_blocks: Levels in a repeat, with dilations 1, 2, 4, ...
        num_repeats: Repeats.
        dropout: Share of values set to zero in training, from 0 up to 1.
    """

    norm: Literal["gLN", "cLN"] = "cLN"
    causal: bool = True
    hidden_channels: int = 128
    block_kernel_size: int = 3
    num_blocks: int = 8
    num_repeats: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.causal:
            raise InputError("causal: expected true (the network of Bai et al. looks at no later frame), found false")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: expected from 0 up to 1, found {self.dropout}")


class _RepeatedTCN(Chain):
    """Temporal convolutional networks in a row: `(B, C, K)` to `(B, C, K)`."""

    def __init__(self, config: TCNTasNetConfig) -> None:
        levels = (config.hidden_channels,) * config.num_blocks
        networks = [
            TemporalConvNet(config.hidden_channels, levels, config.block_kernel_size, config.dropout)
            for _ in range(config.num_repeats)
        ]
        super().__init__(*networks)
        self.receptive_field = 1 + sum(network.receptive_field - 1 for network in networks)


class TCNTasNet(MaskingSeparator):
    """Learned encoder, the TCN of Bai et al. as masker, learned decoder. Runs on a live signal.

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        Network: Bai, Kolter and Koltun, arXiv 1803.01271, section 3. Around it, norm, bottleneck, basis and masks:
        Luo and Mesgarani, arXiv 1809.07454.

    Example:
        >>> import torch
        >>> model = TCNTasNet(TCNTasNetConfig(num_filters=16, kernel_size=16, hidden_channels=8, num_blocks=2))
        >>> model(torch.zeros(1, 1, 8000)).shape
        torch.Size([1, 2, 1, 8000])
        >>> model.latency_samples  # of a live signal: to the end of the frame
        15
    """

    def __init__(self, config: TCNTasNetConfig) -> None:
        channels = config.hidden_channels
        masker = TCNMasker(config, _RepeatedTCN(config), config.num_filters, channels, channels)
        encoder, decoder = make_learned_basis(config)
        super().__init__(config, encoder, masker, decoder)

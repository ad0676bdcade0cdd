"""Conv-TasNet's masker around any temporal convolutional network: norm, bottleneck, network, masks."""

import torch
from torch import Tensor, nn

from separator.bricks.norm import make_norm
from separator.bricks.separable_tcn import SeparableTCN
from separator.models.config import MaskingConfig, SeparableTCNConfig


class SoftmaxOverSources(nn.Module):
    """Masks that sum to 1 over the sources: `(B, S, N, K)` to the same shape."""

    def forward(self, masks: Tensor) -> Tensor:
        return torch.softmax(masks, dim=1)


MASKS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "softmax": SoftmaxOverSources}


class TCNMasker(nn.Module):
    """Masks for every source from the encoder's frames.

    Args:
        config: Norm, mask, causality and number of sources.
        tcn: Brick from `(B, bottleneck_channels, K)` to `(B, output_channels, K)` with a `receptive_field`.
        num_features: N.
        bottleneck_channels: Channels into `tcn` (B).
        output_channels: Channels out of it (Sc).

    Shape:
        `(B, N, K)` to `(B, S, N, K)`.

    Source:
        Luo and Mesgarani, 2019, arXiv 1809.07454, Fig. 1B.
    """

    def __init__(
        self, config: MaskingConfig, tcn: nn.Module, num_features: int, bottleneck_channels: int, output_channels: int
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.num_sources = config.num_sources
        self.norm = make_norm(config.norm, num_features, config.causal)
        self.bottleneck = nn.Conv1d(num_features, bottleneck_channels, 1)
        self.tcn = tcn
        self.activation = nn.PReLU()
        self.output = nn.Conv1d(output_channels, config.num_sources * num_features, 1)
        self.mask = MASKS[config.mask]()

    @classmethod
    def separable(cls, config: SeparableTCNConfig, num_features: int) -> "TCNMasker":
        """Build the masker with Conv-TasNet's own network."""
        tcn = SeparableTCN(
            config.bottleneck_channels,
            config.hidden_channels,
            config.skip_channels,
            config.block_kernel_size,
            config.num_blocks,
            config.num_repeats,
            config.norm,
            config.causal,
        )
        return cls(config, tcn, num_features, config.bottleneck_channels, config.skip_channels)

    @property
    def receptive_field(self) -> int:
        """Return the number of frames that the convolutions see."""
        return int(self.tcn.receptive_field)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        narrow = self.bottleneck(self.norm(frames))  # (B, bottleneck_channels, K)
        hidden = self.tcn(narrow)  # (B, output_channels, K)
        masks = self.output(self.activation(hidden))  # (B, S·N, K)
        masks = masks.unflatten(1, (self.num_sources, self.num_features))  # (B, S, N, K)
        limited: Tensor = self.mask(masks)
        return limited

"""Conv-TasNet's masker: norm, bottleneck, temporal convolutional network, masks."""

import torch
from torch import Tensor, nn

from separator.bricks.norm import make_norm
from separator.bricks.separable_tcn import SeparableTCN
from separator.errors import InputError


class SoftmaxOverSources(nn.Module):
    """Masks that sum to 1 over the sources: `(B, S, N, K)` to the same shape."""

    def forward(self, masks: Tensor) -> Tensor:
        return torch.softmax(masks, dim=1)


MASKS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "softmax": SoftmaxOverSources}


class TCNMasker(nn.Module):
    """Masks for every source from the encoder's frames.

    Args:
        num_features: N.
        num_sources: S.
        bottleneck_channels: B.
        hidden_channels: H.
        skip_channels: Sc.
        block_kernel_size: P.
        num_blocks: X.
        num_repeats: R.
        norm: `gLN` or `cLN`, everywhere.
        mask: `sigmoid`, `relu` or `softmax` (over sources).
        causal: Whether a mask may not depend on later frames.

    Shape:
        `(B, N, K)` to `(B, S, N, K)`.

    Source:
        Luo and Mesgarani, 2019, arXiv 1809.07454, Fig. 1B.
    """

    def __init__(
        self,
        num_features: int,
        num_sources: int,
        bottleneck_channels: int,
        hidden_channels: int,
        skip_channels: int,
        block_kernel_size: int,
        num_blocks: int,
        num_repeats: int,
        norm: str,
        mask: str,
        causal: bool,
    ) -> None:
        super().__init__()
        if mask not in MASKS:
            raise InputError(f"mask: expected one of {', '.join(MASKS)}, found {mask!r}")
        self.num_features = num_features
        self.num_sources = num_sources
        self.norm = make_norm(norm, num_features, causal)
        self.bottleneck = nn.Conv1d(num_features, bottleneck_channels, 1)
        self.tcn = SeparableTCN(
            bottleneck_channels,
            hidden_channels,
            skip_channels,
            block_kernel_size,
            num_blocks,
            num_repeats,
            norm,
            causal,
        )
        self.activation = nn.PReLU()
        self.output = nn.Conv1d(skip_channels, num_sources * num_features, 1)
        self.mask = MASKS[mask]()

    @property
    def receptive_field(self) -> int:
        """Frames that the convolutions see."""
        return self.tcn.receptive_field

    def forward(self, frames: Tensor) -> Tensor:
        hidden = self.tcn(self.bottleneck(self.norm(frames)))
        masks: Tensor = self.output(self.activation(hidden)).unflatten(1, (self.num_sources, self.num_features))
        masks = self.mask(masks)
        return masks

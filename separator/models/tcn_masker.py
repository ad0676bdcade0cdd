"""Conv-TasNet's masker around any temporal convolutional network: norm, bottleneck, network, masks."""

import torch
from torch import Tensor, nn

from separator.bricks.norm import GlobalLayerNorm, make_norm
from separator.bricks.rows import Moments, RowLinear, fast_path, is_plain, is_pointwise
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
        """The masker with Conv-TasNet's own network."""
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
        """Frames that the convolutions see."""
        return int(self.tcn.receptive_field)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> Tensor:
        if fast_path(self, frames) and is_pointwise(self.output):
            return self._masks_by_rows(frames)
        hidden = self.tcn(self.bottleneck(self.norm(frames)))
        masks: Tensor = self.output(self.activation(hidden)).unflatten(1, (self.num_sources, self.num_features))
        masks = self.mask(masks)
        return masks

    def _masks_by_rows(self, frames: Tensor) -> Tensor:
        """The fast path of `forward`: a frame's channels side by side in memory, gLN folded into the bottleneck."""
        foldable = is_plain(self.norm, GlobalLayerNorm) and is_pointwise(self.bottleneck)
        hidden = self._folded_bottleneck(frames) if foldable else None
        if hidden is None:
            hidden = self.bottleneck(self.norm(frames))
        rows = self.activation(self.tcn(hidden)).transpose(1, 2)  # (B, K, Sc)
        masks = RowLinear(self.output.weight[:, :, 0], self.output.bias)(rows)  # (B, K, S·N)
        masks = masks.unflatten(2, (self.num_sources, self.num_features)).permute(0, 2, 3, 1)
        masks = self.mask(masks)
        return masks

    def _folded_bottleneck(self, frames: Tensor) -> Tensor | None:
        """What the bottleneck makes of the normalised frames; None if the norm cannot be folded."""
        weight = self.bottleneck.weight[:, :, 0]
        weighted = weight * self.norm.weight
        constant = weight.mv(self.norm.bias)
        if self.bottleneck.bias is not None:
            constant = constant + self.bottleneck.bias
        outputs = []
        for rows in frames.transpose(1, 2).contiguous():  # (K, N)
            moments = Moments()
            moments.add(rows)
            if moments.are_offset:
                return None
            gain, mean = moments.gain_and_mean(self.norm.eps)
            outputs.append(RowLinear(gain * weighted, constant - gain * mean * weighted.sum(dim=1))(rows))
        return torch.stack(outputs).transpose(1, 2)

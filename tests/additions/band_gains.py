"""A model: masks from one layer on the log magnitudes of a frame."""

from dataclasses import dataclass

from torch import Tensor, nn

from separator.models.fourier import FourierConfig, log_magnitude, make_fourier_transform
from separator.models.pipeline import MaskingSeparator


@dataclass(frozen=True, kw_only=True)
class BandGainsConfig(FourierConfig):
    """Every choice of the model.

    Args:
        hidden_channels: Channels between the two 1×1 convolutions.
    """

    hidden_channels: int = 16


class FrameMasker(nn.Sequential):
    """Complex frames `(B, N, K)` to masks `(B, S, N, K)`."""

    receptive_field = 1

    def __init__(self, config: BandGainsConfig) -> None:
        features = config.channels * config.num_bins
        self.shape = (config.num_sources, features)
        super().__init__(
            nn.Conv1d(features, config.hidden_channels, 1),
            nn.ReLU(),
            nn.Conv1d(config.hidden_channels, config.num_sources * features, 1),
            nn.Sigmoid(),
        )

    def forward(self, frames: Tensor) -> Tensor:
        masks: Tensor = super().forward(log_magnitude(frames))
        return masks.unflatten(1, self.shape)


class BandGains(MaskingSeparator):
    """Short-time Fourier transform, masks of each frame by itself, inverse transform."""

    def __init__(self, config: BandGainsConfig) -> None:
        encoder, decoder = make_fourier_transform(config)
        super().__init__(config, encoder, FrameMasker(config), decoder)

"""A model: masks from one layer on the log magnitudes of a frame."""

from dataclasses import dataclass

from torch import Tensor, nn

from separator.models.config import FourierConfig
from separator.models.fourier import FourierSeparator, log_magnitude


@dataclass(frozen=True, kw_only=True)
class BandGainsConfig(FourierConfig):
    """Every choice of the model.

    Args:
        hidden_channels: Channels between the two 1×1 convolutions.
    """

    hidden_channels: int = 16


class FrameMasker(nn.Sequential):
    """Complex frames `(B, N, K)` to masks `(B, S, N, K)`."""

    def __init__(self, config: BandGainsConfig) -> None:
        features = config.channels * (config.window_length // 2 + 1)
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


class BandGains(FourierSeparator):
    """Short-time Fourier transform, masks of each frame by itself, inverse transform."""

    def __init__(self, config: BandGainsConfig) -> None:
        super().__init__(config, FrameMasker(config), masker_receptive_field=1)

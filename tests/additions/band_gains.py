"""A model: masks from two layers on the log magnitudes of a frame, each frame by itself."""

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


class FrameMasker(nn.Module):
    """Complex frames `(B, N, K)` to masks `(B, S, N, K)`."""

    receptive_field = 1

    def __init__(self, config: BandGainsConfig) -> None:
        super().__init__()
        features = config.channels * config.num_bins
        self.shape = (config.num_sources, features)
        self.hidden = nn.Conv1d(features, config.hidden_channels, 1)
        self.output = nn.Conv1d(config.hidden_channels, config.num_sources * features, 1)

    def forward(self, frames: Tensor) -> Tensor:
        masks: Tensor = self.output(self.hidden(log_magnitude(frames)).relu()).sigmoid()  # (B, S·N, K)
        return masks.unflatten(1, self.shape)


class BandGains(MaskingSeparator):
    """Short-time Fourier transform, masks of each frame, inverse transform."""

    def __init__(self, config: BandGainsConfig) -> None:
        encoder, decoder = make_fourier_transform(config)
        super().__init__(config, encoder, FrameMasker(config), decoder)

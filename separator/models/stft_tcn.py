"""Conv-TasNet's masker on a short-time Fourier transform: real masks on its magnitude, the mixture's phase."""

from dataclasses import dataclass

from torch import Tensor, nn

from separator.models.config import FourierConfig, SeparableTCNConfig
from separator.models.fourier import FourierSeparator, log_magnitude
from separator.models.tcn_masker import TCNMasker


@dataclass(frozen=True, kw_only=True)
class STFTTCNConfig(SeparableTCNConfig, FourierConfig):
    """Every choice of an STFT-TCN."""


class LogMagnitudeMasker(nn.Module):
    """Shows a masker the logarithm of the magnitude of complex frames.

    Shape:
        `(B, N, K)` complex to real masks `(B, S, N, K)`.
    """

    def __init__(self, masker: nn.Module) -> None:
        super().__init__()
        self.masker = masker

    def forward(self, frames: Tensor) -> Tensor:
        masks: Tensor = self.masker(log_magnitude(frames))
        return masks.float()


class STFTTCN(FourierSeparator):
    """Short-time Fourier transform, separable TCN on log magnitudes, magnitude masks, inverse transform.

    Sixty frames a second in place of Conv-TasNet's thousand make it a tenth of the work; the mixture's phase bounds
    what it can reach.

    Args:
        config: Sizes.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`.

    Source:
        Masker: Luo and Mesgarani, 2019, arXiv 1809.07454. Magnitude masks trained through the inverse transform:
        Wang et al., 2018, arXiv 1804.10204.
    """

    def __init__(self, config: STFTTCNConfig) -> None:
        masker = TCNMasker.separable(config, num_features=config.channels * (config.window_length // 2 + 1))
        super().__init__(config, LogMagnitudeMasker(masker), masker.receptive_field)

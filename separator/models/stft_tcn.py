"""Conv-TasNet's masker on a short-time Fourier transform: real masks on its magnitude, the mixture's phase."""

from dataclasses import dataclass

from torch import Tensor

from separator.bricks.stepping import ComposedBrick, Run
from separator.models.conv_tasnet import SeparableTCNConfig, TCNMasker, make_separable_masker
from separator.models.fourier import FourierConfig, log_magnitude, make_fourier_transform
from separator.models.pipeline import MaskingSeparator


@dataclass(frozen=True, kw_only=True)
class STFTTCNConfig(SeparableTCNConfig, FourierConfig):
    """Every choice of an STFT-TCN."""


class LogMagnitudeMasker(ComposedBrick):
    """Shows a masker the logarithm of the magnitude of complex frames.

    Shape:
        `(B, N, K)` complex to real masks `(B, S, N, K)`.
    """

    def __init__(self, masker: TCNMasker) -> None:
        super().__init__()
        self.masker = masker
        self.receptive_field = masker.receptive_field

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        magnitudes = log_magnitude(frames)  # (B, N, K), real
        masks: Tensor = run(self.masker, magnitudes)  # (B, S, N, K)
        return masks.float()  # (B, S, N, K)


class STFTTCN(MaskingSeparator):
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

    Example:
        >>> import torch
        >>> config = STFTTCNConfig(hidden_channels=8, num_blocks=2, num_repeats=1, mask="softmax")
        >>> model, mixture = STFTTCN(config), torch.linspace(-1, 1, 8000).view(1, 1, -1)
        >>> sources = model(mixture)
        >>> sources.shape
        torch.Size([1, 2, 1, 8000])
        >>> torch.allclose(sources.sum(dim=1), mixture, atol=1e-5)  # by the softmax over sources
        True
    """

    def __init__(self, config: STFTTCNConfig) -> None:
        masker = LogMagnitudeMasker(make_separable_masker(config, config.channels * config.num_bins))
        encoder, decoder = make_fourier_transform(config)
        super().__init__(config, encoder, masker, decoder, sums_to_mixture=config.mask == "softmax")

"""The one pipeline behind every separator: encoder, masker, decoder."""

from torch import Tensor, nn


class MaskingSeparator(nn.Module):
    """Encodes a mixture into frames, multiplies them with a mask for each source, decodes each product.

    Args:
        encoder: Waveform `(B, C, T)` to frames `(B, N, K)`, real or complex.
        masker: Frames `(B, N, K)` to masks `(B, S, N, K)`.
        decoder: Called with frames `(B, N, K)` and a length; gives a waveform `(B, C, length)`.
        num_sources: S.
        channels: Audio channels C.
        causal: Whether the masker looks at no later frame.
        receptive_field_samples: Samples of the mixture that one output sample depends on through convolutions.
        sums_to_mixture: Whether the sources sum to the mixture, whatever the weights.
        latency_samples: Samples after an output sample that it depends on, when causal: up to the end of the last
            window that holds it.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any T from 1.

    Raises:
        ValueError: If the input has another number of dimensions or channels, or no sample.
    """

    def __init__(
        self,
        encoder: nn.Module,
        masker: nn.Module,
        decoder: nn.Module,
        *,
        num_sources: int,
        channels: int = 1,
        causal: bool = False,
        sums_to_mixture: bool = False,
        receptive_field_samples: int,
        latency_samples: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.masker = masker
        self.decoder = decoder
        self.num_sources = num_sources
        self.channels = channels
        self.causal = causal
        self.sums_to_mixture = sums_to_mixture
        self.receptive_field_samples = receptive_field_samples
        self.latency_samples = latency_samples

    def forward(self, mixture: Tensor) -> Tensor:
        if mixture.dim() != 3 or mixture.shape[1] != self.channels or mixture.shape[2] < 1:
            raise ValueError(
                f"expected a mixture of shape (batch, {self.channels}, samples), found {tuple(mixture.shape)}"
            )
        batch, _, length = mixture.shape
        frames = self.encoder(mixture)  # (B, N, K)
        masks = self.masker(frames)  # (B, S, N, K)
        masked = masks * frames.unsqueeze(1)  # (B, S, N, K)
        sources: Tensor = self.decoder(masked.flatten(0, 1), length)  # (B·S, C, T)
        return sources.unflatten(0, (batch, self.num_sources))  # (B, S, C, T)

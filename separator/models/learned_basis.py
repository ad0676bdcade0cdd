"""The separators on a learned basis: their encoder and decoder are 1-D convolutions, their maskers differ."""

from torch import nn

from separator.bricks.conv1d import Conv1dDecoder, Conv1dEncoder
from separator.models.config import LearnedBasisConfig
from separator.models.pipeline import MaskingSeparator


class LearnedBasisSeparator(MaskingSeparator):
    """Learned encoder, a masker, learned decoder.

    Args:
        config: Sizes of the basis.
        masker: Frames `(B, N, K)` to masks `(B, S, N, K)`; its `receptive_field` is in frames.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.
    """

    def __init__(self, config: LearnedBasisConfig, masker: nn.Module) -> None:
        geometry = (config.channels, config.num_filters, config.kernel_size, config.stride)
        decoder = Conv1dDecoder(*geometry, config.edge_padding)
        # An output sample is the sum of several frames, and each of those sees the masker's receptive field.
        frames_seen = decoder.receptive_field - 1 + int(masker.receptive_field)  # type: ignore[arg-type]
        super().__init__(
            Conv1dEncoder(*geometry, config.encoder_activation, config.edge_padding),
            masker,
            decoder,
            num_sources=config.num_sources,
            channels=config.channels,
            causal=config.causal,
            receptive_field_samples=(frames_seen - 1) * config.stride + config.kernel_size,
            latency_samples=config.kernel_size - 1,
        )
        self.config = config

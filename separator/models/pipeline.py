"""The one pipeline behind every separator: encoder, masker, decoder; and the settings that all of them have."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn import functional

from separator.bricks.norm import NormName, check_norm
from separator.bricks.stepping import State, initial_state
from separator.errors import InputError


class SoftmaxOverSources(nn.Module):
    """Masks that sum to 1 over the sources: `(B, S, N, K)` to the same shape."""

    framewise = True

    def forward(self, masks: Tensor) -> Tensor:
        return torch.softmax(masks, dim=1)  # (B, S, N, K)


class SoftmaxOverFeatures(nn.Module):
    """Masks of each source that sum to 1 over its features, as SpeechBrain has them: `(B, S, N, K)` to the same."""

    framewise = True

    def forward(self, masks: Tensor) -> Tensor:
        return torch.softmax(masks, dim=2)  # (B, S, N, K)


MaskName = Literal["sigmoid", "relu", "softmax", "linear", "tanh", "softmax_over_features"]

MASKS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "softmax": SoftmaxOverSources,
    "linear": nn.Identity,
    "tanh": nn.Tanh,
    "softmax_over_features": SoftmaxOverFeatures,
}
"""Activation of the masks by name."""


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """Settings that every mask-based separator has.

    Args:
        norm: "gLN", over the whole input, "cLN", over the past, or "frameLN", of each frame by itself.
        mask: Activation of the masks; "softmax" makes the masks of all sources sum to 1, "linear" leaves them as they
            are, "softmax_over_features" makes those of each source sum to 1.
        causal: Whether no output may depend on later frames; not with gLN.
        num_sources: Number of outputs.
        channels: Audio channels of the mixture and of each output.

    Raises:
        InputError: If a number is below 1, a name is unknown, or the choices do not go together.
    """

    norm: NormName = "gLN"
    mask: MaskName = "sigmoid"
    causal: bool = False
    num_sources: int = 2
    channels: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        check_norm(self.norm, self.causal)

    def check_block_kernel(self, block_kernel_size: int) -> None:
        """Raise `InputError` if a block's kernel has no middle and needs one."""
        if not self.causal and block_kernel_size % 2 == 0:
            raise InputError(f"block_kernel_size: expected an odd number unless causal, found {block_kernel_size}")


def check_fields(config: Any) -> None:
    """Raise `InputError` if a whole number of a config is below 1, or a named choice is none of its names."""
    types = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, kind = getattr(config, field.name), types[field.name]
        if kind is int and value < 1:
            raise InputError(f"{field.name}: expected at least 1, found {value}")
        if get_origin(kind) is Literal and value not in get_args(kind):
            raise InputError(f"{field.name}: expected one of {', '.join(get_args(kind))}, found {value!r}")


@dataclass(frozen=True)
class SeparatorState:
    """State of a separator that runs on a signal while it arrives.

    Attributes:
        encoder, masker, decoder: States of the parts; the decoder's has a row for each source of each mixture.
        waiting: Samples taken whose sources have not come out yet, `(B,)`.
    """

    encoder: State
    masker: State
    decoder: State
    waiting: Tensor


class MaskingSeparator(nn.Module):
    """Encodes a mixture into frames, multiplies them with a mask for each source, decodes each product.

    The parts are bricks or made of them. They say how far they see: the encoder how many samples a frame depends on
    (`receptive_field`) and how far apart frames are (`stride`), the masker how many frames a mask depends on, and the
    decoder how many frames a sample is the sum of (`receptive_field`).

    Args:
        config: Norm, mask, causality, number of sources and of audio channels; kept as `config`.
        encoder: Waveform `(B, C, T)` to frames `(B, N, K)`, real or complex.
        masker: Frames `(B, N, K)` to masks `(B, S, N, K)`.
        decoder: Called with frames `(B, N, K)` and a length; gives a waveform `(B, C, length)`.
        sums_to_mixture: Whether the sources sum to the mixture, whatever the weights.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any T from 1.

    Raises:
        ValueError: If the input has another number of dimensions or channels, or no sample.

    Example:
        >>> from separator.bricks import STFTDecoder, STFTEncoder
        >>> class HalfEach(nn.Module):
        ...     receptive_field = 1
        ...     def forward(self, frames: Tensor) -> Tensor:
        ...         return torch.full((frames.shape[0], 2, *frames.shape[1:]), 0.5)
        >>> model = MaskingSeparator(MaskingConfig(), STFTEncoder(64, 32), HalfEach(), STFTDecoder(64, 32))
        >>> mixture = torch.linspace(-1, 1, 1000).view(1, 1, -1)
        >>> sources = model(mixture)
        >>> sources.shape, torch.allclose(sources[:, 0], mixture / 2, atol=1e-5)
        (torch.Size([1, 2, 1, 1000]), True)

    One that is causal runs on a signal while it arrives, each sample `latency_samples` late at most:

        >>> from separator.models import build_model
        >>> model = build_model("tcn_tasnet", {"num_filters": 8, "hidden_channels": 4, "num_blocks": 2}).eval()
        >>> parts, state = [], model.initial_state(batch=1)
        >>> for block in mixture.split(160, dim=-1):
        ...     sources, state = model.step(block, state)
        ...     parts.append(sources)
        >>> parts.append(model.finish(state))
        >>> torch.allclose(torch.cat(parts, dim=-1), model(mixture), atol=1e-5)
        True
    """

    def __init__(
        self, config: MaskingConfig, encoder: Any, masker: Any, decoder: Any, *, sums_to_mixture: bool = False
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.masker = masker
        self.decoder = decoder
        self.num_sources = config.num_sources
        self.channels = config.channels
        self.causal = config.causal
        self.sums_to_mixture = sums_to_mixture
        frames_seen = decoder.receptive_field + masker.receptive_field - 1
        self.receptive_field_samples: int = (frames_seen - 1) * encoder.stride + encoder.receptive_field
        """Samples of the mixture that one output sample depends on through convolutions."""
        self.latency_samples: int = encoder.receptive_field - 1
        """Samples after an output sample that it depends on, when causal: up to the end of the last frame it is in."""

    def forward(self, mixture: Tensor) -> Tensor:
        self._check_mixture(mixture, fewest_samples=1)
        length = mixture.shape[2]
        frames = self.encoder(mixture)  # (B, N, K)
        masks = self.masker(frames)  # (B, S, N, K)
        masked = masks * frames.unsqueeze(1)  # (B, S, N, K)
        sources: Tensor = self.decoder(masked.flatten(0, 1), length)  # (B·S, C, T)
        return sources.unflatten(0, (-1, self.num_sources))  # (B, S, C, T)

    def _check_mixture(self, mixture: Tensor, fewest_samples: int) -> None:
        if mixture.dim() != 3 or mixture.shape[1] != self.channels or mixture.shape[2] < fewest_samples:
            raise ValueError(
                f"expected a mixture of shape (batch, {self.channels}, samples), found {tuple(mixture.shape)}"
            )

    def initial_state(self, batch: int) -> SeparatorState:
        """Return the state before the first sample.

        Raises:
            InputError: If the model looks ahead, or a part of it cannot step.
        """
        if not self.causal:
            raise InputError(f"{type(self).__name__} cannot run on a live signal: it is not causal (causal: false)")
        encoder, masker = initial_state(self.encoder, batch), initial_state(self.masker, batch)
        waiting = torch.zeros(batch, dtype=torch.int64, device=next(self.parameters()).device)
        return SeparatorState(encoder, masker, initial_state(self.decoder, batch * self.num_sources), waiting)

    def step(self, mixture: Tensor, state: SeparatorState) -> tuple[Tensor, SeparatorState]:
        """Return the sources of the samples that are ready with the next of the mixture, and the state behind them.

        Together with `finish`, what comes out is what `forward` gives for the whole mixture.

        Shape:
            `(B, C, t)` to `(B, S, C, u)`, both from 0.
        """
        self._check_mixture(mixture, fewest_samples=0)
        frames, encoder = self.encoder.step(mixture, state.encoder)  # (B, N, k)
        sources, masker, decoder = self._step_frames(frames, state)
        waiting = state.waiting + mixture.shape[2] - sources.shape[3]
        return sources, SeparatorState(encoder, masker, decoder, waiting)

    def finish(self, state: SeparatorState) -> Tensor:
        """Return the sources of the samples that wait, `(B, S, C, u)`: the signal ends here."""
        sources, _, decoder = self._step_frames(self.encoder.finish(state.encoder), state)
        rest = self.decoder.finish(decoder).unflatten(0, (-1, self.num_sources))
        sources, waiting = torch.cat([sources, rest], dim=3), int(state.waiting[0])
        return functional.pad(sources, (0, waiting - sources.shape[3]))  # cuts what is more

    def _step_frames(self, frames: Tensor, state: SeparatorState) -> tuple[Tensor, State, State]:
        """Return the sources `(B, S, C, u)` that frames `(B, N, k)` complete, and the masker's and decoder's states."""
        masked, masker = frames.unsqueeze(1).expand(-1, self.num_sources, -1, -1), state.masker
        if frames.shape[2] > 0:
            masks, masker = self.masker.step(frames, masker)  # (B, S, N, k)
            masked = masks * masked  # (B, S, N, k)
        sources, decoder = self.decoder.step(masked.flatten(0, 1), state.decoder)  # (B·S, C, u)
        return sources.unflatten(0, (-1, self.num_sources)), masker, decoder

"""Common parts of all models' configs: the choices of masks, and of a learned basis or a Fourier transform."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from separator.bricks.conv1d import Activation, EdgePadding
from separator.bricks.norm import check_norm
from separator.errors import InputError


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """Settings that every mask-based separator has.

    Args:
        norm: "gLN", over the whole input, or "cLN", over the past.
        mask: Activation of the masks; "softmax" makes the masks of all sources sum to 1.
        causal: Whether no output may depend on later frames; needs cLN.
        num_sources: Number of outputs.
        channels: Audio channels of the mixture and of each output.

    Raises:
        InputError: If a number is below 1, a name is unknown, or the choices do not go together.
    """

    norm: Literal["gLN", "cLN"] = "gLN"
    mask: Literal["sigmoid", "relu", "softmax"] = "sigmoid"
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


@dataclass(frozen=True, kw_only=True)
class LearnedBasisConfig(MaskingConfig):
    """A learned basis in place of a Fourier transform. The defaults are Conv-TasNet's, for 16 kHz: L is 32, not 16.

    Args:
        num_filters: Basis functions of the encoder (N).
        kernel_size: Length of a basis function in samples (L); the hop is its half, rounded down.
        encoder_activation: "linear" or "relu".
        edge_padding: "torchaudio": a hop of zeros before and after the signal, and what completes the last frame.
            "asteroid": none; samples after the last whole frame come out as zeros.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, section II-B.
    """

    num_filters: int = 512
    kernel_size: int = 32
    encoder_activation: Activation = "linear"
    edge_padding: EdgePadding = "torchaudio"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel_size < 2:
            raise InputError(f"kernel_size: expected at least 2, found {self.kernel_size}")

    @property
    def stride(self) -> int:
        """Return the number of samples from one frame to the next."""
        return self.kernel_size // 2


@dataclass(frozen=True, kw_only=True)
class FourierConfig(MaskingConfig):
    """A short-time Fourier transform with square-root Hann windows.

    Args:
        window_length: Samples of the window; even.
        hop_length: Samples between frames; divides the window at least twice.
    """

    window_length: int = 512
    hop_length: int = 256


@dataclass(frozen=True, kw_only=True)
class SeparableTCNConfig(MaskingConfig):
    """Sizes of Conv-TasNet's temporal convolutional network. The defaults are the paper's.

    Args:
        bottleneck_channels: Channels of the residual path (B).
        hidden_channels: Channels inside a block (H).
        skip_channels: Channels of the skip path (Sc).
        block_kernel_size: Taps of a block's depthwise convolution (P); odd unless causal.
        num_blocks: Blocks in a repeat (X).
        num_repeats: Repeats (R).

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, table I.
    """

    bottleneck_channels: int = 128
    hidden_channels: int = 512
    skip_channels: int = 128
    block_kernel_size: int = 3
    num_blocks: int = 8
    num_repeats: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_block_kernel(self.block_kernel_size)


def check_fields(config: Any) -> None:
    """Raise `InputError` if a whole number of a config is below 1, or a named choice is none of its names."""
    types = get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value, kind = getattr(config, field.name), types[field.name]
        if kind is int and value < 1:
            raise InputError(f"{field.name}: expected at least 1, found {value}")
        if get_origin(kind) is Literal and value not in get_args(kind):
            raise InputError(f"{field.name}: expected one of {', '.join(get_args(kind))}, found {value!r}")

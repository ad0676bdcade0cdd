"""Conv-TasNet: a learned basis, masked by a stack of dilated depthwise-separable convolutions.

To be read with `models/pipeline.py` (encoder, masker, decoder in turn) and three files of bricks: `bricks/conv1d.py`
(encoder, decoder), `bricks/separable_tcn.py` (the stack and its block) and `bricks/norm.py`. The other TasNets share
the basis and the masker.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from separator.bricks.conv1d import Activation, Conv1dDecoder, Conv1dEncoder, EdgePadding
from separator.bricks.dilated import BlockPadding, DilatedConv1d
from separator.bricks.gradients import PReLU
from separator.bricks.norm import NormName, check_norm, make_norm
from separator.bricks.separable_tcn import SeparableTCN
from separator.bricks.stepping import ComposedBrick, Run
from separator.errors import InputError
from separator.models.pipeline import MASKS, MaskingConfig, MaskingSeparator


@dataclass(frozen=True, kw_only=True)
class LearnedBasisConfig(MaskingConfig):
    """A learned basis in place of a Fourier transform. The defaults are Conv-TasNet's, for 16 kHz: L is 32, not 16.

    Args:
        num_filters: Basis functions of the encoder (N).
        kernel_size: Length of a basis function in samples (L).
        hop_samples: Samples from one frame to the next; None is half of L, rounded down, as in the paper.
        encoder_activation: "linear" or "relu".
        edge_padding: "torchaudio": a hop of zeros before and after the signal, and what completes the last frame.
            "asteroid": none; samples after the last whole frame come out as zeros. "naplab": a hop before and after,
            and what completes a whole L behind it.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, section II-B.
    """

    num_filters: int = 512
    kernel_size: int = 32
    hop_samples: int | None = None
    encoder_activation: Activation = "linear"
    edge_padding: EdgePadding = "torchaudio"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel_size < 2:
            raise InputError(f"kernel_size: expected at least 2, found {self.kernel_size}")
        if not 1 <= self.stride <= self.kernel_size:
            raise InputError(f"hop_samples: expected 1 to kernel_size ({self.kernel_size}), found {self.stride}")
        if self.edge_padding == "naplab" and self.kernel_size != 2 * self.stride:
            raise InputError(
                f"edge_padding: 'naplab' needs frames that overlap by half, found kernel_size {self.kernel_size} "
                f"and a hop of {self.stride}"
            )

    @property
    def stride(self) -> int:
        """Return the number of samples from one frame to the next."""
        return self.kernel_size // 2 if self.hop_samples is None else self.hop_samples


@dataclass(frozen=True, kw_only=True)
class SeparableTCNConfig(MaskingConfig):
    """Sizes of Conv-TasNet's temporal convolutional network. The defaults are the paper's.

    Args:
        bottleneck_channels: Channels of the residual path (B).
        hidden_channels: Channels inside a block (H).
        skip_channels: Channels of the skip path (Sc); None for none: masks are then made from the residual path.
        block_kernel_size: Taps of a block's depthwise convolution (P); odd unless causal.
        num_blocks: Blocks in a repeat (X).
        num_repeats: Repeats (R).
        input_norm: Norm of the encoder's frames; None is `norm`, as in the paper.
        output_prelu: Whether a PReLU stands before the 1×1 that gives the masks.
        bias: Whether the masker's convolutions add constants.
        block_padding: "zeros" outside of the frames; "speechbrain": mirrored frames, or zeros and a delay if causal
            (`DilatedConv1d`).

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, table I.
    """

    bottleneck_channels: int = 128
    hidden_channels: int = 512
    skip_channels: int | None = 128
    block_kernel_size: int = 3
    num_blocks: int = 8
    num_repeats: int = 3
    input_norm: NormName | None = None
    output_prelu: bool = True
    bias: bool = True
    block_padding: BlockPadding = "zeros"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_block_kernel(self.block_kernel_size)
        check_norm(self.input_norm or self.norm, self.causal)
        if self.skip_channels is not None and self.skip_channels < 1:
            raise InputError(f"skip_channels: expected at least 1, or null for none, found {self.skip_channels}")


@dataclass(frozen=True, kw_only=True)
class ConvTasNetConfig(SeparableTCNConfig, LearnedBasisConfig):
    """Every choice of a Conv-TasNet. The defaults are the paper's (its table I), for 16 kHz: L is 32 in place of 16."""


class TCNMasker(ComposedBrick):
    """Masks for every source from the encoder's frames: norm, 1×1 to few channels, network, PReLU, 1×1, mask.

    Args:
        config: Norm, mask, causality and number of sources.
        tcn: Brick from `(B, bottleneck_channels, K)` to `(B, output_channels, K)` with a `receptive_field`.
        num_features: N.
        bottleneck_channels: Channels into `tcn` (B).
        output_channels: Channels out of it (Sc).
        input_norm: Norm of the frames; None is the config's.
        prelu: Whether there is the PReLU.
        bias: Whether both 1×1 add constants.

    Shape:
        `(B, N, K)` to `(B, S, N, K)`.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, figure 1B.
    """

    def __init__(
        self,
        config: MaskingConfig,
        tcn: nn.Module,
        num_features: int,
        bottleneck_channels: int,
        output_channels: int,
        input_norm: NormName | None = None,
        prelu: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.num_sources = config.num_sources
        self.norm = make_norm(input_norm or config.norm, num_features, config.causal)
        self.bottleneck = DilatedConv1d(num_features, bottleneck_channels, 1, bias=bias)
        self.tcn = tcn
        self.activation = PReLU() if prelu else nn.Identity()
        self.output = DilatedConv1d(output_channels, config.num_sources * num_features, 1, bias=bias)
        self.mask = MASKS[config.mask]()
        self.receptive_field = int(tcn.receptive_field)  # type: ignore[arg-type]
        """Frames that the convolutions see."""

    def compose(self, run: Run, frames: Tensor) -> Tensor:
        normalised = run(self.norm, frames)  # (B, N, K)
        narrow = run(self.bottleneck, normalised)  # (B, bottleneck_channels, K)
        hidden = self.activation(run(self.tcn, narrow))  # (B, output_channels, K)
        masks = run(self.output, hidden)  # (B, S·N, K)
        masks = masks.unflatten(1, (self.num_sources, self.num_features))  # (B, S, N, K)
        return self.mask(masks)  # (B, S, N, K)


def make_learned_basis(config: LearnedBasisConfig) -> tuple[Conv1dEncoder, Conv1dDecoder]:
    """Build the encoder, `(B, C, T)` to frames `(B, N, K)`, and the decoder back to `(B, C, T)`."""
    sizes = (config.channels, config.num_filters, config.kernel_size, config.stride)
    decoder = Conv1dDecoder(*sizes, config.edge_padding)  # draws its weights first: a seed keeps its weights
    encoder = Conv1dEncoder(*sizes, config.encoder_activation, config.edge_padding)
    return encoder, decoder


def make_separable_masker(config: SeparableTCNConfig, num_features: int) -> TCNMasker:
    """Build Conv-TasNet's masker: frames `(B, N, K)` to masks `(B, S, N, K)`, N being `num_features`."""
    tcn = SeparableTCN(
        config.bottleneck_channels,
        config.hidden_channels,
        config.skip_channels,
        config.block_kernel_size,
        config.num_blocks,
        config.num_repeats,
        config.norm,
        config.causal,
        config.bias,
        config.block_padding,
    )
    return TCNMasker(
        config,
        tcn,
        num_features,
        config.bottleneck_channels,
        config.skip_channels or config.bottleneck_channels,
        config.input_norm,
        config.output_prelu,
        config.bias,
    )


class ConvTasNet(MaskingSeparator):
    """Conv-TasNet. In the order of the paper, with its letters, as `MaskingSeparator.forward` runs it:

    1. encoder: `(B, C, T)` to frames `(B, N, K)`, N learned filters of L samples (`Conv1dEncoder`);
    2. masker: frames to masks `(B, S, N, K)` (`TCNMasker`): norm, 1×1 to B channels, R repeats of X blocks whose
       Sc-channel skip outputs are added (`SeparableTCN` of `SeparableBlock`), PReLU, 1×1, sigmoid;
    3. decoder: each mask times the frames, `(B·S, N, K)`, to `(B·S, C, T)` (`Conv1dDecoder`).

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        Luo and Mesgarani, "Conv-TasNet: Surpassing ideal time-frequency magnitude masking for speech separation", 2019,
        arXiv 1809.07454.

    Example:
        >>> import torch
        >>> model = ConvTasNet(ConvTasNetConfig())  # the paper's sizes
        >>> sum(weight.numel() for weight in model.parameters())
        5001265
        >>> model.receptive_field_samples / 16000  # seconds at 16 kHz
        1.533
        >>> small = ConvTasNetConfig(num_filters=16, hidden_channels=8, num_blocks=2, num_repeats=1, num_sources=3)
        >>> ConvTasNet(small)(torch.zeros(1, 1, 16000)).shape
        torch.Size([1, 3, 1, 16000])
    """

    def __init__(self, config: ConvTasNetConfig) -> None:
        masker = make_separable_masker(config, config.num_filters)
        encoder, decoder = make_learned_basis(config)
        super().__init__(config, encoder, masker, decoder)

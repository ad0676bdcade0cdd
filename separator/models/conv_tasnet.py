"""Conv-TasNet: a learned basis, masked by a stack of dilated depthwise-separable convolutions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from separator.bricks.conv1d import Activation, Conv1dDecoder, Conv1dEncoder, EdgePadding
from separator.bricks.norm import check_norm
from separator.errors import InputError
from separator.models.pipeline import MaskingSeparator
from separator.models.tcn_masker import MASKS, TCNMasker


@dataclass(frozen=True)
class ConvTasNetConfig:
    """Every choice of a Conv-TasNet. The defaults are the paper's (its table I), for 16 kHz: L is 32 in place of 16.

    Args:
        num_filters: Basis functions of the encoder (N).
        kernel_size: Length of a basis function in samples (L); the hop is its half, rounded down.
        bottleneck_channels: Channels of the residual path (B).
        hidden_channels: Channels inside a block (H).
        skip_channels: Channels of the skip path (Sc).
        block_kernel_size: Taps of a block's depthwise convolution (P); odd unless causal.
        num_blocks: Blocks in a repeat (X).
        num_repeats: Repeats (R).
        norm: "gLN", over the whole input, or "cLN", over the past.
        mask: Activation of the masks; "softmax" makes the masks of all sources sum to 1.
        causal: Whether the model may run on a live signal; needs cLN.
        num_sources: Number of outputs.
        channels: Audio channels of the mixture and of each output.
        encoder_activation: "linear" or "relu".
        edge_padding: "torchaudio": a hop of zeros before and after the signal, and what completes the last frame.
            "asteroid": none; samples after the last whole frame come out as zeros.

    Raises:
        InputError: If a size is too small, a name is unknown, or the choices do not go together.

    Source:
        Luo and Mesgarani, Conv-TasNet, arXiv 1809.07454, table I.
    """

    num_filters: int = 512
    kernel_size: int = 32
    bottleneck_channels: int = 128
    hidden_channels: int = 512
    skip_channels: int = 128
    block_kernel_size: int = 3
    num_blocks: int = 8
    num_repeats: int = 3
    norm: Literal["gLN", "cLN"] = "gLN"
    mask: Literal["sigmoid", "relu", "softmax"] = "sigmoid"
    causal: bool = False
    num_sources: int = 2
    channels: int = 1
    encoder_activation: Activation = "linear"
    edge_padding: EdgePadding = "torchaudio"

    def __post_init__(self) -> None:
        smallest = {
            "num_filters": 1,
            "kernel_size": 2,
            "bottleneck_channels": 1,
            "hidden_channels": 1,
            "skip_channels": 1,
            "block_kernel_size": 1,
            "num_blocks": 1,
            "num_repeats": 1,
            "num_sources": 1,
            "channels": 1,
        }
        for key, least in smallest.items():
            if getattr(self, key) < least:
                raise InputError(f"{key}: expected at least {least}, found {getattr(self, key)}")
        names = {"mask": MASKS, "encoder_activation": get_args(Activation), "edge_padding": get_args(EdgePadding)}
        for key, known in names.items():
            if getattr(self, key) not in known:
                raise InputError(f"{key}: expected one of {', '.join(known)}, found {getattr(self, key)!r}")
        check_norm(self.norm, self.causal)
        if not self.causal and self.block_kernel_size % 2 == 0:
            raise InputError(f"block_kernel_size: expected an odd number unless causal, found {self.block_kernel_size}")

    @property
    def stride(self) -> int:
        """Samples from one frame to the next."""
        return self.kernel_size // 2


class ConvTasNet(MaskingSeparator):
    """Conv-TasNet.

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        Luo and Mesgarani, "Conv-TasNet: Surpassing ideal time-frequency magnitude masking for speech separation", 2019,
        arXiv 1809.07454.
    """

    def __init__(self, config: ConvTasNetConfig) -> None:
        geometry = (config.channels, config.num_filters, config.kernel_size, config.stride)
        masker = TCNMasker(
            num_features=config.num_filters,
            num_sources=config.num_sources,
            bottleneck_channels=config.bottleneck_channels,
            hidden_channels=config.hidden_channels,
            skip_channels=config.skip_channels,
            block_kernel_size=config.block_kernel_size,
            num_blocks=config.num_blocks,
            num_repeats=config.num_repeats,
            norm=config.norm,
            mask=config.mask,
            causal=config.causal,
        )
        decoder = Conv1dDecoder(*geometry, config.edge_padding)
        # An output sample is the sum of several frames, and each of those sees the masker's receptive field.
        frames_seen = decoder.receptive_field - 1 + masker.receptive_field
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


def convert_torchaudio_state_dict(state: Mapping[str, Tensor], config: ConvTasNetConfig) -> dict[str, Tensor]:
    """Rename the weights of a `torchaudio.models.ConvTasNet` to those of a `ConvTasNet`: one to one, shapes unchanged.

    Args:
        state: `state_dict()` of torchaudio's model.
        config: Config of the model that is to load them.

    Raises:
        InputError: If torchaudio's model cannot express the config, or `state` is not that of a model of this size.
    """
    fixed = {
        "norm": "gLN",
        "causal": False,
        "channels": 1,
        "encoder_activation": "linear",
        "edge_padding": "torchaudio",
        "skip_channels": config.bottleneck_channels,
    }
    for key, expected in fixed.items():
        if getattr(config, key) != expected:
            raise InputError(f"{key}: torchaudio's Conv-TasNet has {expected!r}, found {getattr(config, key)!r}")
    if config.mask == "softmax":
        raise InputError("mask: torchaudio's Conv-TasNet has 'sigmoid' or 'relu', found 'softmax'")
    modules = {
        "encoder.basis": "encoder",
        "masker.norm": "mask_generator.input_norm",
        "masker.bottleneck": "mask_generator.input_conv",
        "masker.activation": "mask_generator.output_prelu",
        "masker.output": "mask_generator.output_conv",
        "decoder.basis": "decoder",
    }
    inner = ("expansion", "expansion_prelu", "expansion_norm", "depthwise", "depthwise_prelu", "depthwise_norm")
    for index in range(config.num_blocks * config.num_repeats):
        ours, theirs = f"masker.tcn.blocks.{index}", f"mask_generator.conv_layers.{index}"
        modules |= {f"{ours}.{name}": f"{theirs}.conv_layers.{place}" for place, name in enumerate(inner)}
        modules |= {f"{ours}.residual": f"{theirs}.res_out", f"{ours}.skip": f"{theirs}.skip_out"}
    with torch.device("meta"):
        expected_shapes = {name: tensor.shape for name, tensor in ConvTasNet(config).state_dict().items()}
    converted = {}
    for name, shape in expected_shapes.items():
        module, _, parameter = name.rpartition(".")
        source = f"{modules[module]}.{parameter}"
        if source not in state or state[source].shape != shape:
            found = f"shape {tuple(state[source].shape)}" if source in state else "no such tensor"
            raise InputError(f"{source}: expected shape {tuple(shape)}, found {found}")
        converted[name] = state[source]
    if len(converted) != len(state):
        raise InputError(f"torchaudio weights: expected {len(converted)} tensors for this config, found {len(state)}")
    return converted

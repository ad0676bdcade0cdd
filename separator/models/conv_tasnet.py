"""Conv-TasNet: a learned basis, masked by a stack of dilated depthwise-separable convolutions."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from separator.errors import InputError
from separator.models.config import LearnedBasisConfig, SeparableTCNConfig
from separator.models.learned_basis import LearnedBasisSeparator
from separator.models.tcn_masker import TCNMasker


@dataclass(frozen=True, kw_only=True)
class ConvTasNetConfig(SeparableTCNConfig, LearnedBasisConfig):
    """Every choice of a Conv-TasNet. The defaults are the paper's (its table I), for 16 kHz: L is 32 in place of 16."""


class ConvTasNet(LearnedBasisSeparator):
    """Conv-TasNet.

    In the order of the paper, with its letters, and where each part is written:

    1. encoder: `(B, C, T)` to frames `(B, N, K)`, N learned filters of L samples (`bricks.conv1d.Conv1dEncoder`);
    2. masker: frames to masks `(B, S, N, K)` (`models.tcn_masker.TCNMasker`): norm, 1×1 to B channels, R repeats of X
       blocks whose Sc-channel skip outputs are added (`bricks.separable_tcn.SeparableTCN`), PReLU, 1×1, sigmoid;
    3. decoder: each mask times the frames, `(B·S, N, K)`, to `(B·S, C, T)` (`bricks.conv1d.Conv1dDecoder`).

    A block is `bricks.separable_tcn.SeparableBlock`; the three parts are joined in `models.pipeline.MaskingSeparator`.

    Args:
        config: Every choice of the model.

    Shape:
        `(B, C, T)` to `(B, S, C, T)`, for any `T ≥ 1`.

    Source:
        Luo and Mesgarani, "Conv-TasNet: Surpassing ideal time-frequency magnitude masking for speech separation", 2019,
        arXiv 1809.07454.
    """

    def __init__(self, config: ConvTasNetConfig) -> None:
        super().__init__(config, TCNMasker.separable(config, config.num_filters))


def convert_torchaudio_state_dict(state: Mapping[str, Tensor], config: ConvTasNetConfig) -> dict[str, Tensor]:
    """Rename the weights of a `torchaudio.models.ConvTasNet` to those of a `ConvTasNet`: one to one, shapes unchanged.

    Args:
        state: `state_dict()` of torchaudio's model.
        config: Config of the model that is to load them.

    Raises:
        InputError: If torchaudio's model cannot express the config, or `state` is not that of a model of this size.
    """
    names = torchaudio_names(config)
    with torch.device("meta"):
        expected_shapes = {name: tensor.shape for name, tensor in ConvTasNet(config).state_dict().items()}
    converted = {}
    for name, shape in expected_shapes.items():
        source = names[name]
        if source not in state or state[source].shape != shape:
            found = f"shape {tuple(state[source].shape)}" if source in state else "no such tensor"
            raise InputError(f"{source}: expected shape {tuple(shape)}, found {found}")
        converted[name] = state[source]
    if len(converted) != len(state):
        raise InputError(f"torchaudio weights: expected {len(converted)} tensors for this config, found {len(state)}")
    return converted


def torchaudio_names(config: ConvTasNetConfig) -> dict[str, str]:
    """Return the name in torchaudio's Conv-TasNet of each weight of ours.

    Raises:
        InputError: If torchaudio's model cannot express the config.
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
        names = list(ConvTasNet(config).state_dict())
    return {name: f"{modules[module]}.{parameter}" for name in names for module, _, parameter in [name.rpartition(".")]}

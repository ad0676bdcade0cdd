"""Weights of torchaudio's Conv-TasNet, which are those of ours under other names."""

from collections.abc import Mapping

import torch
from torch import Tensor

from separator.errors import InputError
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig


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

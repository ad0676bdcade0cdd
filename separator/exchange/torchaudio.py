"""torchaudio's Conv-TasNet: state dicts of `torchaudio.models.ConvTasNet`, and its trained bundle.

What it can express: gLN, three taps a block, not causal, one channel, a linear encoder, frames that overlap by half
with a hop of zeros at both edges, as many skip as residual channels, sigmoid or ReLU masks. A state dict says none of
what is no size: which mask, and how the blocks are spread over repeats, must be told.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from separator.errors import InputError
from separator.exchange.imported import (
    Imported,
    bare_tensors,
    rename_weights,
    repeats,
    shape_of,
    take_told,
    tensor_names,
)
from separator.models import config_to_dict
from separator.models.conv_tasnet import ConvTasNetConfig

BUNDLE = "CONVTASNET_BASE_LIBRI2MIX"
BUNDLE_URL = "https://download.pytorch.org/torchaudio/models/conv_tasnet_base_libri2mix.pt"
BUNDLE_SETTINGS = {"num_blocks": 8, "mask": "relu"}
BUNDLE_SAMPLE_RATE = 8000

MASKS = ("sigmoid", "relu")
FREE = (
    *("num_filters", "kernel_size", "bottleneck_channels", "hidden_channels"),
    *("num_blocks", "num_repeats", "num_sources", "mask"),
)
"""Settings of ours that torchaudio's model can have at will; the others are as our defaults, the paper's."""

OUTER = {
    "encoder.basis": "encoder.weight",
    "masker.norm": "mask_generator.input_norm",
    "masker.bottleneck": "mask_generator.input_conv",
    "masker.activation": "mask_generator.output_prelu",
    "masker.output": "mask_generator.output_conv",
    "decoder.basis": "decoder.weight",
}


def recognise(content: Mapping[str, Any]) -> bool:
    """Tell whether a file's content is a state dict of torchaudio's Conv-TasNet."""
    return any(name.startswith("mask_generator.conv_layers.") for name in bare_tensors(content))


def read(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a state dict of torchaudio's Conv-TasNet, or the bundle.

    Args:
        content: The state dict; with the key "bundle" beside it, the bundle's.
        told: `num_blocks` and `mask`, but of the bundle.

    Raises:
        InputError: If settings are missing, or a tensor is, or is left over or of another shape.
    """
    is_bundle = "bundle" in content
    state = bare_tensors(content)
    settings = take_told(told, {} if is_bundle else {"num_blocks": "8", "mask": "sigmoid"})
    settings |= BUNDLE_SETTINGS if is_bundle else {}
    config = {**sizes(state, settings["num_blocks"]), "mask": settings["mask"]}
    if config["mask"] not in MASKS:
        raise InputError(f"mask: torchaudio's Conv-TasNet has 'sigmoid' or 'relu', found {config['mask']!r}")
    if config["kernel_size"] % 2 or config["block_kernel_size"] != 3:
        raise InputError(
            "torchaudio's Conv-TasNet runs with an even kernel of the encoder and 3 taps a block, "
            f"found {config['kernel_size']} and {config['block_kernel_size']}"
        )
    return Imported(
        "torchaudio",
        config,
        rename_weights(state, config, OUTER, block_names),
        BUNDLE_SAMPLE_RATE if is_bundle else None,
        sums_to_mixture=is_bundle,
        facts={"bundle": f"{BUNDLE}, trained on Libri2Mix"} if is_bundle else {},
    )


def sizes(state: Mapping[str, Tensor], num_blocks: object) -> dict[str, Any]:
    """Return the sizes of a model from those of its tensors.

    Raises:
        InputError: If a tensor is missing or no weight of a convolution, or the blocks do not make whole repeats.
    """
    first = "mask_generator.conv_layers.0"
    prefix = "mask_generator.conv_layers."
    count = len({name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)})
    num_filters, _, kernel_size = shape_of(state, "encoder.weight")
    hidden, bottleneck, _ = shape_of(state, f"{first}.conv_layers.0.weight")
    return {
        "num_filters": num_filters,
        "kernel_size": kernel_size,
        "bottleneck_channels": bottleneck,
        "hidden_channels": hidden,
        "skip_channels": shape_of(state, f"{first}.skip_out.weight")[0],
        "block_kernel_size": shape_of(state, f"{first}.conv_layers.3.weight")[2],
        **repeats(count, num_blocks),
        "num_sources": shape_of(state, "mask_generator.output_conv.weight")[0] // max(num_filters, 1),
    }


def torchaudio_names(config: ConvTasNetConfig) -> dict[str, str]:
    """Return the name in torchaudio's Conv-TasNet of each weight of ours.

    Raises:
        InputError: If torchaudio's model cannot express the config.
    """
    fixed = config_to_dict(ConvTasNetConfig()) | {"skip_channels": config.bottleneck_channels}
    for key, found in config_to_dict(config).items():
        if key not in FREE and found != fixed[key]:
            raise InputError(f"{key}: torchaudio's Conv-TasNet has {fixed[key]!r}, found {found!r}")
    if config.mask not in MASKS:
        raise InputError(f"mask: torchaudio's Conv-TasNet has 'sigmoid' or 'relu', found {config.mask!r}")
    return tensor_names(config_to_dict(config), OUTER, block_names)


def block_names(index: int) -> tuple[str, ...]:
    """Return torchaudio's names of a block's parts."""
    block = f"mask_generator.conv_layers.{index}"
    return (*(f"{block}.conv_layers.{place}" for place in range(6)), f"{block}.res_out", f"{block}.skip_out")

"""SpeechBrain's Conv-TasNet folders: `hyperparams.yaml` beside `encoder.ckpt`, `masknet.ckpt` and `decoder.ckpt`.

What it can express: the encoder and decoder of `speechbrain.lobes.models.dual_path` (ReLU, frames that overlap by half)
around `speechbrain.lobes.models.conv_tasnet.MaskNet`: no constants, no skip path, no PReLU before the masks; a norm of
each frame by itself at the input; gLN or that norm in the blocks; frames mirrored at the edges, or late if causal; ReLU
masks, or softmax over the features. Batch norm, and the encoder and decoder of `conv_tasnet`, are refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from separator.errors import InputError
from separator.exchange.hyperparams import Construction, read_hyperparams
from separator.exchange.imported import LETTERS, WITHOUT_SKIPS, Imported, choose, rename_weights, take, take_told

ENCODER = "speechbrain.lobes.models.dual_path.Encoder"
MASKNET = "speechbrain.lobes.models.conv_tasnet.MaskNet"
DECODER = "speechbrain.lobes.models.dual_path.Decoder"
PARTS = ("encoder", "masknet", "decoder")

SIZES = ("N", "B", "H", "P", "X", "R", "C")
MASKNET_KNOWN = {**dict.fromkeys(SIZES), "norm_type": "gLN", "causal": False, "mask_nonlinear": "relu"}
ENCODER_KNOWN = {"kernel_size": 2, "out_channels": 64, "in_channels": 1}
DECODER_KNOWN = {"in_channels": None, "out_channels": None, "kernel_size": None, "stride": 1, "bias": True}

NORMS = {"gLN": "gLN", "cLN": "frameLN"}
MASKS = {"relu": "relu", "softmax": "softmax_over_features"}

OUTER = {
    "encoder.basis": "encoder.conv1d.weight",
    "masker.norm": "masknet.layer_norm",
    "masker.bottleneck": "masknet.bottleneck_conv1x1.conv",
    "masker.output": "masknet.mask_conv1x1.conv",
    "decoder.basis": "decoder.weight",
}


def recognise(content: Mapping[str, Any]) -> bool:
    """Tell whether a source's content is that of a SpeechBrain folder."""
    return "hyperparams" in content


def read(content: Mapping[str, Any], told: Mapping[str, Any]) -> Imported:
    """Read a SpeechBrain folder.

    Args:
        content: `hyperparams`, the text of the YAML file, and the state dicts of `PARTS`.
        told: Nothing: the folder says all.

    Raises:
        InputError: If it is another model, has a setting that cannot be expressed, or its tensors are not those that
            the settings make.
    """
    take_told(told, {})
    values = read_hyperparams(content["hyperparams"])
    encoder = take(_find(values, ENCODER), ENCODER, ENCODER_KNOWN, ())
    masknet = take(_find(values, MASKNET), MASKNET, MASKNET_KNOWN, SIZES)
    decoder = take(_find(values, DECODER), DECODER, DECODER_KNOWN, ("in_channels", "out_channels", "kernel_size"))
    half = encoder["kernel_size"] // 2 if isinstance(encoder["kernel_size"], int) else None
    for where, found, expected in (
        ("Encoder: out_channels", encoder["out_channels"], masknet["N"]),
        ("Encoder: in_channels", encoder["in_channels"], 1),
        ("Decoder: in_channels", decoder["in_channels"], masknet["N"]),
        ("Decoder: out_channels", decoder["out_channels"], 1),
        ("Decoder: kernel_size", decoder["kernel_size"], encoder["kernel_size"]),
        ("Decoder: stride", decoder["stride"], half),
        ("Decoder: bias", decoder["bias"], False),
    ):
        if found != expected:
            raise InputError(f"hyperparams.yaml: {where}: expected {expected!r}, found {found!r}")
    lettered = {**masknet, "L": encoder["kernel_size"]}
    config = {
        **{ours: lettered[letter] for letter, ours in LETTERS.items()},
        **WITHOUT_SKIPS,
        "block_padding": "speechbrain",
        "norm": choose(NORMS, masknet["norm_type"], f"{MASKNET}: norm_type"),
        "mask": choose(MASKS, masknet["mask_nonlinear"], f"{MASKNET}: mask_nonlinear"),
        "causal": masknet["causal"],
    }
    state: dict[str, Tensor] = {}
    for part in PARTS:
        if not isinstance(content[part], Mapping):
            raise InputError(f"{part}.ckpt: expected a state dict, found {type(content[part]).__name__}")
        state |= {f"{part}.{name}": tensor for name, tensor in content[part].items()}
    weights = rename_weights(
        state, config, OUTER, lambda index: block_names(*divmod(index, masknet["X"])), norm=("gamma", "beta")
    )
    return Imported("SpeechBrain", config, weights, values.get("sample_rate"))


def block_names(repeat: int, place: int) -> tuple[str, ...]:
    """Return SpeechBrain's names of a block's parts."""
    block = f"masknet.temporal_conv_net.temporalblock_{repeat}_{place}.layers"
    inner = f"{block}.DSconv"
    return (
        f"{block}.conv.conv",
        f"{block}.act",
        f"{block}.norm",
        f"{inner}.conv_0.conv",
        f"{inner}.act",
        f"{inner}.act_0",
        f"{inner}.conv_1.conv",
        "",  # no skip output
    )


def _find(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the arguments of the one object of a class that the file constructs."""
    found = list(_constructions(values))
    of_class = [each for each in found if each.name == name]
    if not of_class:
        models = [each.name for each in found if each.name.startswith("speechbrain.lobes.models.")]
        raise InputError(f"hyperparams.yaml: expected a {name}, found {', '.join(sorted(set(models))) or 'none'}")
    if any(each.arguments != of_class[0].arguments for each in of_class):
        raise InputError(f"hyperparams.yaml: expected one {name}, found {len(of_class)}")
    return of_class[0].arguments


def _constructions(value: object) -> Iterator[Construction]:
    """Go through all objects that a value constructs, at any depth."""
    if isinstance(value, Construction):
        yield value
        value = value.arguments
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _constructions(each)

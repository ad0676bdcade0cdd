"""A model of other software in our terms: the config, and the weights under our names."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from separator.errors import InputError
from separator.models import build_model

BLOCK_PARTS = (
    "expansion",
    "expansion_prelu",
    "expansion_norm",
    "depthwise",
    "depthwise_prelu",
    "depthwise_norm",
    "residual",
    "skip",
)
"""Parts of a block of ours (`SeparableBlock`), in the order in which a format gives the names of its own."""

LETTERS = {
    "N": "num_filters",
    "L": "kernel_size",
    "B": "bottleneck_channels",
    "H": "hidden_channels",
    "P": "block_kernel_size",
    "X": "num_blocks",
    "R": "num_repeats",
    "C": "num_sources",
}
"""Letters of the paper, by which some call the settings."""

WITHOUT_SKIPS: dict[str, Any] = {
    "encoder_activation": "relu",
    "edge_padding": "asteroid",
    "skip_channels": None,
    "input_norm": "frameLN",
    "output_prelu": False,
    "bias": False,
}
"""What is so in every Conv-TasNet of kaituoxu's and of those made from it: no skip path, and no bias anywhere."""


PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Of weights that can be taken as they are."""


@dataclass(frozen=True)
class Imported:
    """A Conv-TasNet of other software.

    Attributes:
        software: Whose it is.
        config: Fields of `ConvTasNetConfig`.
        weights: Tensors of a `ConvTasNet` of that config, by its names.
        sample_rate: Rate in Hz that the file says; None where it says none.
        sums_to_mixture: Whether the file says that it was trained on mixtures of nothing but its sources.
        facts: What else the file says, for the model card.
    """

    software: str
    config: dict[str, Any]
    weights: dict[str, Tensor]
    sample_rate: int | None = None
    sums_to_mixture: bool = False
    facts: dict[str, str] = field(default_factory=dict)


def bare_tensors(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a file that holds a state dict and no settings; none if it holds something else.

    The state dict may be the whole file or one entry of it, with the prefix that a wrapper of the model leaves.

    Raises:
        InputError: If one of the tensors is not plain.
    """
    state: Any = content
    for key in ("state_dict", "model_state_dict"):
        if isinstance(content.get(key), Mapping):
            state = content[key]
    if not state or not all(isinstance(name, str) and isinstance(each, Tensor) for name, each in state.items()):
        return {}
    for name, tensor in state.items():
        _check_plain(name, tensor)
    for prefix in ("module.", "model."):
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return dict(state)


def take_told(told: Mapping[str, Any], unsaid: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that only the user can tell, all of them and no others.

    Args:
        told: Settings that the user gave.
        unsaid: Settings that the file does not hold, each with an example of a value.

    Raises:
        InputError: If one is missing, or one is told that the file itself says.
    """
    if known := [key for key in told if key not in unsaid]:
        raise InputError(f"--set {known[0]}: the file itself decides this; expected {list(unsaid) or 'no setting'}")
    if missing := [key for key in unsaid if key not in told]:
        options = " ".join(f"--set {key}={unsaid[key]}" for key in missing)
        raise InputError(f"the file does not say {' and '.join(missing)}: add {options}, or what it was trained with")
    return dict(told)


def take(values: Mapping[str, Any], where: str, known: Mapping[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    """Return settings of a file, with defaults for those that it may leave out.

    Args:
        values: Settings as the file holds them.
        where: What the file calls them, for messages.
        known: Every setting that can be expressed, with the value of one that is left out.
        required: Those of `known` that may not be left out.

    Raises:
        InputError: If one is required and missing, or unknown: it might change what the model does.
    """
    if missing := [key for key in required if key not in values]:
        raise InputError(f"{where}: expected {', '.join(required)}, found no {missing[0]}")
    if unknown := [key for key in values if key not in known]:
        raise InputError(f"{where}: expected settings out of {', '.join(known)}, found {unknown[0]!r}")
    return {**known, **values}


def choose(choices: Mapping[Any, Any], value: Any, where: str) -> Any:
    """Return what a named choice of other software is in ours.

    Raises:
        InputError: If it is none that can be expressed.
    """
    if isinstance(value, str | int | None) and value in choices:
        return choices[value]
    raise InputError(f"{where}: expected one of {', '.join(map(repr, choices))}, found {value!r}")


def rename_weights(
    state: Mapping[str, Tensor],
    config: Mapping[str, Any],
    outer: Mapping[str, str],
    block: Callable[[int], tuple[str, ...]],
    norm: tuple[str, str] = ("weight", "bias"),
    unread: str | None = None,
) -> dict[str, Tensor]:
    """Take the tensors of a `ConvTasNet` from a state dict of other software: one to one, shapes but for ones the same.

    Args:
        state: Theirs.
        config: Fields of `ConvTasNetConfig`.
        outer: Name in theirs of each module of ours outside of the blocks; of the bases, the tensor's whole name.
        block: Called with the index of a block; gives the names of its `BLOCK_PARTS` in theirs.
        norm: What theirs calls the gain and the bias of a norm.
        unread: Prefix of tensors that nothing reads in theirs, with `{last}` for the index of the last block.

    Raises:
        InputError: If a tensor is missing, left over, of another shape, or not of finite numbers; or a setting asks
            for more than there are tensors for.
    """
    for name, tensor in state.items():
        if isinstance(tensor, Tensor):
            _check_plain(name, tensor)
    _check_sizes(state, config)
    names = tensor_names(config, outer, block, norm)
    shapes = _shapes(config)
    weights = {name: _checked(theirs, state.get(theirs), shapes[name]) for name, theirs in names.items()}
    read = set(names.values())
    passed_over = unread and unread.format(last=config["num_blocks"] * config["num_repeats"] - 1)
    if left := [name for name in state if name not in read and not (passed_over and name.startswith(passed_over))]:
        raise InputError(f"expected {len(read)} tensors with these settings, found {len(left)} more, first {left[0]}")
    return weights


def tensor_names(
    config: Mapping[str, Any],
    outer: Mapping[str, str],
    block: Callable[[int], tuple[str, ...]],
    norm: tuple[str, str] = ("weight", "bias"),
) -> dict[str, str]:
    """Return the name in theirs of each tensor of a `ConvTasNet`; arguments as for `rename_weights`."""
    return {name: _name(name, outer, block, norm) for name in _shapes(config)}


def shape_of(state: Mapping[str, Tensor], name: str) -> tuple[int, int, int]:
    """Return the shape of a convolution's weight.

    Raises:
        InputError: If there is no such tensor, or it has another number of dimensions.
    """
    if name not in state or state[name].dim() != 3:
        found = f"shape {tuple(state[name].shape)}" if name in state else "no such tensor"
        raise InputError(f"{name}: expected the weight of a convolution, found {found}")
    out_channels, in_channels, taps = state[name].shape
    return out_channels, in_channels, taps


def repeats(count: int, num_blocks: object) -> dict[str, Any]:
    """Return the blocks in a repeat and the repeats.

    Raises:
        InputError: If the blocks do not make whole repeats.
    """
    if not isinstance(num_blocks, int) or isinstance(num_blocks, bool) or num_blocks < 1 or count % num_blocks:
        raise InputError(f"num_blocks: expected a divisor of the file's {count} blocks, found {num_blocks!r}")
    return {"num_blocks": num_blocks, "num_repeats": count // num_blocks}


def _check_sizes(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Refuse settings larger than anything in the file, before a model of that size is laid out."""
    sizes = [size for tensor in state.values() if isinstance(tensor, Tensor) for size in tensor.shape]
    most = max([len(state), *sizes])
    if not sizes:
        raise InputError("expected a state dict of weights, found none")
    for key, value in config.items():
        if isinstance(value, int) and value > most:
            raise InputError(f"{key}: expected at most {most} with the file's tensors, found more")
    blocks, repeats = config["num_blocks"], config["num_repeats"]
    if isinstance(blocks, int) and isinstance(repeats, int) and blocks * repeats > len(state):
        raise InputError(f"num_blocks: expected at most {len(state)} blocks in all, found {blocks} by {repeats}")


def _check_plain(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that does not hold each of its values, one behind the other."""
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized:
        raise InputError(f"{name}: expected a dense tensor, found a sparse, nested or quantized one")
    if tensor.is_meta or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(f"{name}: expected all values of the tensor in the file, found only its shape")


def _shapes(config: Mapping[str, Any]) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in build_model("conv_tasnet", config).state_dict().items()}


def _name(name: str, outer: Mapping[str, str], block: Callable[[int], tuple[str, ...]], norm: tuple[str, str]) -> str:
    """Return the name in theirs of a tensor of ours."""
    module, _, parameter = name.rpartition(".")
    if module.endswith(".basis"):
        return outer[module]
    if module.endswith("norm"):
        parameter = norm[("weight", "bias").index(parameter)]
    inner = module.removeprefix("masker.tcn.blocks.")
    if inner == module:
        return f"{outer[module]}.{parameter}"
    index, part = inner.split(".")
    return f"{block(int(index))[BLOCK_PARTS.index(part)]}.{parameter}"


def _checked(name: str, tensor: Any, shape: torch.Size) -> Tensor:
    """Return a tensor in our shape and precision."""
    if not isinstance(tensor, Tensor):
        raise InputError(f"{name}: expected shape {tuple(shape)}, found no such tensor")
    if [size for size in tensor.shape if size != 1] != [size for size in shape if size != 1]:
        raise InputError(f"{name}: expected shape {tuple(shape)}, found shape {tuple(tensor.shape)}")
    if tensor.dtype not in PRECISIONS or tensor.numel() != math.prod(shape):
        raise InputError(f"{name}: expected floating-point weights of 16 to 64 bits, found {tensor.dtype}")
    weights = tensor.float().reshape(shape)
    if not torch.isfinite(weights).all():
        raise InputError(f"{name}: expected finite weights, found NaN, infinity or what float32 cannot hold")
    return weights

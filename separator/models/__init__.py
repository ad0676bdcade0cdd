"""Separation models: one file an architecture, its config beside it."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import TypeAdapter, ValidationError

from separator.errors import InputError
from separator.models.band_network import BandNetwork, BandNetworkConfig
from separator.models.conv_tasnet import ConvTasNet, ConvTasNetConfig
from separator.models.convnext_tasnet import ConvNeXtTasNet, ConvNeXtTasNetConfig
from separator.models.pipeline import MaskingSeparator
from separator.models.spectrogram import Spectrogram, SpectrogramConfig
from separator.models.stft_tcn import STFTTCN, STFTTCNConfig
from separator.models.tcn_tasnet import TCNTasNet, TCNTasNetConfig
from separator.models.voice import VoiceConfig, VoiceNetwork
from separator.section import explain

Architecture = tuple[type[Any], Callable[[Any], MaskingSeparator]]

ARCHITECTURES: dict[str, Architecture] = {
    "conv_tasnet": (ConvTasNetConfig, ConvTasNet),
    "tcn_tasnet": (TCNTasNetConfig, TCNTasNet),
    "convnext_tasnet": (ConvNeXtTasNetConfig, ConvNeXtTasNet),
    "stft_tcn": (STFTTCNConfig, STFTTCN),
    "spectrogram": (SpectrogramConfig, Spectrogram),
    "band_network": (BandNetworkConfig, BandNetwork),
}
"""Name of each architecture: the dataclass of its config, and the model, which takes that config."""

ENTRY_POINTS = "separator.architectures"
"""Group of the entry points by which an installed package adds architectures of its own, each a pair as above."""


def find_architecture(name: str) -> Architecture:
    """Find the config and the model of an architecture: one of `ARCHITECTURES`, or one that an installed package adds.

    Raises:
        InputError: If there is none of this name, or its package cannot be imported.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    added = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in added:
        raise InputError(f"architecture: expected one of {', '.join([*ARCHITECTURES, *sorted(added)])}, found {name!r}")
    try:
        architecture: Architecture = added[name].load()
        if not dataclasses.is_dataclass(architecture[0]):
            raise TypeError(f"expected a dataclass and a model, found {architecture!r}")
    except Exception as error:  # whatever a stranger's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"architecture {name}: cannot load {added[name].value}: {reason}") from None
    return architecture


def build_model(architecture: str, config: Mapping[str, Any]) -> MaskingSeparator:
    """Build an untrained model from its architecture's name and its config as plain values.

    Args:
        architecture: A name that `find_architecture` knows.
        config: Fields of the architecture's config; those left out take their defaults.

    Raises:
        InputError: If the architecture is unknown, or a key is unknown, missing, of a wrong type or of a wrong value.
            One line that names the key, what was expected and what was found.

    Example:
        >>> model = build_model("conv_tasnet", {"num_filters": 16, "num_blocks": 2, "num_sources": 3})
        >>> model.num_sources, model.config.hidden_channels  # what is left out is the paper's
        (3, 512)
    """
    config_class, model_class = find_architecture(architecture)
    if not isinstance(config, Mapping):
        raise InputError(f"config of {architecture}: expected a mapping of keys, found {config!r}")
    checked = _read_config(architecture, config_class, config)
    try:
        return model_class(checked)
    except InputError as error:
        raise InputError(f"{architecture}: {error}") from None


def build_voice_network(config: Mapping[str, Any]) -> VoiceNetwork:
    """Build an untrained voice network from its config as plain values; those left out take their defaults.

    Raises:
        InputError: As `build_model`.

    Example:
        >>> build_voice_network({"embedding_size": 128}).config.embedding_size
        128
    """
    return VoiceNetwork(_read_config("voice", VoiceConfig, config))


def config_to_dict(config: Any) -> dict[str, Any]:
    """Return an architecture's config as plain values, every default filled in: what `build_model` takes."""
    return dataclasses.asdict(config)


def _read_config(architecture: str, config_class: type[Any], config: Mapping[str, Any]) -> Any:
    names = [field.name for field in dataclasses.fields(config_class)]
    if unknown := [key for key in config if key not in names]:
        raise InputError(f"{architecture}: expected keys out of {', '.join(names)}, found {unknown[0]!r}")
    try:
        # Strict: "8" is no integer, and 1 is no boolean. By way of JSON, as a model's folder holds it.
        return TypeAdapter(config_class).validate_json(json.dumps(dict(config), default=repr), strict=True)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(f"{architecture}: {explain(problem, '.'.join(map(str, problem['loc'])))}") from None

"""A model folder on disk, written and read: `config.json`, `model.safetensors`, `README.md`, `example.wav`."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, deserialize
from safetensors.torch import load, save
from torch import Tensor, nn

from separator.audio.formats import describe_content
from separator.checkpoint.description import (
    CARD_NAME,
    CONFIG_NAME,
    FORMAT_VERSION,
    VOICE,
    WEIGHTS_NAME,
    ModelDescription,
    VoiceDescription,
    read_description,
)
from separator.checkpoint.finding import BUNDLED, find_model, list_models
from separator.errors import InputError
from separator.models import build_model, build_voice_network
from separator.models.pipeline import MaskingSeparator
from separator.models.voice import VoiceNetwork
from separator.output_folders import make_folder
from separator.replacing import replace_files

STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
"""Buffers that batch norms keep beside their parameters."""


def save_model(folder: Path, model: MaskingSeparator, description: ModelDescription, card: str | None = None) -> None:
    """Write a model folder; its files appear together, complete, or not at all.

    Args:
        folder: Made if missing. Files of an earlier model are replaced, the weights first and the config last.
        model: The model whose weights are saved.
        description: What goes into `config.json`.
        card: Text of `README.md`, in which what is no Unicode is escaped; None leaves the one that is there.

    Raises:
        InputError: If the folder cannot be written. What was in it stays.
    """
    _write(folder, model, asdict(description), card)


def save_voice_network(folder: Path, network: VoiceNetwork, description: VoiceDescription) -> None:
    """Write the folder of a voice model, as `save_model` does that of a separator."""
    _write(folder, network, {"task": VOICE, **asdict(description)})


def _write(folder: Path, model: nn.Module, content: dict[str, Any], card: str | None = None) -> None:
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    files = {folder / WEIGHTS_NAME: save(weights, metadata={"format": "pt"})}
    if card is not None:
        files[folder / CARD_NAME] = card.encode("utf-8", "backslashreplace")
    files[folder / CONFIG_NAME] = f"{json.dumps({'format_version': FORMAT_VERSION, **content}, indent=2)}\n".encode()
    made = make_folder(folder)
    try:
        replace_files(files)
    except BaseException as error:
        for each in made:
            with suppress(OSError):  # it is not empty
                each.rmdir()
        if isinstance(error, OSError):
            raise InputError(f"{folder}: cannot write the model: {error.strerror or error}") from None
        raise


def load_voice_network(name_or_path: str | Path) -> tuple[VoiceNetwork, VoiceDescription]:
    """Load a voice model, strictly, in evaluation mode and on the CPU. Nothing is unpickled.

    Args:
        name_or_path: As for `load_model`.

    Raises:
        InputError: As `load_model`, or if it is a model of another task.
    """
    folder = find_model(name_or_path)
    description = read_description(folder)
    if not isinstance(description, VoiceDescription):
        raise InputError(f"{folder}: expected a voice model, found a separator of {', '.join(description.sources)}")
    try:
        network = build_voice_network(description.config)
    except InputError as error:
        raise InputError(f"{folder / CONFIG_NAME}: {error}") from None
    network.load_state_dict(_read_weights(folder / WEIGHTS_NAME, network.state_dict()))
    return network.eval(), description


def bundled_voice_model(sample_rate: int) -> str | None:
    """Return the name of the bundled voice model of a sample rate in Hz; None if there is none.

    Example:
        >>> bundled_voice_model(16000), bundled_voice_model(44100)
        ('voice-16k', None)
    """
    for name in list_models():
        description = read_description(BUNDLED / name)
        if isinstance(description, VoiceDescription) and description.config.get("sample_rate") == sample_rate:
            return name
    return None


def load_model(name_or_path: str | Path) -> tuple[MaskingSeparator, ModelDescription]:
    """Load a separation model, strictly, in evaluation mode and on the CPU. Nothing is unpickled.

    Args:
        name_or_path: Name of a released model, a model folder, or a Hugging Face repo id `owner/name`.

    Raises:
        InputError: One line that says what is wrong with the folder: a missing or damaged file, an unknown or future
            format, another task, an unknown architecture or key, a tensor that is missing, left over, of another shape
            or not finite.
    """
    folder = find_model(name_or_path)
    description = read_description(folder)
    if not isinstance(description, ModelDescription):
        raise InputError(f"{folder}: expected a model that separates, found a voice model (separator embed takes it)")
    try:
        model = build_model(description.architecture, description.config)
    except InputError as error:
        raise InputError(f"{folder / CONFIG_NAME}: {error}") from None
    if model.num_sources != len(description.sources):
        raise InputError(
            f"{folder / CONFIG_NAME}: expected {model.num_sources} names in sources, found {len(description.sources)}"
        )
    model.load_state_dict(_read_weights(folder / WEIGHTS_NAME, model.state_dict()))
    return model.eval(), description


def count_parameters(folder: Path) -> int:
    """Count the parameters in a model folder, from the weights alone.

    Raises:
        InputError: If the weights are missing or damaged.
    """
    path = folder / WEIGHTS_NAME
    try:
        weights = deserialize(path.read_bytes())  # of a path, safetensors takes none that is not UTF-8
        return sum(math.prod(tensor["shape"]) for name, tensor in weights if not name.endswith(STATISTICS))
    except (SafetensorError, OSError) as error:
        raise _no_weights(path, error) from None


def _no_weights(path: Path, error: Exception) -> InputError:
    content = describe_content(path) if path.is_file() else None
    return InputError(f"{path}: damaged, or no safetensors file: {content or error}".replace("\n", " "))


def _read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"{path.parent}: expected a model folder with {WEIGHTS_NAME}, found none")
    try:
        weights = load(path.read_bytes())  # of a path, safetensors takes none that is not UTF-8
    except PermissionError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise _no_weights(path, error) from None
    if missing := [name for name in expected if name not in weights]:
        raise InputError(f"{path}: {len(missing)} of {len(expected)} tensors are missing, the first is {missing[0]}")
    if left_over := [name for name in weights if name not in expected]:
        raise InputError(
            f"{path}: expected {len(expected)} tensors, found {len(left_over)} more, the first is {left_over[0]}"
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"{path}: {name}: expected shape {tuple(expected[name].shape)}, found {tuple(tensor.shape)}"
            )
        if not torch.isfinite(tensor.to(expected[name].dtype)).all():
            raise InputError(f"{path}: {name}: expected finite weights, found NaN or infinity")
    return weights

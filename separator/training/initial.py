"""Starting from the weights of another model: what fits is taken, what is new starts as if it were not there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from separator.checkpoint import ModelDescription, load_model
from separator.errors import InputError
from separator.models import config_to_dict
from separator.models.pipeline import MaskingSeparator


@torch.no_grad()
def load_initial(
    model: MaskingSeparator, sources: Sequence[str], sample_rate: int, name_or_path: str | Path
) -> list[str]:
    """Copy into a model all weights of another that fit, by their names and shapes.

    Layers that give something for each source (the last one of a masker) take over the sources that both models have,
    by name. New parts that can start as the identity do, and new channels of a layer's input have no weight: the model
    then separates as the other one did.

    Args:
        model: The new model; changed in place.
        sources: Names of its outputs, in order.
        sample_rate: Rate in Hz that it will work at.
        name_or_path: A released model, a model folder, or a Hugging Face repo id.

    Returns:
        Lines that say what was taken, what of each layer with other sources, what starts anew, and which settings
        differ: weights of another norm or padding have the same names and shapes.

    Raises:
        InputError: If the other model cannot be loaded, works at another rate, or shares no weight with this one.
    """
    other, description = _load_at("model.initial", name_or_path, sample_rate)
    given, own = other.state_dict(), model.state_dict()
    same_sources = tuple(sources) == description.sources
    taken, lines, left = 0, [], []
    for name, tensor in own.items():
        found = given.get(name)
        if found is not None and found.shape == tensor.shape and (same_sources or not _is_last(name, other)):
            tensor.copy_(found)
            taken += 1
        elif found is not None and _rows_fit(found, tensor, len(description.sources), len(sources)):
            kept = [source for source in sources if source in description.sources]
            _copy_sources(found, tensor, description.sources, sources)
            lines.append(f"{name}: taken for {', '.join(kept) or 'no source'} of {', '.join(sources)}")
        elif found is not None and _has_more_inputs(found, tensor):
            tensor.zero_()[:, : found.shape[1]] = found
            lines.append(f"{name}: taken, without weight for {tensor.shape[1] - found.shape[1]} new inputs")
            taken += 1
        else:
            left.append(name)
    if not taken:
        raise InputError(f"model.initial: expected a model with weights like this one's, found none in {name_or_path}")
    for path, module in model.named_modules():
        parts = [each for each in left if each.startswith(f"{path}.")]
        if hasattr(module, "start_as_identity") and len(parts) == len(module.state_dict()):
            module.start_as_identity()
            lines.append(f"{path}: new, starts as the identity")
            left = [each for each in left if each not in parts]
    lines += [f"{name}: new" for name in left]
    lines += _changed_settings(description.config, config_to_dict(model.config))
    return [f"{taken} of {len(own)} tensors are those of {name_or_path}", *lines]


@torch.no_grad()
def load_initial_part(model: MaskingSeparator, path: str, sample_rate: int, name_or_path: str | Path) -> None:
    """Give a part of a model the weights of the masker of another.

    Args:
        model: Changed in place.
        path: Of the part, such as `masker.denoiser`.
        sample_rate: Rate in Hz that the model will work at.
        name_or_path: As for `load_initial`.

    Raises:
        InputError: If there is no such part, the other model cannot be loaded, works at another rate, or its masker has
            other weights than the part.
    """
    key = f"model.initial_parts.{path}"
    if path not in dict(model.named_modules()):
        raise InputError(f"{key}: expected a part of the model, such as masker, found none of this name")
    other, _ = _load_at(key, name_or_path, sample_rate)
    part, given = model.get_submodule(path), other.masker.state_dict()
    if _shapes(part.state_dict()) != _shapes(given):
        raise InputError(f"{key}: expected a model whose masker has the weights of this part, found {name_or_path}")
    part.load_state_dict(given)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}


def _load_at(key: str, name_or_path: str | Path, sample_rate: int) -> tuple[MaskingSeparator, ModelDescription]:
    """Load a model that a recipe's key names, at the rate of the data."""
    other, description = load_model(name_or_path)
    if description.sample_rate != sample_rate:
        found = description.sample_rate
        raise InputError(f"{key}: expected a model at {sample_rate} Hz like the data, found {found} Hz")
    return other, description


def _changed_settings(given: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    return [
        f"model.config.{key}: {own[key]} here, {given[key]} in the weights' model"
        for key in own
        if key in given and key != "num_sources" and json.dumps(own[key]) != json.dumps(given[key])
    ]


def _is_last(name: str, model: nn.Module) -> bool:
    """Return whether a tensor belongs to the model's last layer with weights, which has rows for each source."""
    weights = [each for each in model.state_dict() if each.startswith("masker.")]
    return bool(weights) and name.rpartition(".")[0] == weights[-1].rpartition(".")[0]


def _has_more_inputs(found: Tensor, wanted: Tensor) -> bool:
    """Return whether a layer is another with more channels of input."""
    rest = found.shape[2:] == wanted.shape[2:] and found.shape[:1] == wanted.shape[:1]
    return found.dim() > 1 and found.dim() == wanted.dim() and rest and found.shape[1] < wanted.shape[1]


def _rows_fit(found: Tensor, wanted: Tensor, num_found: int, num_wanted: int) -> bool:
    """Return whether two tensors have equal rows for each source."""
    divisible = found.dim() > 0 and found.shape[0] % num_found == 0 and wanted.shape[0] % num_wanted == 0
    return (
        divisible
        and found.shape[1:] == wanted.shape[1:]
        and found.shape[0] // num_found == wanted.shape[0] // num_wanted
    )


def _copy_sources(found: Tensor, wanted: Tensor, given: Sequence[str], sources: Sequence[str]) -> None:
    rows = found.unflatten(0, (len(given), -1))
    for number, source in enumerate(sources):
        if source in given:
            wanted.unflatten(0, (len(sources), -1))[number].copy_(rows[given.index(source)])

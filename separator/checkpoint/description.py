"""What a model is, as the `config.json` of its folder says, and what the files of the folder are called."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any

from separator.errors import InputError
from separator.models import find_architecture

FORMAT_VERSION = 1
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "README.md"
EXAMPLE_NAME = "example.wav"
VOICE = "voice"
"""The `task` of a voice model; a separator's folder names none."""


@dataclass(frozen=True)
class ModelDescription:
    """Description of a model, as its `config.json` holds it.

    Attributes:
        architecture: A name that `separator.models.find_architecture` knows.
        config: The architecture's config as plain values.
        sample_rate: Rate in Hz that the model works at.
        sources: Names of its outputs, in order.
        training: How it was trained, as plain values.
        scores: Its scores in dB, by name.
        sums_to_mixture: Whether its sources make up the whole mixture; false of a model that leaves noise out.
        bfloat16_agreement_db: How far its outputs in bfloat16 are from those in float32, in dB, as `separator bench`
            measures it on the model's example; None where nobody has.
    """

    architecture: str
    config: dict[str, Any]
    sample_rate: int
    sources: tuple[str, ...]
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    sums_to_mixture: bool = True
    bfloat16_agreement_db: float | None = None

    @property
    def gives(self) -> str:
        """Return what comes out of the model, in words."""
        return f"{', '.join(self.sources)} at {self.sample_rate} Hz"


@dataclass(frozen=True)
class VoiceDescription:
    """Description of a voice model, as its `config.json` holds it beside `"task": "voice"`.

    Attributes:
        config: Of the network, as plain values.
        training: How it was trained, as plain values.
        scores: Its scores by name.
    """

    config: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)

    @property
    def gives(self) -> str:
        """Return what comes out of the model, in words."""
        return f"vectors of voices at {self.config.get('sample_rate')} Hz"


def read_description(folder: Path) -> ModelDescription | VoiceDescription:
    """Read and check `config.json` of a model folder: of a voice model where its `task` says so.

    Raises:
        InputError: If it is missing, no JSON, of another format version, or not of the form described above.
    """
    path = folder / CONFIG_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        model = folder / "model"  # of a run's folder
        hint = f"; {model} is one" if (model / CONFIG_NAME).exists() else ""
        raise InputError(f"{folder}: expected a model folder with {CONFIG_NAME}, found none{hint}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected JSON, found something else: {error}".replace("\n", " ")) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(content).__name__}")
    version = content.pop("format_version", None)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{path}: expected format_version {FORMAT_VERSION}, found {version!r}: not a separator model")
    if version > FORMAT_VERSION:
        raise InputError(f"{path}: expected format_version up to {FORMAT_VERSION}, found {version}: update separator")
    if (task := content.pop("task", None)) == VOICE:
        _check_fields(path, content, VoiceDescription, ("config",))
        return VoiceDescription(**content)
    if task is not None:
        raise InputError(f"{path}: task: expected {VOICE}, or none for a separator, found {task!r}: update separator")
    _check_fields(path, content, ModelDescription, ("architecture", "config", "sample_rate", "sources"))
    _check_separator(path, content)
    return ModelDescription(**{**content, "sources": tuple(content["sources"])})


def check_source_names(names: Sequence[object]) -> None:
    """Refuse source names that cannot be files' names, on file systems too that take capitals for small letters.

    Raises:
        InputError: If there is none, one is no plain name, or two are the same.
    """
    plain = [name.casefold() for name in names if isinstance(name, str) and re.fullmatch(r"[\w-]+", name)]
    if not names or len(set(plain)) != len(names):
        raise InputError(f"sources: expected different names of letters, digits, '_' and '-', found {list(names)}")


def _check_fields(path: Path, content: dict[str, Any], description: type[Any], required: tuple[str, ...]) -> None:
    kinds: dict[str, type | UnionType] = {
        "architecture": str,
        "config": dict,
        "sample_rate": int,
        "sources": list,
        "training": dict,
        "scores": dict,
        "sums_to_mixture": bool,
        "bfloat16_agreement_db": float | int | None,
    }
    known = [each.name for each in fields(description)]
    if unknown := [key for key in content if key not in known]:
        raise InputError(f"{path}: expected keys out of {', '.join(known)}, found {unknown[0]!r}")
    for key in required:
        if key not in content:
            raise InputError(f"{path}: {key} is missing")
    for key, value in content.items():
        if not isinstance(value, kinds[key]) or (isinstance(value, bool) and kinds[key] is not bool):
            raise InputError(f"{path}: {key}: expected {getattr(kinds[key], '__name__', 'a number')}, found {value!r}")


def _check_separator(path: Path, content: dict[str, Any]) -> None:
    if content["sample_rate"] < 1:
        raise InputError(f"{path}: sample_rate: expected at least 1 Hz, found {content['sample_rate']}")
    try:
        check_source_names(content["sources"])
        find_architecture(content["architecture"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    chunk_seconds = content.get("training", {}).get("chunk_seconds", 1.0)
    if not isinstance(chunk_seconds, int | float) or isinstance(chunk_seconds, bool):
        raise InputError(f"{path}: training.chunk_seconds: expected a number of seconds, found {chunk_seconds!r}")

"""The model folder: `config.json`, `model.safetensors`, `README.md`, `example.wav`. Only this file knows its format."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from separator.errors import InputError
from separator.models import build_model, build_voice_network, find_architecture
from separator.models.pipeline import MaskingSeparator
from separator.models.voice import VoiceNetwork
from separator.replacing import replace_file, replace_text

FORMAT_VERSION = 1
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "README.md"
EXAMPLE_NAME = "example.wav"
VOICE = "voice"
"""The `task` of a voice model; a separator's folder names none."""

_PACKAGED = Path(__file__).parent / "checkpoints"
BUNDLED = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parent.parent / "checkpoints"
"""Released models: inside an installed wheel, else at the top of the repository."""


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


def save_model(
    folder: Path,
    model: MaskingSeparator,
    description: ModelDescription,
    card: str | None = None,
    example: Path | None = None,
) -> None:
    """Write a model folder; each file appears complete or not at all.

    Args:
        folder: Made if missing. Files of an earlier model are replaced, the weights first and the config last.
        model: The model whose weights are saved.
        description: What goes into `config.json`.
        card: Text of `README.md`; None leaves the one that is there.
        example: An audio file to copy to `example.wav`; None leaves the one that is there.

    Raises:
        InputError: If the folder cannot be written.
    """
    _write(folder, model, asdict(description), card, example)


def save_voice_network(
    folder: Path,
    network: VoiceNetwork,
    description: VoiceDescription,
    card: str | None = None,
    example: Path | None = None,
) -> None:
    """Write the folder of a voice model, as `save_model` does that of a separator."""
    _write(folder, network, {"task": VOICE, **asdict(description)}, card, example)


def _write(folder: Path, model: nn.Module, content: dict[str, Any], card: str | None, example: Path | None) -> None:
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = {"format_version": FORMAT_VERSION, **content}
    text = json.dumps(content, indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / WEIGHTS_NAME, lambda path: path.write_bytes(save(weights, metadata={"format": "pt"})))
        if card is not None:
            replace_text(folder / CARD_NAME, card)
        if example is not None:
            replace_file(folder / EXAMPLE_NAME, lambda path: path.write_bytes(example.read_bytes()))
        replace_text(folder / CONFIG_NAME, text)
    except OSError as error:
        raise InputError(f"{folder}: cannot write the model: {error.strerror or error}") from None


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


def read_description(folder: Path) -> ModelDescription | VoiceDescription:
    """Read and check `config.json` of a model folder: of a voice model where its `task` says so.

    Raises:
        InputError: If it is missing, no JSON, of another format version, or not of the form described above.
    """
    path = folder / CONFIG_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: expected a model folder with {CONFIG_NAME}, found none") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
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


STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")
"""Buffers that batch norms keep beside their parameters."""


def count_parameters(folder: Path) -> int:
    """Count the parameters in a model folder, from the header of the weights alone.

    Raises:
        InputError: If the weights are missing or damaged.
    """
    path = folder / WEIGHTS_NAME
    try:
        with safe_open(path, framework="pt") as weights:
            names = [name for name in weights.keys() if not name.endswith(STATISTICS)]  # noqa: SIM118
            return sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: damaged, or no safetensors file: {error}".replace("\n", " ")) from None


def find_model(name_or_path: str | Path) -> Path:
    """Return the folder of a model: a folder that exists, a released model's name, or a Hugging Face repo id.

    Raises:
        InputError: If there is no such model; the released names are listed.
    """
    name = str(name_or_path)
    # A folder of results may have a released model's name: without a config it is no model.
    if Path(name).is_dir() and ((Path(name) / CONFIG_NAME).exists() or name not in list_models()):
        return Path(name)
    if name in list_models():
        return BUNDLED / name
    if is_hub_id(name) and not Path(name).exists():
        return download_folder(name, [CONFIG_NAME, WEIGHTS_NAME, CARD_NAME])
    raise InputError(
        f"model {name!r}: expected a released model ({', '.join(list_models()) or 'none here'}), "
        "a model folder, or a Hugging Face repo id owner/name"
    )


def check_source_names(names: Sequence[object]) -> None:
    """Refuse source names that cannot be files' names, on file systems too that take capitals for small letters.

    Raises:
        InputError: If there is none, one is no plain name, or two are the same.
    """
    plain = [name.casefold() for name in names if isinstance(name, str) and re.fullmatch(r"[\w-]+", name)]
    if not names or len(set(plain)) != len(names):
        raise InputError(f"sources: expected different names of letters, digits, '_' and '-', found {list(names)}")


def list_models() -> list[str]:
    """Return the names of the released models at hand, sorted."""
    return sorted(path.parent.name for path in BUNDLED.glob(f"*/{CONFIG_NAME}"))


def is_hub_id(name: str) -> bool:
    """Tell whether a name can be a Hugging Face repo id, `owner/name`."""
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name) is not None


def download_folder(repo_id: str, names: Sequence[str]) -> Path:
    """Download files of a Hugging Face repository, and return the folder that they are in.

    Args:
        repo_id: `owner/name`.
        names: Of the files, or patterns of them; those that are not there are left out.

    Raises:
        InputError: If the Hub does not deliver them.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repo_id, allow_patterns=list(names)))
    except Exception as error:  # the hub client raises requests', httpx's and its own errors
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"model {repo_id!r}: no folder of that name, and the Hugging Face Hub did not deliver it: {reason}"
        ) from None


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


def _read_weights(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"{path.parent}: expected a model folder with {WEIGHTS_NAME}, found none")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: damaged, or no safetensors file: {error}".replace("\n", " ")) from None
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
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name}: expected finite weights, found NaN or infinity")
    return weights

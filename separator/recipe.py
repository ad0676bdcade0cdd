"""Recipes: YAML files that say what to train, on which data, how; read strictly into typed dataclasses."""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from separator.checkpoint import check_source_names
from separator.data.config import DataConfig, MixtureListConfig, SpeakerSet
from separator.errors import InputError
from separator.losses import LossConfig
from separator.models import ARCHITECTURES, build_model
from separator.training.config import ModelChoice, TrainerConfig, TrainingConfig
from separator.training.optimizer import OptimizerConfig
from separator.training.plan import Plan


@dataclass(frozen=True)
class Recipe(Plan):
    """A whole training run, checked."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w. -]*", self.name):  # a run's folder has this name
            raise InputError(
                "name: expected letters, digits, '_', '-', '.' and spaces, the first a letter, a digit or '_', "
                f"found {self.name!r}"
            )
        if self.model.architecture not in ARCHITECTURES:
            raise InputError(
                f"model.architecture: expected one of {', '.join(ARCHITECTURES)}, found {self.model.architecture!r}"
            )
        check_source_names(self.sources)
        if len(self.sources) != self.data.num_speakers:
            raise InputError(
                f"sources names {len(self.sources)} outputs but data.num_speakers is {self.data.num_speakers}"
            )
        if "num_sources" in self.model.config:
            raise InputError("model.config.num_sources follows from `sources`: leave it out of the recipe")


_SECTIONS = (
    Recipe,
    ModelChoice,
    DataConfig,
    SpeakerSet,
    MixtureListConfig,
    LossConfig,
    OptimizerConfig,
    TrainingConfig,
    TrainerConfig,
)
for _section in _SECTIONS:
    setattr(_section, "__pydantic_config__", ConfigDict(extra="forbid"))  # noqa: B010
_ADAPTER = TypeAdapter(Recipe)


def load_recipe(path: Path | str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe; `base: OTHER.yaml` (beside it) is read first and changed by it.

    Mappings are merged key by key, other values replaced; a `model` of another architecture replaces the base's whole.

    Args:
        path: The YAML file.
        overrides: `key.path=value` settings, applied last; the value is read as YAML.

    Raises:
        InputError: One line that names the file, the key, what was expected and what was found.
    """
    path = Path(path)
    content = _read(path, ())
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise InputError(f"--set expects key.path=value, found {override!r}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"--set {override}: expected a value in YAML") from None
        _set(content, key.split("."), value, override)
    try:
        recipe = _ADAPTER.validate_python(content)
        check_model(recipe)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error)}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return recipe


def check_model(recipe: Recipe) -> None:
    """Raise `InputError` if the model's config is wrong; built without memory for its weights."""
    try:
        with torch.device("meta"):
            build_model(recipe.model.architecture, {**recipe.model.config, "num_sources": len(recipe.sources)})
    except InputError as error:
        raise InputError(f"model.config: {error}") from None


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe with every default filled in, as plain values that YAML can hold."""
    plain: dict[str, Any] = TypeAdapter(Recipe).dump_python(recipe, mode="json")
    return plain


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise InputError(f"{path}: `base` leads back to this recipe")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: expected a recipe (a YAML file), found nothing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the recipe: {error}") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise InputError(f"{path}: not valid YAML{line}: {getattr(error, 'problem', None) or 'unreadable'}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping of keys at the top, found {type(content).__name__}")
    base_name = content.pop("base", None)
    if base_name is None:
        return content
    base = _read(path.parent / str(base_name), (*seen, path.resolve()))
    if _architecture(content) not in (None, _architecture(base)):
        base.pop("model", None)  # another architecture starts from its own defaults
    return _merged(base, content)


def _architecture(content: dict[str, Any]) -> Any:
    model = content.get("model")
    return model.get("architecture") if isinstance(model, dict) else None


def _merged(base: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in delta.items():
        both_mappings = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both_mappings else value
    return merged


def _set(content: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    for position, key in enumerate(keys[:-1]):
        inner = content.setdefault(key, {})
        if not isinstance(inner, dict):
            where = ".".join(keys[: position + 1])
            raise InputError(f"--set {override}: {where} is a value or a list and holds no keys; set it whole")
        content = inner
    content[keys[-1]] = value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if isinstance(cause := problem.get("ctx", {}).get("error"), InputError):
        return str(cause)
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        parent: Any = Recipe
        for part in problem["loc"][:-1]:
            parent = {each.name: each.type for each in dataclasses.fields(parent)}.get(str(part), parent)
            if not dataclasses.is_dataclass(parent):
                return f"unknown key {where}"
        known = ", ".join(each.name for each in dataclasses.fields(parent))
        return f"unknown key {where}; expected one of {known}"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{where} is missing"
    return f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, found {problem['input']!r}"

"""Recipes: YAML files that say what to train, on which data, how; read strictly into typed dataclasses."""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import torch
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from separator.checkpoint import check_source_names
from separator.data.channel import ChannelConfig
from separator.data.config import DataConfig
from separator.data.kinds import DATA_KINDS, default_config
from separator.data.lists import HeldOut, MixtureListConfig, NamedListConfig
from separator.data.mixing import ScenesConfig
from separator.data.noise import NoiseConfig
from separator.data.rooms import RoomConfig
from separator.data.speakers import SpeakerSet
from separator.errors import InputError
from separator.losses import LossConfig
from separator.models import build_model, find_architecture
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
        try:
            find_architecture(self.model.architecture)
        except InputError as error:
            raise InputError(f"model.{error}") from None
        check_source_names(self.sources)
        self.data.check(self.sources, self.model.config.get("channels", 1))
        if "num_sources" in self.model.config:
            raise InputError("model.config.num_sources follows from `sources`: leave it out of the recipe")


_SECTIONS = (
    *(Recipe, ModelChoice, LossConfig, OptimizerConfig, TrainingConfig, TrainerConfig),
    *(*DATA_KINDS.values(), SpeakerSet, MixtureListConfig, NamedListConfig, HeldOut),
    *(NoiseConfig, RoomConfig, ScenesConfig, ChannelConfig),
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
    _change(content, overrides)
    if isinstance(data := content.get("data"), dict):
        data.setdefault("kind", next(iter(DATA_KINDS)))
    try:
        recipe = _ADAPTER.validate_python(content)
        check_model(recipe)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error)}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return recipe


def load_data_section(kind: str, root: Path, overrides: Iterable[str] = ()) -> DataConfig:
    """A data section without a recipe: a kind, its root, and what is set.

    Args:
        kind: A name in `DATA_KINDS`; speakers are all those below the root unless set.
        root: The data set's folder.
        overrides: As for `load_recipe`, of `data` alone.

    Raises:
        InputError: If the kind is unknown, or a setting wrong.
    """
    content: dict[str, Any] = {"data": dataclasses.asdict(default_config(kind, root))}
    _change(content, overrides)
    if other := [key for key in content if key != "data"]:
        raise InputError(f"--set {other[0]}: expected a setting of data, as there is no recipe")
    try:
        config: DataConfig = TypeAdapter(DATA_KINDS[kind]).validate_python(content["data"])
    except ValidationError as error:
        raise InputError(_first_problem(error, ("data", kind))) from None
    return config


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
    for section, key in (("model", "architecture"), ("data", "kind")):
        if _choice(content, section, key) not in (None, _choice(base, section, key)):
            base.pop(section, None)  # another architecture, or kind of data, starts from its own defaults
    return _merged(base, content)


def _choice(content: dict[str, Any], section: str, key: str) -> Any:
    found = content.get(section)
    return found.get(key) if isinstance(found, dict) else None


def _merged(base: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in delta.items():
        both_mappings = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both_mappings else value
    return merged


def _change(content: dict[str, Any], overrides: Iterable[str]) -> None:
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise InputError(f"--set expects key.path=value, found {override!r}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"--set {override}: expected a value in YAML") from None
        _set(content, key.split("."), value, override)


def _set(content: dict[str, Any], keys: list[str], value: Any, override: str) -> None:
    for position, key in enumerate(keys[:-1]):
        inner = content.setdefault(key, {})
        if not isinstance(inner, dict):
            where = ".".join(keys[: position + 1])
            raise InputError(f"--set {override}: {where} is a value or a list and holds no keys; set it whole")
        content = inner
    content[keys[-1]] = value


def _first_problem(error: ValidationError, within: tuple[str, ...] = ()) -> str:
    problem = error.errors()[0]
    whole = (*within, *problem["loc"])
    place = [part for number, part in enumerate(whole) if not (number == 1 and part in DATA_KINDS)]  # not the tag
    where = ".".join(str(part) for part in place)
    if isinstance(cause := problem.get("ctx", {}).get("error"), InputError):
        section = where.split(".")[0]
        if str(cause).startswith(section):
            return str(cause)
        return f"{where}{'.' if re.match(r'[a-z_.]+: ', str(cause)) else ': '}{cause}"  # a key in the section, or not
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        section = _section_at(whole[:-1])
        if section is None:
            return f"unknown key {where}"
        return f"unknown key {where}; expected one of {', '.join(each.name for each in dataclasses.fields(section))}"
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"{where}.kind: expected one of {', '.join(DATA_KINDS)}, found {problem['ctx'].get('tag')!r}"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{where} is missing"
    message = problem["msg"].replace("a valid tuple", "a list")
    return f"{where}: {message[0].lower()}{message[1:]}, found {problem['input']!r}"


def _section_at(place: tuple[int | str, ...]) -> Any:
    """The dataclass that holds the keys at a place; None if it is no section."""
    found: Any = Recipe
    for part in place:
        if part in DATA_KINDS:
            found = DATA_KINDS[str(part)]
        elif part != "data":
            if get_origin(found) is dict:  # sections by a name of one's own
                found = get_args(found)[1]
            else:
                found = {each.name: each.type for each in dataclasses.fields(found)}.get(str(part), found)
            if get_origin(found) is UnionType:  # a section, or None
                found = next(each for each in get_args(found) if each is not type(None))
            if not dataclasses.is_dataclass(found) and get_origin(found) is not dict:
                return None
    return found if dataclasses.is_dataclass(found) else None

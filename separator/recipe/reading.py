"""Recipes are YAML files that say what to train, on which data, how: read strictly into their sections."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import TypeAdapter, ValidationError

from separator.data.config import DataConfig
from separator.data.kinds import DATA_KINDS, default_config
from separator.errors import InputError
from separator.recipe.sections import Recipe
from separator.recipe.voice import VoiceRecipe
from separator.section import explain

TASKS: dict[str, type[Recipe] | type[VoiceRecipe]] = {"separation": Recipe, "voice": VoiceRecipe}
"""Values that a recipe's `task` may have, the first where it is left out, and the recipe's dataclass."""

AnyRecipe = Recipe | VoiceRecipe

WRONG_YAML = (yaml.YAMLError, ValueError, KeyError, AttributeError)
"""What the reader raises: beside its own kind that of a date, a number or a truth that is none."""


def load_recipe(path: Path | str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe of a separation model, as `load_any_recipe` does.

    Raises:
        InputError: As there, or if it is a recipe of another task.
    """
    recipe = load_any_recipe(path, overrides)
    if not isinstance(recipe, Recipe):
        raise InputError(f"{path}: expected a recipe of a separation model, found task: {recipe.task}")
    return recipe


def load_any_recipe(path: Path | str, overrides: Iterable[str] = ()) -> AnyRecipe:
    """Read a recipe of any task; `base: OTHER.yaml` (beside it) is read first and changed by it.

    Mappings are merged key by key, other values replaced; a `model` of another architecture replaces the base's whole.

    Args:
        path: The YAML file.
        overrides: `key.path=value` settings, applied last; the value is read as YAML.

    Raises:
        InputError: One line that names the file, the key, what was expected and what was found.
    """
    path = Path(path)
    content = _read(path, ())
    apply_overrides(content, overrides)
    task = content.get("task", next(iter(TASKS)))
    if task not in TASKS:
        raise InputError(f"{path}: task: expected one of {', '.join(TASKS)}, found {task!r}")
    if isinstance(data := content.get("data"), dict) and TASKS[task] is Recipe:
        data.setdefault("kind", next(iter(DATA_KINDS)))
    try:
        recipe: AnyRecipe = TypeAdapter(TASKS[task]).validate_python(content)
        with torch.random.fork_rng(devices=[]):  # checks the model's config; on "meta" torch would import its compiler
            recipe.build_model()
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error)}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return recipe


def load_data_section(kind: str, root: Path, overrides: Iterable[str] = ()) -> DataConfig:
    """Read a data section without a recipe: a kind, its root, and what is set.

    Args:
        kind: A name in `DATA_KINDS`; speakers are all those below the root unless set.
        root: The data set's folder.
        overrides: As for `load_recipe`, of `data` alone.

    Raises:
        InputError: If the kind is unknown, or a setting wrong.
    """
    content: dict[str, Any] = {"data": dataclasses.asdict(default_config(kind, root))}
    apply_overrides(content, overrides)
    if other := [key for key in content if key != "data"]:
        raise InputError(f"--set {other[0]}: expected a setting of data, as there is no recipe")
    try:
        config: DataConfig = TypeAdapter(DATA_KINDS[kind]).validate_python(content["data"])
    except ValidationError as error:
        raise InputError(_first_problem(error, ("data",))) from None
    return config


def recipe_to_dict(recipe: AnyRecipe) -> dict[str, Any]:
    """Return the recipe with every default filled in, as plain values that YAML can hold."""
    plain: dict[str, Any] = TypeAdapter(type(recipe)).dump_python(recipe, mode="json")
    return plain


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise InputError(f"{path}: `base` leads back to this recipe")
    if path.is_dir() or not path.exists():
        raise InputError(f"{path}: expected a recipe (a YAML file), found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader)
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a recipe (a YAML file), found something else than text in UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read the recipe: {error.strerror or error}") from None
    except WRONG_YAML as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise InputError(f"{path}: not valid YAML{line}: {getattr(error, 'problem', None) or 'unreadable'}") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else repr(content)[:40]
        raise InputError(f"{path}: expected a mapping of keys at the top, found {found}")
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


def apply_overrides(content: dict[str, Any], overrides: Iterable[str]) -> None:
    """Set keys of a mapping, each by `key.path=value` with a value in YAML; raise `InputError` for what is none."""
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise InputError(f"--set expects key.path=value, found {override!r}")
        try:
            value = yaml.load(text, UniqueKeyLoader)
        except WRONG_YAML:
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
    place = [*within, *problem["loc"]]
    if place[:1] == ["data"] and len(place) > 1 and place[1] in DATA_KINDS:
        del place[1]  # pydantic names the kind too
    where = ".".join(map(str, place))
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"{where}.kind: expected one of {', '.join(DATA_KINDS)}, found {problem['ctx'].get('tag')!r}"
    if problem["type"] == "missing" and all(isinstance(part, str) for part in place):
        return f"{where} is missing: set it there, or with --set {where}=VALUE"
    return explain(problem, where)


class UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader to which a key that a mapping has twice is an error: of two, plain YAML forgets the first.

    Example:
        >>> yaml.load("{name: a, data: {root: here}}", UniqueKeyLoader)
        {'name': 'a', 'data': {'root': 'here'}}
    """

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Return the node of a mapping, before other mappings are merged into it by `<<`.

        Raises:
            yaml.composer.ComposerError: If a key is there twice; it knows the line.
        """
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.composer.ComposerError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return node

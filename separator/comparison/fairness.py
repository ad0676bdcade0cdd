"""Which recipes are compared, and whether the comparison is a fair one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from separator.errors import InputError
from separator.recipe import Recipe, load_recipe, recipe_to_dict

BASE_NAMES = ("base.yaml", "base.yml")
"""Files of a folder that others name as their `base`, not compared themselves."""

RESULT_NAMES = ("results.csv", "results.png", "results.md")
"""Files of a comparison, beside the folders named as the recipes."""

ALIKE = (
    *("sources", "loss", "data"),
    *("training.max_steps", "training.batch_size", "training.accumulate_batches"),
    *("training.seed", "training.validate_every_steps"),
)
"""Settings that must be the same in all recipes: the same examples in the same order, the same loss, as many
validations to choose the best of, the same test."""


def load_recipes(paths: Iterable[Path], overrides: Iterable[str] = (), only: Iterable[str] = ()) -> list[Recipe]:
    """Read the recipes of a comparison.

    Args:
        paths: Recipe files, or folders whose `*.yaml` files (but for `base.yaml`) are read in alphabetical order.
        overrides: `key.path=value` settings, applied to all.
        only: Names of the recipes to keep; none keeps all.

    Raises:
        InputError: If a recipe is wrong, two have one name, a name in `only` is unknown, or the recipes differ in what
            must be alike.
    """
    overrides = tuple(overrides)
    files = [file for path in paths for file in _recipe_files(path)]
    recipes: dict[str, Recipe] = {}
    for file in files:
        recipe = load_recipe(file, overrides)
        # Each name is a folder's, also on file systems that take capitals for small letters.
        if recipe.name.casefold() in (name.casefold() for name in recipes):
            raise InputError(f"{file}: expected a name of its own, found {recipe.name!r}, another recipe's name")
        if recipe.name.casefold() in RESULT_NAMES:
            raise InputError(f"{file}: expected a name that is none of the results', found {recipe.name!r}")
        recipes[recipe.name] = recipe
    kept = list(only) or list(recipes)
    for name in kept:
        if name not in recipes:
            raise InputError(f"--only: expected names out of {', '.join(recipes)}, found {name!r}")
    chosen = [recipe for name, recipe in recipes.items() if name in kept]
    for recipe in chosen[1:]:
        for key in ALIKE:
            expected, found = _value(chosen[0], key), _value(recipe, key)
            if expected != found:
                where, first, second = first_difference(key, expected, found)
                raise InputError(
                    f"{recipe.name}: {where} must be the same in all compared recipes: expected {first!r}, as in "
                    f"{chosen[0].name}, found {second!r}"
                )
    return chosen


def other_differences(recipes: list[Recipe]) -> list[str]:
    """Return the keys outside `name` and `model` in which the recipes differ: allowed, but a reader must know."""
    plain = [recipe_to_dict(recipe) for recipe in recipes]
    found = []
    for section in ("optimizer", "training", "trainer"):
        for key in plain[0][section]:
            if any(each[section][key] != plain[0][section][key] for each in plain[1:]):
                found.append(f"{section}.{key}")
    return found


def _recipe_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in (*path.glob("*.yaml"), *path.glob("*.yml")) if file.name not in BASE_NAMES)
    if not files:
        raise InputError(f"{path}: expected recipes (*.yaml), found none")
    return files


def _value(recipe: Recipe, key: str) -> Any:
    value: Any = recipe_to_dict(recipe)
    for part in key.split("."):
        value = value[part]
    if key == "data":
        return {name: setting for name, setting in value.items() if name != "num_workers"}
    return value


def first_difference(key: str, first: Any, second: Any) -> tuple[str, Any, Any]:
    """Return the key, and its two values, at which two values of `key` begin to differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in first:
            if first[name] != second.get(name):
                return first_difference(f"{key}.{name}", first[name], second.get(name))
    return key, first, second

"""Which recipes are compared, whether the comparison is a fair one, and in what they differ."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import torch

from separator.errors import InputError
from separator.models import config_to_dict
from separator.recipe import Recipe, find_differences, load_recipe, recipe_to_dict

BASE_NAMES = ("base.yaml", "base.yml")
"""Files of a folder that others name as their `base`, not compared themselves."""

RESULT_NAMES = ("results.csv", "results.png", "results.md")
"""Files of a comparison, beside the folders named as the recipes."""

VARIATIONS: dict[str, tuple[str, ...]] = {
    "data": ("data",),
    "loss": ("loss",),
    "examples": (
        *("training.max_steps", "training.batch_size", "training.accumulate_batches"),
        "training.validate_every_steps",
    ),
    "seed": ("training.seed",),
    "model": (),
    "optimizer": (),
    "trainer": (),
}
"""What `--vary` takes, and the settings that must be alike in all recipes unless it is named: the same examples in the
same order, the same loss, as many validations to choose the best of. The last three may differ in any case."""


def load_recipes(
    paths: Iterable[Path], overrides: Iterable[str] = (), only: Iterable[str] = (), vary: Collection[str] = ()
) -> list[Recipe]:
    """Read the recipes of a comparison.

    Args:
        paths: Recipe files, or folders whose `*.yaml` files (but for `base.yaml`) are read in alphabetical order.
        overrides: `key.path=value` settings, applied to all.
        only: Names of the recipes to keep; none keeps all.
        vary: Names out of `VARIATIONS`, in which the recipes may differ.

    Raises:
        InputError: If a recipe is wrong, two have one name, a name in `only` or `vary` is unknown, or the recipes
            differ in what must be alike.
    """
    for name in vary:
        if name not in VARIATIONS:
            raise InputError(f"--vary: expected names out of {', '.join(VARIATIONS)}, found {name!r}")
    overrides = tuple(overrides)
    recipes: dict[str, Recipe] = {}
    for file in (file for path in paths for file in _recipe_files(path)):
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
        _check_alike(chosen[0], recipe, vary)
    return chosen


def _check_alike(first: Recipe, other: Recipe, vary: Collection[str]) -> None:
    """Refuse a recipe that differs from the first where it must not."""
    for key, (expected, found) in find_differences(recipe_to_dict(first), recipe_to_dict(other)).items():
        names = [name for name, keys in VARIATIONS.items() if key in keys or key.split(".")[0] in keys]
        if key == "data.num_workers" or (not names and key.split(".")[0] != "sources") or set(names) & set(vary):
            continue
        unless = f" without --vary {names[0]}" if names else ""
        raise InputError(
            f"{other.name}: {key} must be the same in all compared recipes{unless}: expected {expected!r}, as in "
            f"{first.name}, found {found!r}"
        )


def differences_between(first: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return the settings but the name in which two recipes differ, defaults filled in, each with its two values.

    Of two architectures, whose settings mean different things, only the names are compared.
    """
    same_architecture = first.model.architecture == other.model.architecture
    return find_differences(_settings(first, same_architecture), _settings(other, same_architecture))


def _settings(recipe: Recipe, with_config: bool) -> dict[str, Any]:
    settings = recipe_to_dict(recipe)
    del settings["name"], settings["model"]["config"]
    if with_config:
        with torch.device("meta"):  # no memory for weights
            settings["model"]["config"] = config_to_dict(recipe.build_model().config)
    return settings


def _recipe_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in (*path.glob("*.yaml"), *path.glob("*.yml")) if file.name not in BASE_NAMES)
    if not files:
        raise InputError(f"{path}: expected recipes (*.yaml), found none")
    return files

"""Recipes: YAML files that say what to train, on which data, how; read strictly into typed sections."""

from separator.recipe.differences import differences_text, find_differences, setting_text
from separator.recipe.reading import load_data_section, load_recipe, recipe_to_dict
from separator.recipe.sections import Recipe

__all__ = [
    "Recipe",
    "differences_text",
    "find_differences",
    "load_data_section",
    "load_recipe",
    "recipe_to_dict",
    "setting_text",
]

"""Recipes: YAML files that say what to train, on which data, how; read strictly into typed sections."""

from separator.recipe.differences import differences_text, find_differences, setting_text
from separator.recipe.reading import AnyRecipe, load_any_recipe, load_data_section, load_recipe, recipe_to_dict
from separator.recipe.sections import Recipe
from separator.recipe.voice import VoiceRecipe

__all__ = [
    "AnyRecipe",
    "Recipe",
    "VoiceRecipe",
    "differences_text",
    "find_differences",
    "load_any_recipe",
    "load_data_section",
    "load_recipe",
    "recipe_to_dict",
    "setting_text",
]

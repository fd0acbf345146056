"""The typed recipe and how it is read."""

from ecomct.recipe.loading import load_recipe, read_recipe
from ecomct.recipe.model import ARMS, Recipe
from ecomct.recipe.source import Source

__all__ = ["ARMS", "Recipe", "Source", "load_recipe", "read_recipe"]

"""Tune over and over, killing the process at its n-th touch of the run's files; run by test_tuned_models."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from ecomct.recipe.model import Recipe
from ecomct.recipe.tuning import Lora
from ecomct.training.run import train_arm

sys.path.insert(0, str(Path(__file__).parents[1]))
from killed_training import attempt, tree  # it lies above this program


def main(recipe_json: str, adapter_json: str, sequences: str, base: str, folder: str) -> None:
    """Print the trees of an undisturbed run and of disturbed ones, and how many kills struck."""
    recipe, random_moment = Recipe.model_validate_json(recipe_json), random.Random(1)
    adapter = Lora.model_validate_json(adapter_json) if adapter_json else None

    def tune(out: Path, touch: int = 0) -> tuple[bool, int]:
        return attempt(lambda: train_arm(recipe, "base+tuned", Path(sequences), Path(base), out, adapter=adapter), out, touch)

    finished, touches = tune(Path(folder) / "calm")
    assert finished
    trees, kills = {"calm": tree(Path(folder) / "calm")}, 0
    for index in range(3):
        out = Path(folder) / f"killed-{index}"
        low = index * touches // 3
        kills += not tune(out, random_moment.randint(low + 1, low + touches // 3))[0]
        assert tune(out)[0]
        trees[out.name] = tree(out)
    print(json.dumps({"trees": trees, "kills": kills}))


if __name__ == "__main__":
    main(*sys.argv[1:])

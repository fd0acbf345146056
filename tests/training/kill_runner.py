"""Train one arm over and over, killing the process at chosen moments; run by test_training_run.

Imports happen once; every attempt is a fork, and the next one goes on in what it left.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import time
from pathlib import Path

from ecomct.recipe.model import Recipe
from ecomct.training.run import train_arm

sys.path.insert(0, str(Path(__file__).parents[1]))
from killed_training import attempt, tree  # it lies above this program


def main(recipe_json: str, sequences: str, base: str, folder: str) -> None:
    """Write the trees of an undisturbed run and of all disturbed ones, and how many kills struck."""
    recipe, random_moment = Recipe.model_validate_json(recipe_json), random.Random(0)

    def train(out: Path, touch: int = 0, after: float = 0.0) -> tuple[bool, int]:
        return attempt(lambda: train_arm(recipe, "mixed", Path(sequences), Path(base), out), out, touch, after)

    start = time.monotonic()
    finished, touches = train(Path(folder) / "undisturbed")
    assert finished
    lasted = time.monotonic() - start

    stretch = touches // 8
    # Two kills a stretch of the run's touches, in one folder each; then kills by the clock.
    plans = [{"touch": random_moment.randint(low + 1, low + stretch)} for low in range(0, touches - stretch + 1, stretch)]
    clock = [{"after": random_moment.uniform(0.2, 1.0) * lasted} for _ in range(4)]
    outcome: dict[str, object] = {"undisturbed": tree(Path(folder) / "undisturbed")}
    kills = 0
    for index, plan in enumerate([*plans, *clock]):
        out = Path(folder) / f"disturbed-{index}"
        for again in (plan, {"touch": random_moment.randint(1, touches)}):
            done, _ = train(out, **again)  # type: ignore[arg-type]
            kills += not done
        assert train(out)[0]
        outcome[out.name] = tree(out)
        shutil.rmtree(out)
    print(json.dumps({"trees": outcome, "kills": kills, "touches": touches}))


if __name__ == "__main__":
    main(*sys.argv[1:])

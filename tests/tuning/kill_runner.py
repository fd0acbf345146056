"""Tune over and over, killing the process at its n-th touch of the run's files; run by test_tuned_models."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
from pathlib import Path

from ecomct.recipe.model import Recipe
from ecomct.recipe.tuning import Lora
from ecomct.training.run import train_arm


def attempt(recipe: Recipe, adapter: Lora | None, sequences: Path, base: Path, out: Path, touch: int) -> tuple[bool, int]:
    """Fork, tune and be killed at the given touch (0: never); return whether it finished, and the touches."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        touches = 0

        def on_event(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal touches
            if arguments and isinstance(arguments[0], str | os.PathLike) and str(arguments[0]).startswith(str(out)):
                touches += 1
                if touches == touch:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(on_event)
        try:
            train_arm(recipe, "base+tuned", sequences, base, out, None, None, adapter)
            os.write(sender, str(touches).encode())
        finally:
            os._exit(0)
    os.close(sender)
    _, status = os.waitpid(child, 0)
    said = os.read(receiver, 32)
    os.close(receiver)
    assert said or os.WIFSIGNALED(status), "an attempt that was not killed failed"
    return bool(said), int(said or 0)


def tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main(recipe_json: str, adapter_json: str, sequences: str, base: str, folder: str) -> None:
    """Print the trees of an undisturbed run and of disturbed ones, and how many kills struck."""
    recipe, random_moment = Recipe.model_validate_json(recipe_json), random.Random(1)
    adapter = Lora.model_validate_json(adapter_json) if adapter_json else None
    where = (recipe, adapter, Path(sequences), Path(base))
    finished, touches = attempt(*where, Path(folder) / "calm", 0)
    assert finished
    trees, kills = {"calm": tree(Path(folder) / "calm")}, 0
    for index in range(3):
        out = Path(folder) / f"killed-{index}"
        low = index * touches // 3
        kills += not attempt(*where, out, random_moment.randint(low + 1, low + touches // 3))[0]
        assert attempt(*where, out, 0)[0]
        trees[out.name] = tree(out)
    print(json.dumps({"trees": trees, "kills": kills}))


if __name__ == "__main__":
    main(*sys.argv[1:])

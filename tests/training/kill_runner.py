"""Train one arm over and over, killing the process at chosen moments; run by test_training_run.

Imports happen once; every attempt is a fork that dies by SIGKILL at its n-th touch of the run's
files (from within: any moment around a write, rename or removal) or after a time (from outside:
any moment at all, half-written files included), and the next attempt goes on in what it left.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from ecomct.recipe.model import Recipe
from ecomct.training.run import train_arm


def attempt(recipe: Recipe, sequences: Path, base: Path, out: Path, *, touch: int = 0, after: float = 0.0) -> tuple[bool, int]:
    """Fork, train and be killed; return whether training finished, and the touches of its files."""
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
            train_arm(recipe, "mixed", sequences, base, out)
            os.write(sender, str(touches).encode())
        finally:
            os._exit(0)
    os.close(sender)
    if after:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    said = os.read(receiver, 32)
    os.close(receiver)
    assert said or os.WIFSIGNALED(status), "an attempt that was not killed failed"
    return bool(said), int(said or 0)


def tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main(recipe_json: str, sequences: str, base: str, folder: str) -> None:
    """Write the trees of an undisturbed run and of all disturbed ones, and how many kills struck."""
    recipe, random_moment = Recipe.model_validate_json(recipe_json), random.Random(0)
    where = (recipe, Path(sequences), Path(base))
    start = time.monotonic()
    finished, touches = attempt(*where, Path(folder) / "undisturbed")
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
            done, _ = attempt(*where, out, **again)  # type: ignore[arg-type]
            kills += not done
        assert attempt(*where, out)[0]
        outcome[out.name] = tree(out)
        shutil.rmtree(out)
    print(json.dumps({"trees": outcome, "kills": kills, "touches": touches}))


if __name__ == "__main__":
    main(*sys.argv[1:])

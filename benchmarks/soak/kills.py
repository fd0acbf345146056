"""Kill a run with SIGKILL at random moments of every stage, run it again, compare all bytes.

    python benchmarks/soak/kills.py [RECIPE] [--kills 5] [--steps 8] [--seed 0] [--workers 2]
        [--stages survey ingest ...] [--until report]

For each stage the folder of an undisturbed run is cut back to the stages before it, so that the stage
alone runs; it is killed at a random moment of its duration, as many times as asked before it may
finish, and every file is compared with the undisturbed run's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ecomct.pipeline import STAGES
from ecomct.recipe import load_recipe
from ecomct.stage import file_digest

FOLDERS = {"survey": "survey", "ingest": "documents", "duplicates": "duplicates", "screen": "screen", "link": "links"}
FOLDERS |= {"tokenize": "tokens", "mix": "mixture", "pack": "sequences"}
FOLDERS |= {"train": "training", "evaluate": "evaluation", "report": "report"}
# What may differ between equal runs: clocks, locks and the memory of input files.
VOLATILE = {"timings.jsonl", ".lock", ".inputs.json"}


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file of a run by relative path, volatile ones left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in VOLATILE]
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(files)}


@contextmanager
def shortened(recipe: Path, steps: int) -> Iterator[Path]:
    """The recipe with fewer training steps, a checkpoint every second one, beside the original for its relative paths."""
    document = yaml.safe_load(recipe.read_text())
    document["training"] = document.get("training", {}) | {"max_steps": steps, "save_every": 2, "arms": ["separate", "mixed"]}
    document["evaluation"] = document.get("evaluation", {}) | {"max_items": 8, "max_documents": 8}
    short = recipe.with_name(f".kills-{os.getpid()}.yaml")
    short.write_text(yaml.safe_dump(document, allow_unicode=True))
    try:
        yield short
    finally:
        short.unlink()


def start(recipe: Path, runs: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start the run as a user would."""
    command = [sys.executable, "-m", "ecomct", "run", str(recipe), "--runs", str(runs), "--workers", str(options.workers)]
    command += ["--until", options.until]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"HF_HUB_OFFLINE": "1"})


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that is expected to succeed."""
    _, errors = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"a run failed with code {process.returncode}:\n{errors.decode()[-3000:]}")


def cut_back(done: Path, run: Path, stage: str) -> None:
    """Make `run` a copy of `done` without `stage` and everything after it."""
    shutil.rmtree(run, ignore_errors=True)
    later = [FOLDERS[name] for name in STAGES[STAGES.index(stage) :]]
    shutil.copytree(done, run, ignore=lambda folder, names: [n for n in names if Path(folder) == done and n in later])


def kill_once(recipe: Path, runs: Path, folder: Path, seconds: float, options: argparse.Namespace, rng: random.Random) -> str:
    """Start, wait for the stage to begin, kill after a random share of its duration; say what was hit."""
    process = start(recipe, runs, options)
    while process.poll() is None and not list(folder.glob("**/.stage")):
        time.sleep(0.002)
    delay = rng.uniform(0, seconds)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return f"{delay:.2f} s"
    return "too late"


def main() -> None:
    """Print one line a stage; exit with 1 at the first difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", type=Path, default=Path("examples/shop/recipe.yaml"))
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=list(STAGES))
    parser.add_argument("--until", choices=STAGES, default=STAGES[-1])
    options = parser.parse_args()
    options.stages = [stage for stage in options.stages if STAGES.index(stage) <= STAGES.index(options.until)]
    with shortened(options.recipe, options.steps) as recipe, tempfile.TemporaryDirectory() as temporary:
        compare(recipe, Path(temporary), options)


def compare(recipe: Path, temporary: Path, options: argparse.Namespace) -> None:
    """Kill and compare stage by stage."""
    rng = random.Random(options.seed)
    name = load_recipe(recipe).name
    undisturbed, runs = temporary / "undisturbed", temporary / "killed"
    finish(start(recipe, undisturbed, options))
    timings = [json.loads(line) for line in (undisturbed / name / "timings.jsonl").read_text().splitlines()]
    expected = digests(undisturbed / name)
    print(f"{'stage':<10} {'killed':>6}  after")
    for stage in options.stages:
        seconds = sum(one["seconds"] for one in timings if one["stage"].split()[0] in (stage, "base" * (stage == "train")))
        cut_back(undisturbed / name, runs / name, stage)
        moments: list[str] = []
        while sum(moment != "too late" for moment in moments) < options.kills:
            moments.append(kill_once(recipe, runs, runs / name / FOLDERS[stage], seconds, options, rng))
            if moments[-1] == "too late":
                cut_back(undisturbed / name, runs / name, stage)
        finish(start(recipe, runs, options))
        found = digests(runs / name)
        different = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
        killed = [moment for moment in moments if moment != "too late"]
        print(f"{stage:<10} {len(killed):>6}  {', '.join(killed)}: {'DIFFERENT' if different else 'equal'}", flush=True)
        if different:
            raise SystemExit("\n".join(different))
    print(f"{len(expected)} files equal after every stage")


if __name__ == "__main__":
    main()

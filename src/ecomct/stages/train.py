"""Sequences to models: the starting point, and one training a arm."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecomct.atomic import write_atomic
from ecomct.errors import InputError
from ecomct.progress import counter
from ecomct.recipe.model import Arm
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest


def base_stage(run: RunFolder) -> Stage:
    """Determined by the model's configuration or files, the tokenizer and the seed."""
    model = run.recipe.model
    files: list[str] = []
    if model.path is not None:
        folder = run.recipe.resolve(model.path)
        if not folder.is_dir():
            raise InputError(f"model.path: no folder at {folder}")
        found = sorted(file for file in folder.iterdir() if file.suffix in (".json", ".safetensors"))
        files = list(run.input_digests(found).values())
    inputs = {
        "config": model.config,
        "files": files,
        "tokenizer": outputs_digest(run.tokens, ["tokenizer/"]),
        "length": run.recipe.sequences.length,
        "seed": run.recipe.seed,
        "code": code_digest("stages/train", "training/model"),
    }
    return Stage("base", run.training / "base", inputs)


def base_work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Write the starting weights."""
    from ecomct.training.model import write_base

    write_base(run.recipe, run.tokens / "tokenizer", stage.folder / "model")
    _add_tokenizer(run, stage.folder)
    return {}


def stage(run: RunFolder, arm: Arm) -> Stage:
    """Determined by the arm's sequences, the starting weights and the training settings."""
    inputs = {
        "sequences": outputs_digest(run.sequences, [f"{arm}/"]),
        "base": outputs_digest(run.training / "base"),
        "training": run.recipe.training.deciding(),
        "seed": run.recipe.seed,
        "code": code_digest("stages/train", "training"),
    }
    return Stage(f"train {arm}", run.training / arm, inputs)


def work(run: RunFolder, stage: Stage, arm: Arm) -> dict[str, Any]:
    """Train one arm; its checkpoints are the units that a killed run keeps."""
    from ecomct.training.launch import Job
    from ecomct.training.ranks import train_together
    from ecomct.training.speed import latest

    logs = _logs(run, arm)
    job = Job(run.recipe, arm, run.sequences / arm, run.training / "base" / "model", stage.folder, logs)
    with counter(f"train {arm}") as count:

        def tell(step: int, steps: int) -> None:
            count(step, steps, latest(logs / "speed.jsonl"))

        facts = train_together(job, tell)
    _add_tokenizer(run, stage.folder)
    return facts


def followed() -> bool:
    """Whether this process is a rank of torchrun other than the first; returns when the first has no more to train.

    Such a rank does nothing but its share of the training: the first one walks the recipe.
    """
    if int(os.environ.get("RANK", "0")) == 0:
        return False
    from ecomct.training.ranks import follow

    follow()
    return True


@contextmanager
def leading() -> Iterator[None]:
    """Let the other ranks of torchrun, if there are any, wait for arms to train while the first walks the recipe."""
    if "RANK" not in os.environ:
        yield
        return
    from ecomct.training.parallel import open_group
    from ecomct.training.ranks import dismiss

    open_group()
    yield
    dismiss()


def _add_tokenizer(run: RunFolder, folder: Path) -> None:
    """Put the tokenizer beside every model, so that each folder opens on its own."""
    for model in [*folder.glob("model*"), *folder.glob("checkpoints/step-*")]:
        for file in sorted((run.tokens / "tokenizer").iterdir()):
            write_atomic(model / file.name, file.read_bytes())


def table(run: RunFolder, arm: Arm) -> list[list[str]]:
    """What the training did, and how fast."""
    from ecomct.training.speed import summary

    facts = run.facts(run.training / arm)
    losses = _losses(run.training / arm / "metrics.jsonl")
    rows = [["arm", "steps", "tokens", "first loss", "last loss", "precision", "packing", "tokens/s", "MFU"]]
    numbers = [f"{facts['steps']:,}", f"{facts['tokens']:,}", *(f"{loss:.4f}" for loss in (losses[0], losses[-1]))]
    pace = summary(_logs(run, arm) / "speed.jsonl") or {"tokens_per_second": None, "mfu": None}
    rate, mfu = pace["tokens_per_second"], pace["mfu"]
    speed = ["" if rate is None else f"{rate:,.0f}", "" if mfu is None else f"{mfu:.1%}"]
    return [*rows, [arm, *numbers, facts["precision"], facts["packing"], *speed]]


def _losses(path: Path) -> list[float]:
    losses = (json.loads(line)["loss"] for line in path.read_text().splitlines())
    return [loss for loss in losses if loss is not None] or [float("nan")]


def _logs(run: RunFolder, arm: Arm) -> Path:
    """What differs from run to run, as timings.jsonl does: not among the stage's outputs."""
    return run.folder / "logs" / arm

"""What an arm's folder holds while it is trained, and whether it fits the run that is about to go on."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ecomct.atomic import write_atomic
from ecomct.recipe.model import Recipe, Training
from ecomct.training.batches import Sequences
from ecomct.training.parallel import Group
from ecomct.training.trainer import metrics_line, publish_step

_log = logging.getLogger(__name__)


@contextmanager
def alone(out: Path, group: Group) -> Iterator[None]:
    """Hold `out` in the first process, once a process of a killed launch that is still dying has let go of it."""
    if not group.is_first:
        yield
        return
    out.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(out, os.O_RDONLY)
    try:
        with suppress(OSError):  # network file systems that lock no folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def begin(plan: str, out: Path, work: Path) -> dict[str, Any] | None:
    """Return the facts if this plan is finished; otherwise leave only unfinished work of the same plan."""
    if (facts := _finished(out, plan)) is not None:
        remove(work)
        return facts
    _clear_unless(plan, out, work)
    for stray in out.glob(".*.tmp"):
        stray.unlink()  # half-written by a process that was killed
    return None


def reopen(last: tuple[Path, int] | None, out: Path, training: Training) -> None:
    """Make what is published fit the checkpoint that training goes on from."""
    if last is not None:
        publish_step(*last, out, training)
    write_metrics(out, [] if last is None else history(last[0]))


def plan_of(recipe: Recipe, data: Sequences, base: Path, steps: int) -> str:
    """Return a digest of all that decides the bytes of this run."""
    digest = hashlib.sha256()
    stated = [recipe.training.deciding(), recipe.seed, steps, data.rows, data.tokens(data.rows), data.fingerprint]
    digest.update(json.dumps(stated, sort_keys=True).encode())
    for path in sorted([*base.glob("config.json"), *base.glob("*.safetensors")]):
        with open(path, "rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


def _finished(out: Path, plan: str) -> dict[str, Any] | None:
    """Return the facts of a finished run of the same plan."""
    try:
        report = json.loads((out / "facts.json").read_bytes())
    except FileNotFoundError:
        return None
    return report["facts"] if report["plan"] == plan else None


def _clear_unless(plan: str, out: Path, work: Path) -> None:
    """Keep unfinished work of the same plan; otherwise empty what this module writes, the finishing mark first."""
    mark = work / "plan"
    if mark.is_file() and mark.read_text() == plan:
        return
    if work.exists() or (out / "model").exists():
        _log.info("%s: made from other settings, data or weights; starting over", out)
    for name in ("facts.json", "metrics.jsonl", "incidents.jsonl"):
        (out / name).unlink(missing_ok=True)
    for folder in (out / "model", out / "model-ema", out / "checkpoints", work):
        shutil.rmtree(folder, ignore_errors=True)
    write_atomic(mark, plan)


def remove(work: Path) -> None:
    """Remove the working state, and the folder around it unless someone else keeps state there."""
    shutil.rmtree(work, ignore_errors=True)
    with suppress(OSError):
        work.parent.rmdir()


def history(checkpoint: Path) -> list[dict[str, Any]]:
    """Return the step records kept in a checkpoint's trainer state."""
    records: list[dict[str, Any]] = json.loads((checkpoint / "trainer_state.json").read_bytes())["log_history"]
    return records


def write_metrics(out: Path, records: list[dict[str, Any]]) -> None:
    """Replace metrics.jsonl: lines after the last whole checkpoint will be written anew."""
    write_atomic(out / "metrics.jsonl", "".join(metrics_line(record) for record in records))

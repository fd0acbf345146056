"""Checkpoints that are whole or ignored, whatever kills the process while they are written."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from ecomct.atomic import sync_folder, write_json
from ecomct.units import describe

MARK = "COMPLETE.json"
# What a published model consists of; the optimizer's state and random states stay behind.
_PUBLISHED = ("config.json", "generation_config.json", "model.safetensors")


def sync_tree(folder: Path) -> None:
    """Make every file and folder under `folder` durable."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb") as handle:
                os.fsync(handle.fileno())
        sync_folder(Path(parent))


def seal(stage: Path, final: Path, step: int) -> None:
    """Turn the staged folder into the checkpoint `final`: list its files with sizes and digests, sync, rename.

    `final` appears in one step and complete; a checkpoint of an earlier attempt is replaced.
    """
    files = {str(path.relative_to(stage)): describe(path) for path in sorted(stage.rglob("*")) if path.is_file()}
    write_json(stage / MARK, {"step": step, "files": files})
    sync_tree(stage)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(stage, final)
    sync_folder(final.parent)


def step_of(checkpoint: Path, verify: bool = False) -> int | None:
    """Return the step of a whole checkpoint, None if it is half-written or a size is off.

    `verify` reads every file and compares its digest too.
    """
    try:
        mark = json.loads((checkpoint / MARK).read_bytes())
        for name, known in mark["files"].items():
            path = checkpoint / name
            if path.stat().st_size != known["bytes"] or (verify and describe(path) != known):
                return None
        return int(mark["step"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep_last(work: Path, keep: int = 1, verify: bool = False) -> tuple[Path, int] | None:
    """Return the last whole checkpoint in `work` with its step; remove all but the last `keep` whole ones, and every stage.

    With `verify` a checkpoint whose bytes are not those that were written is not whole.
    """
    found = {path: step_of(path, verify) for path in work.glob("checkpoint-*")}
    whole = sorted((step, path) for path, step in found.items() if step is not None)
    kept = whole[-keep:]
    for path in [*found, *work.glob(".stage*")]:
        if all(path != other for _, other in kept):
            shutil.rmtree(path)
    return (kept[-1][1], kept[-1][0]) if kept else None


def publish(checkpoint: Path, target: Path, work: Path) -> None:
    """Give the weights and configuration of `checkpoint` the name `target`, in one step.

    The weights are linked, not copied, where the file system can. An existing `target` stays: it
    appeared by this same rename and is whole.
    """
    if target.exists():
        return
    stage = work / f".stage-{target.name}"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in _PUBLISHED:
        source = checkpoint / name
        if source.is_file():
            try:
                os.link(source, stage / name)
            except OSError:
                shutil.copyfile(source, stage / name)
    sync_tree(stage)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(stage, target)
    sync_folder(target.parent)

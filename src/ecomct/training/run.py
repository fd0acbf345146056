"""One arm, from the base model and its sequences to the final weights."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecomct.atomic import write_atomic, write_json
from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.batches import Sequences
from ecomct.training.by_source import LossBySource
from ecomct.training.checkpoints import keep_last, publish
from ecomct.training.loss import prepare_loss
from ecomct.training.model import open_folder
from ecomct.training.packing import prepare_packing
from ecomct.training.process import quiet, reproducible
from ecomct.training.trainer import LOSSES, ArmTrainer, arguments, choose_precision, metrics_line, publish_step

_log = logging.getLogger(__name__)


def train_arm(
    recipe: Recipe,
    arm: str,
    sequences: Path,
    base: Path,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Train the model in `base` on the dataset in `sequences` and leave the results in `out`.

    Steps are `training.max_steps`, or as many whole batches as one pass holds; more steps than a
    pass holds go round again in the same order. In `out`: model/ (final weights), checkpoints/step-N/
    (weights of the intermediate ones), metrics.jsonl (a line a step: step, tokens so far, token mean
    of the loss over the batch, learning rate, gradient norm before clipping), losses.jsonl (a line a step:
    mean loss and predicted tokens by source and language, where the data says whose each token is),
    facts.json (what this returns, and what it was made from).

    Guarantee: killed at any moment and called again with the same arguments, it goes on from the
    last whole checkpoint and ends in the bytes of an undisturbed run. Called again after the end it
    returns the facts; called with other settings, data or base it starts over.

    Args:
        recipe: `training`, `seed` and the names of `sources` are used.
        arm: name for messages.
        sequences: Hugging Face dataset on disk (input_ids, length, segments; rows, row_ends, languages), in training order.
        base: model folder, float32 weights.
        out: folder of this arm; nothing else may live there.
        on_progress: called with (step, steps) after each step.

    Returns:
        steps, tokens (real ones seen), passes (over the data), packing, loss ("chunked", "liger" or "whole"),
        precision, parameters, first_loss, last_loss.

    Raises:
        InputError: fewer sequences than one batch, an unusable base, a NaN, or several processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("training: this version trains in one process; start it without torchrun or accelerate launch")
    training, work = recipe.training, out / ".work" / "trainer"
    with quiet(), reproducible(recipe.seed, training.threads):
        data = Sequences(sequences)
        if data.rows < training.batch_size:
            raise InputError(
                f"training.batch_size: {training.batch_size} sequences a step, but arm {arm} has {data.rows}, "
                "and a step would see one twice; lower training.batch_size or give the arm more data"
            )
        steps = training.max_steps or data.rows // training.batch_size
        data.count = steps * training.batch_size
        plan = _plan(recipe, data, base, steps)
        if (facts := _finished(out, plan)) is not None:
            _remove(work)
            return facts
        _clear_unless(plan, out, work)
        for stray in out.glob(".*.tmp"):
            stray.unlink()  # half-written by a process that was killed
        last = keep_last(work)

        model = open_folder(base, "training")
        packing, loss = prepare_packing(model), prepare_loss(model, training.loss_kernel)
        precision = choose_precision(training.precision)
        if last is None or last[1] < steps:
            if last is not None:
                publish_step(*last, out, work)
            _write_metrics(out, [] if last is None else _history(last[0]))
            trainer = ArmTrainer(
                model,
                arguments(training, steps, recipe.seed % (1 << 32), precision, work, model.config.use_cache),
                data,
                packing,
                batch_size=training.batch_size,
                out=out,
                by_source=LossBySource(list(recipe.sources)) if data.has_origin else None,
                on_progress=on_progress,
            )
            trainer.train(resume_from_checkpoint=None if last is None else str(last[0]))
            last = keep_last(work)
        assert last is not None, "the last step leaves a whole checkpoint"

        records = _history(last[0])
        _write_metrics(out, records)
        publish(last[0], out / "model", work)
        facts = {
            "steps": steps,
            "tokens": data.tokens(data.count),
            "passes": round(data.count / data.rows, 6),
            "packing": packing,
            "loss": loss,
            "precision": precision,
            "parameters": model.num_parameters(),
            "first_loss": records[0]["loss"],
            "last_loss": records[-1]["loss"],
        }
        # The last thing written: from here on the run is finished, whatever is left in the work folder.
        write_json(out / "facts.json", {"facts": facts, "plan": plan})
        _remove(work)
        return facts


def _plan(recipe: Recipe, data: Sequences, base: Path, steps: int) -> str:
    """Return a digest of all that decides the bytes of this run."""
    digest = hashlib.sha256()
    settings = recipe.training.model_dump(mode="json", exclude={"arms"})
    stated = [settings, list(recipe.sources), recipe.seed, steps, data.rows, data.tokens(data.rows), data.fingerprint]
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
    for name in ("facts.json", "metrics.jsonl", "losses.jsonl"):
        (out / name).unlink(missing_ok=True)
    for folder in (out / "model", out / "checkpoints", work):
        shutil.rmtree(folder, ignore_errors=True)
    write_atomic(mark, plan)


def _remove(work: Path) -> None:
    """Remove the working state, and the folder around it unless someone else keeps state there."""
    shutil.rmtree(work, ignore_errors=True)
    with suppress(OSError):
        work.parent.rmdir()


def _history(checkpoint: Path) -> list[dict[str, Any]]:
    """Return the step records kept in a checkpoint's trainer state."""
    records: list[dict[str, Any]] = json.loads((checkpoint / "trainer_state.json").read_bytes())["log_history"]
    return records


def _write_metrics(out: Path, records: list[dict[str, Any]]) -> None:
    """Replace metrics.jsonl and losses.jsonl: lines after the last whole checkpoint will be written anew."""
    write_atomic(out / "metrics.jsonl", "".join(metrics_line(record) for record in records))
    losses = "".join(record.get(LOSSES, "") for record in records)
    if losses or (out / "losses.jsonl").exists():
        write_atomic(out / "losses.jsonl", losses)

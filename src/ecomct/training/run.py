"""One arm, from the base model and its sequences to the final weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import torch

from ecomct.atomic import write_json
from ecomct.errors import InputError, Stopped
from ecomct.recipe.model import Recipe
from ecomct.recipe.tuning import Lora
from ecomct.training.arguments import arguments, choose_precision
from ecomct.training.averaging import FOLDER, averaging_of
from ecomct.training.batches import Sequences
from ecomct.training.by_source import LossBySource
from ecomct.training.checkpoints import keep_last, publish
from ecomct.training.deepspeed_config import prepare_process
from ecomct.training.launch import Job, launch
from ecomct.training.lora import add_adapters
from ecomct.training.loss import prepare_loss
from ecomct.training.model import open_folder
from ecomct.training.packing import prepare_packing
from ecomct.training.parallel import Group, Strategy, accumulation_steps, choose_strategy, launched, open_group
from ecomct.training.process import quiet, reproducible
from ecomct.training.signals import listening, received
from ecomct.training.step_log import StepLog, write_incidents
from ecomct.training.trackers import check_trackers
from ecomct.training.trainer import ArmTrainer
from ecomct.training.work_folder import alone, begin, engine_of, history, plan_of, remove, reopen, write_metrics


def train_arm(
    recipe: Recipe,
    arm: str,
    sequences: Path,
    base: Path,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
    logs: Path | None = None,
    adapter: Lora | None = None,
) -> dict[str, Any]:
    """Train the model in `base` on the dataset in `sequences` and leave the results in `out`.

    Steps are `training.max_steps`, or as many whole batches as one pass holds; more steps than a
    pass holds go round again in the same order. In `out`: model/ (final weights), checkpoints/step-N/
    (weights of the intermediate ones), metrics.jsonl (a line a step: step, tokens so far, token mean
    of the loss over the batch, learning rate, gradient norm before clipping), losses.jsonl (a line a step:
    mean loss and predicted tokens by source and language, where the data says whose each token is),
    incidents.jsonl (where there were any), model-ema/ (with `training.average`), facts.json (what this
    returns, and what it was made from).

    In one process it trains here. With `training.parallel.processes` > 1, or ZeRO-2, it starts that many
    on this machine and waits. Under torchrun every rank calls it with the same arguments, and they train
    together. Only the first process writes.

    Guarantee: killed at any moment and called again with the same arguments, it goes on from the
    last whole checkpoint, and with as many processes as before it ends in the bytes of an undisturbed
    run. Another number of processes goes on too (sums in another order: equal up to rounding). Called
    again after the end it returns the facts; called with other settings, data or base it starts over.

    Args:
        recipe: `training`, `seed` and the names of `sources` are used.
        arm: name for messages.
        sequences: Hugging Face dataset on disk (input_ids, length, segments; rows, row_ends, languages), in training order.
        base: model folder, float32 weights.
        out: folder of this arm; nothing else may live there.
        on_progress: called with (step, steps) after each step, in the first process.
        logs: folder for what differs from run to run: speed.jsonl and the trackers of `training.log_to`.
        adapter: train low-rank adapters of these settings instead of the weights; what is saved is merged.

    Returns:
        steps, tokens (real ones seen), passes (over the data), packing, loss ("chunked", "liger" or "whole"),
        precision, parameters, first_loss, last_loss, parallel (strategy, processes, and for ZeRO-2 what its engine does).

    Raises:
        InputError: fewer sequences than one batch, a batch that the processes cannot share evenly, an
            unusable base, a NaN, or a process that was killed.
        Stopped: SIGTERM or SIGUSR1 came to any process; all have stopped after the same step, with a checkpoint.
        OSError: the disk refused a checkpoint; the one before it is whole.
    """
    check_trackers(recipe.training.log_to)
    parallel = recipe.training.parallel
    if not launched() and (parallel.processes > 1 or parallel.strategy == "zero2"):
        return launch(Job(recipe, arm, sequences, base, out, logs, adapter), parallel.processes, on_progress)
    strategy = choose_strategy(recipe.training, int(os.environ["WORLD_SIZE"]) if launched() else 1)
    if strategy == "zero2":
        prepare_process()
    with quiet(), reproducible(recipe.seed, recipe.training.threads), listening():
        group = open_group()
        with alone(out, group):
            return _train(recipe, arm, sequences, base, out, on_progress, logs, group, strategy, adapter)


def _train(
    recipe: Recipe,
    arm: str,
    sequences: Path,
    base: Path,
    out: Path,
    on_progress: Callable[[int, int], None] | None,
    logs: Path | None,
    group: Group,
    strategy: Strategy,
    adapter: Lora | None,
) -> dict[str, Any]:
    training, work = recipe.training, out / ".work" / "trainer"
    accumulation_steps(training, group.world)
    data = Sequences(sequences)
    if data.rows < training.batch_size:
        raise InputError(
            f"training.batch_size: {training.batch_size} sequences a step, but arm {arm} has {data.rows}, "
            "and a step would see one twice; lower training.batch_size or give the arm more data"
        )
    steps = training.max_steps or data.rows // training.batch_size
    data.count = steps * training.batch_size
    plan = group.first(lambda: plan_of(recipe, data, base, steps, adapter))
    if (facts := group.first(lambda: begin(plan, out, work))) is not None:
        return facts
    # Bytes that changed on the disk are found here, once, before anything is made from them.
    last = group.first(lambda: keep_last(work, training.keep_states, verify=True))

    # A checkpoint of adapters holds the merged weights too; training goes on from the adapters.
    model = open_folder(base if last is None or adapter is not None else last[0], "training")
    if adapter is not None:
        add_adapters(model, adapter, recipe.seed, None if last is None else last[0])
    packing, loss = prepare_packing(model, training.attention), prepare_loss(model, training.loss_kernel)
    precision = choose_precision(training.precision)
    if last is None or last[1] < steps:
        group.first(lambda: reopen(last, out, training))
        behind = [] if last is None else history(last[0])
        averaging = averaging_of(training)
        step_log = None
        if group.is_first:
            step_log = StepLog.open(recipe, arm, data, model, precision, out, logs, behind, group.world)
        masters = None
        if strategy == "zero2" and precision == "bf16":
            masters = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
            cast(torch.nn.Module, model).to(torch.bfloat16)
        trainer = ArmTrainer(
            model,
            arguments(training, steps, recipe.seed % (1 << 32), precision, work, model.config.use_cache, strategy, group.world),
            data,
            packing,
            training=training,
            out=out,
            group=group,
            by_source=LossBySource(list(recipe.sources)) if data.has_origin else None,
            on_progress=on_progress,
            masters=masters,
            companions=averaging,
            callbacks=averaging,
            history=behind,
            step_log=step_log,
        )
        del masters
        with ExitStack() as opened:
            if step_log is not None:
                opened.callback(step_log.close)
            trainer.train(resume_from_checkpoint=None if last is None else str(last[0]))
        if trainer.stopped_by:
            raise Stopped(trainer.stopped_by, trainer.state.global_step)

    def finish() -> dict[str, Any]:
        whole = keep_last(work)
        assert whole is not None, "the last step leaves a whole checkpoint"
        records = history(whole[0])
        write_metrics(out, records)
        write_incidents(out, records, data, training.batch_size, list(recipe.sources))
        publish(whole[0], out / "model", work)
        if training.average == "ema":
            publish(whole[0] / FOLDER, out / "model-ema", work)
        losses = [record["loss"] for record in records if record["loss"] is not None]
        facts = {
            "steps": steps,
            "tokens": data.tokens(data.count),
            "passes": round(data.count / data.rows, 6),
            "packing": packing,
            "loss": loss,
            "precision": precision,
            "parameters": model.num_parameters(),
            "first_loss": losses[0] if losses else None,
            "last_loss": losses[-1] if losses else None,
            "parallel": {"strategy": strategy, "processes": group.world, **engine_of(whole[0])},
        }
        # The last thing written: from here on the run is finished, whatever is left in the work folder.
        write_json(out / "facts.json", {"facts": facts, "plan": plan})
        remove(work)
        return facts

    facts = group.first(finish)
    # One that came in the last step: the arm is finished, but what follows it is not for now.
    if number := group.most(received()):
        raise Stopped(number, steps)
    return facts

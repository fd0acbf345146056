"""The learning rate of every step, as a share of `training.learning_rate`."""

from __future__ import annotations

import math
from functools import partial

import torch

from ecomct.errors import InputError
from ecomct.recipe.training import Schedule, Training


def rate_factor(step: int, *, schedule: Schedule, steps: int, warmup: int, floor: float, decay_share: float) -> float:
    """Return the share of the learning rate that the update after `step` finished ones is made with.

    It rises in a line from 0 over `warmup` steps. Then, with floor < 1 the share that is left at the end:
    constant stays at 1; linear falls in a line and cosine along half a wave to `floor` at `steps`;
    wsd (warm-up, stable, decay; Hu et al., 2024) stays at 1 and falls in a line to `floor` over the
    last `decay_share` of `steps`, or over all that warm-up leaves of them. The end itself is never
    used: the last update is the one at `steps` - 1.

    Guarantee: a pure function; with floor 0 constant, linear and cosine are, bit for bit, the
    schedules of the same names of transformers (constant: constant_with_warmup). Source: no paper; ours.
    """
    if step < warmup:
        return step / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        done = (step - warmup) / max(1, steps - warmup)
        share = max(0.0, 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * done)))
    else:
        start = warmup if schedule == "linear" else max(warmup, steps - max(1, round(decay_share * steps)))
        share = min(1.0, max(0.0, (steps - step) / max(1, steps - start)))
    return share * (1.0 - floor) + floor


def make_schedule(optimizer: torch.optim.Optimizer, training: Training, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Return the schedule of a run of `steps` steps over `optimizer`; its saved state is the number of steps.

    Raises InputError where the run would end before the learning rate is reached.
    """
    if training.warmup_steps > steps:
        raise InputError(
            f"training.warmup_steps: {training.warmup_steps}, but the run has {steps} steps and would end "
            "below training.learning_rate; lower training.warmup_steps or give the run more steps"
        )
    factor = partial(
        rate_factor,
        schedule=training.schedule,
        steps=steps,
        warmup=training.warmup_steps,
        floor=training.min_learning_rate,
        decay_share=training.decay_share,
    )
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)

"""Runs that torchrun started: the first rank walks the whole recipe, the others join it where an arm is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecomct.training.launch import Job
from ecomct.training.parallel import launched, open_group
from ecomct.training.run import train_arm


def train_together(job: Job, on_progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Train an arm, with the ranks that wait in `follow` where torchrun started some; return its facts."""
    if launched():
        open_group().first(job.to_json)
    return train_arm(job.recipe, job.arm, job.sequences, job.base, job.out, on_progress, job.logs)


def follow() -> None:
    """Be a rank after the first: train every arm that it announces, until it says that there is no more."""
    group = open_group()
    while (line := group.first(lambda: "")) != "":
        job = Job.from_json(line)
        train_arm(job.recipe, job.arm, job.sequences, job.base, job.out, None, job.logs)


def dismiss() -> None:
    """Tell the ranks that wait in `follow` that the first has no more to train."""
    if launched():
        open_group().first(lambda: "")

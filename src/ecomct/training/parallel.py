"""The processes that train one model together, as one of them sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist

from ecomct.errors import InputError
from ecomct.recipe.training import Training

Strategy = Literal["none", "ddp", "fsdp", "zero2"]
T = TypeVar("T")

# The first process may write a large checkpoint while the others wait in a collective.
_COLLECTIVE = timedelta(hours=2)
# Between arms the others wait for the first, which evaluates or prepares data; a lost peer is noticed at once all the same.
_CONTROL = timedelta(days=30)
_opened: Group | None = None


@dataclass(frozen=True)
class Group:
    """This process's rank among `world`, and what they agree on over a channel of their own (gloo, on the CPU)."""

    rank: int
    world: int
    channel: dist.ProcessGroup | None

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def first(self, function: Callable[[], T]) -> T:
        """Run `function` in the first process only and return its result in all; a barrier.

        Where it raises, the first process raises it and the others exit with code 1, quietly: one fault, one message.
        """
        if self.channel is None:
            return function()
        if self.is_first:
            try:
                answer: list[Any] = [True, function()]
            except BaseException:
                dist.broadcast_object_list([False, None], src=0, group=self.channel)
                raise
        else:
            answer = [None, None]
        dist.broadcast_object_list(answer, src=0, group=self.channel)
        if not answer[0]:
            raise SystemExit(1)
        value: T = answer[1]
        return value

    def most(self, number: int) -> int:
        """Return the largest `number` of all processes."""
        if self.channel is None:
            return number
        tensor = torch.tensor([number])
        dist.all_reduce(tensor, op=dist.ReduceOp.MAX, group=self.channel)
        return int(tensor)

    def collect(self, value: T) -> list[T] | None:
        """Return the values of all processes by rank in the first process, None in the others."""
        if self.channel is None:
            return [value]
        values: list[Any] | None = [None] * self.world if self.is_first else None
        dist.gather_object(value, values, dst=0, group=self.channel)
        return values


def launched() -> bool:
    """Whether a launcher (torchrun, or ours) started this process as one of several ranks, or as the only one."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def rank() -> int:
    """This process's rank, 0 where nothing launched it."""
    return int(os.environ["RANK"]) if launched() else 0


def choose_strategy(training: Training, world: int) -> Strategy:
    """Resolve "auto", and strategies that have nothing to share in one process."""
    wanted = training.parallel.strategy
    if wanted == "zero2":
        return "zero2"
    if world == 1:
        return "none"
    return "ddp" if wanted == "auto" else wanted


def open_group() -> Group:
    """Join the processes of this launch, once a process; alone where there is no launcher.

    Raises:
        InputError: a launcher started more processes on this machine than it has GPUs.
    """
    global _opened
    if not launched():
        return Group(0, 1, None)
    if _opened is None:
        rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        on_cuda = torch.cuda.is_available()
        if on_cuda:
            local = int(os.environ.get("LOCAL_RANK", "0"))
            if local >= torch.cuda.device_count():
                raise InputError(
                    f"training: process {local} of this machine has no GPU, there are {torch.cuda.device_count()}; "
                    "start as many processes as GPUs (training.parallel.processes, torchrun --nproc-per-node)"
                )
            torch.cuda.set_device(local)
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_cuda else "gloo", timeout=_COLLECTIVE)
        channel = dist.new_group(backend="gloo", timeout=_CONTROL) if world > 1 else None
        _opened = Group(rank, world, channel)
    return _opened


def accumulation_steps(training: Training, world: int) -> int:
    """Return the micro-batches a process runs for one step of `batch_size` sequences.

    Raises:
        InputError: the batch cannot be shared out evenly.
    """
    together = training.micro_batch_size * world
    if training.batch_size % together:
        raise InputError(
            f"training.batch_size ({training.batch_size}) is not a multiple of micro_batch_size x processes "
            f"({training.micro_batch_size} x {world}); change one of the three"
        )
    return training.batch_size // together

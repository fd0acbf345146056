"""A plan: does the recipe's training fit these devices, how long will it take, and what would have to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ecomct.errors import InputError
from ecomct.planning.budget import ArmLength, Speed, arm_lengths, disk, speed
from ecomct.planning.devices import GIB, Cluster, parse_gpus
from ecomct.planning.fitting import Trial, largest, mend, micro_batches, room, try_out
from ecomct.planning.memory import Choice, Job, Strategy, need
from ecomct.planning.shadow import Peak, Setting, trace
from ecomct.planning.shape import Shape, read_shape
from ecomct.recipe.model import Recipe
from ecomct.run_folder import RunFolder


@dataclass(frozen=True)
class Plan:
    """What `ecomct plan` says.

    `written`: the recipe as it stands. `chosen`: the same with the largest micro-batch that fits, None if none does.
    `changes`: tried where the recipe as written does not fit.
    """

    recipe: str
    shape: Shape
    precision: str
    length: int
    batch: int
    cluster: Cluster
    written: Trial
    chosen: Trial | None
    changes: list[Trial]
    speed: Speed
    arms: list[ArmLength]
    disk: dict[str, int]
    host: int | None

    @property
    def fits(self) -> bool:
        """Whether the recipe fits as it is written."""
        return self.written.fits

    def as_json(self) -> dict[str, Any]:
        """The plan in plain types; sizes in bytes, times in seconds and days."""
        return {
            "recipe": self.recipe,
            "fits": self.fits,
            "model": {
                "kind": self.shape.kind,
                "parameters": self.shape.parameters,
                "layers": self.shape.layers,
                "hidden": self.shape.hidden,
                "vocabulary": self.shape.vocabulary,
            },
            "precision": self.precision,
            "length": self.length,
            "batch": self.batch,
            "device": {"name": self.cluster.device.name, "memory": self.cluster.device.memory, "peak": self.cluster.device.peak},
            "processes": {"a_node": self.cluster.a_node, "nodes": self.cluster.nodes},
            "room": room(self.cluster),
            "host_room": self.host,
            "written": self._trial(self.written),
            "chosen": None if self.chosen is None else self._trial(self.chosen),
            "changes": [self._trial(one) for one in self.changes],
            "speed": asdict(self.speed),
            "arms": [asdict(one) | {"days": self.speed.days(one.tokens)} for one in self.arms],
            "disk": self.disk | {"total": sum(self.disk.values())},
        }

    def _trial(self, trial: Trial) -> dict[str, Any]:
        choice = trial.choice
        return {
            "change": trial.change,
            "fits": trial.fits,
            "gpus": str(choice.cluster),
            "strategy": choice.strategy,
            "offload": choice.offload,
            "activations": "recompute" if choice.recompute else "keep",
            "micro_batch": choice.rows,
            "accumulation": choice.accumulation(self.batch),
            "device": trial.need.device | {"total": trial.need.on_device},
            "host": trial.need.host | {"total": trial.need.on_host},
        }


def make_plan(
    recipe: Recipe,
    gpus: str,
    nodes: int = 1,
    tokens: int | None = None,
    mfu: float = 0.4,
    host_gib: float | None = None,
    runs: Path | None = None,
) -> Plan:
    """Plan the recipe's training on `nodes` machines with `gpus` each.

    One process a device, whatever training.parallel.processes says. Strategy "auto" is DDP for several processes.
    Where the recipe as written does not fit, changes are tried until three fit. Sizes are estimates.

    Args:
        recipe: its model, sequences and training.
        gpus: devices of a machine, as `parse_gpus` reads it.
        nodes: machines.
        tokens: of each arm, in place of what the recipe or its run says.
        mfu: share of the device's peak that training is taken to reach.
        host_gib: host memory of a machine, to be judged as well.
        runs: folder of runs, where packed sequences say how long an arm is.

    Raises:
        InputError: an unknown device, a model that cannot be read, a batch that the processes cannot share evenly.
    """
    if not 0 < mfu <= 1:
        raise InputError(f"--mfu {mfu}: a share of the device's peak, over 0 and up to 1")
    cluster, training = parse_gpus(gpus, nodes), recipe.training
    shape = read_shape(recipe)
    job = _job(recipe, shape, cluster)
    fitting = micro_batches(job, cluster)
    if not fitting:
        raise InputError(
            f"--gpus {cluster}: training.batch_size ({training.batch_size}) is not shared evenly by {cluster.world} processes; "
            f"take {_near(training.batch_size, cluster.world)} or change batch_size"
        )
    strategy = strategy_of(recipe, cluster)
    # A micro-batch that the processes cannot share evenly gives way to the next smaller one that they can.
    rows = max(one for one in fitting if one <= training.micro_batch_size)
    choice = Choice(cluster, strategy, training.parallel.offload != "none", training.activations == "recompute", rows)
    host = None if host_gib is None else int(host_gib * GIB)
    written = try_out(job, choice, host)
    chosen = largest(job, choice, host)
    lengths = arm_lengths(recipe, None if runs is None else RunFolder(recipe, runs / recipe.name, 1, ()), tokens)
    return Plan(
        recipe.name,
        shape,
        "bf16" if job.bf16 else "fp32",
        recipe.sequences.length,
        training.batch_size,
        cluster,
        written,
        chosen,
        [] if written.fits or chosen is not None else mend(job, choice, host),
        speed(shape, cluster, mfu, training.batch_size * recipe.sequences.length),
        lengths,
        disk(recipe, shape, lengths),
        host,
    )


def strategy_of(recipe: Recipe, cluster: Cluster) -> Strategy:
    """What the recipe's strategy means for so many processes; as `ecomct.training.parallel.choose_strategy`."""
    wanted = recipe.training.parallel.strategy
    if wanted == "zero2":
        return "zero2"
    if cluster.world == 1:
        return "single"
    return "ddp" if wanted == "auto" else wanted


def memory_on_cpu(recipe: Recipe) -> dict[str, int]:
    """Return what one process on a CPU takes for the recipe as written, by part, beside its interpreter and libraries."""
    cluster = parse_gpus("cpu")
    shape, training = read_shape(recipe), recipe.training
    recompute = training.activations == "recompute"
    choice = Choice(cluster, strategy_of(recipe, cluster), False, recompute, training.micro_batch_size)
    return need(_job(recipe, shape, cluster), choice).device


def _job(recipe: Recipe, shape: Shape, cluster: Cluster) -> Job:
    training = recipe.training
    bf16 = training.precision == "bf16" or (training.precision == "auto" and not cluster.device.on_host)
    return Job(
        shape,
        recipe.sequences.length,
        training.batch_size,
        bf16,
        training.average == "ema",
        training.attention == "sdpa",
        _remembered(shape),
    )


def _remembered(shape: Shape) -> Callable[[Setting], Peak]:
    """`trace` for one model, each setting once."""
    known: dict[Setting, Peak] = {}

    def traced(setting: Setting) -> Peak:
        if setting not in known:
            known[setting] = trace(shape.config, setting)
        return known[setting]

    return traced


def _near(batch: int, world: int) -> str:
    """Numbers of processes around `world` that share `batch` evenly."""
    shares = [one for one in range(1, 1025) if batch % one == 0]
    below = max((one for one in shares if one < world), default=None)
    above = min((one for one in shares if one > world), default=None)
    return " or ".join(str(one) for one in (below, above) if one is not None) + " processes"

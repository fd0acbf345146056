"""The largest micro-batch that fits, and which change makes a training fit that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ecomct.planning.devices import Cluster
from ecomct.planning.memory import Choice, Job, Need, Strategy, need, with_rows

_MOST_ROWS = 1024
_MOST_DEVICES = 64


@dataclass(frozen=True)
class Trial:
    """A choice, what it takes, and whether there is room for it."""

    choice: Choice
    need: Need
    fits: bool
    change: str


def room(cluster: Cluster) -> int:
    """Bytes one process may use: its device, or its share of the host."""
    return cluster.device.memory // (cluster.a_node if cluster.device.on_host else 1)


def try_out(job: Job, choice: Choice, host: int | None, change: str = "") -> Trial:
    """Say what a choice takes; `host` bytes of a machine are not exceeded either, where they are known."""
    found = need(job, choice)
    fits = found.on_device <= room(choice.cluster) and (host is None or found.on_host <= host)
    return Trial(choice, found, fits, change)


def micro_batches(job: Job, cluster: Cluster) -> list[int]:
    """Micro-batches that share the batch out evenly, ascending; empty where the processes cannot."""
    share, rest = divmod(job.batch, cluster.world)
    return [] if rest else [rows for rows in range(1, min(share, _MOST_ROWS) + 1) if share % rows == 0]


def largest(job: Job, choice: Choice, host: int | None, change: str = "") -> Trial | None:
    """Return the trial of the largest micro-batch that fits, None where not even the smallest does.

    Memory over the micro-batch is a maximum of straight lines, so it lies above the line through its first two
    points: what that line excludes, by more than a twentieth, need not be tried.
    """
    candidates = micro_batches(job, choice.cluster)
    trials: dict[int, Trial] = {}

    def at(rows: int) -> Trial:
        if rows not in trials:
            trials[rows] = try_out(job, with_rows(choice, rows), host, change)
        return trials[rows]

    if not candidates or not at(candidates[0]).fits:
        return None
    if len(candidates) > 1:
        first, second = candidates[:2]
        if not at(second).fits:
            return at(first)
        slope = (at(second).need.on_device - at(first).need.on_device) / (second - first)
        left = room(choice.cluster) - at(first).need.on_device
        bound = first + left / slope if slope > 0 else _MOST_ROWS
        for rows in reversed(candidates):
            if rows <= 1.05 * bound and at(rows).fits:
                return at(rows)
    return at(candidates[0])


def changes(choice: Choice) -> Iterator[tuple[str, Choice]]:
    """Yield changes that save memory, the cheapest in speed and money first, each with the recipe's words for it."""
    sharded: Sequence[tuple[str, Callable[[Choice], Choice]]] = (
        ("training.parallel.strategy: fsdp", lambda one: replace(one, strategy="fsdp", offload=False)),
        ("training.parallel.strategy: zero2", lambda one: replace(one, strategy="zero2", offload=False)),
    )
    offloaded = "training.parallel: {strategy: zero2, offload: optimizer}"
    recompute = "training.activations: recompute"
    several = choice.cluster.world > 1
    if not choice.recompute:
        yield recompute, replace(choice, recompute=True)
    less = [choice] if choice.recompute else [choice, replace(choice, recompute=True)]
    for base in less:
        also = f" and {recompute}" if base.recompute and not choice.recompute else ""
        for said, change in sharded:
            if several and change(base).strategy != choice.strategy:
                yield said + also, change(base)
        if not choice.offload:
            yield offloaded + also, replace(base, strategy="zero2", offload=True)
    if choice.cluster.device.on_host:
        return
    thrifty = replace(choice, recompute=True)
    also = "" if choice.recompute else f" and {recompute}"
    count = choice.cluster.a_node
    while (count := count * 2) <= 8:
        more = replace(thrifty, cluster=replace(choice.cluster, a_node=count))
        sharing: tuple[Strategy, ...] = ("fsdp", "zero2")
        for name in sharing:
            strategy = f" and training.parallel.strategy: {name}" if choice.strategy != name else ""
            # A recipe that offloads with ZeRO-2 goes on doing so.
            kept = choice.offload and name == "zero2"
            yield f"--gpus {count}x{choice.cluster.device.name}{strategy}{also}", replace(more, strategy=name, offload=kept)
    nodes = choice.cluster.nodes
    while (nodes := nodes * 2) * choice.cluster.a_node <= _MOST_DEVICES:
        more = replace(thrifty, cluster=replace(choice.cluster, nodes=nodes))
        strategy = " and training.parallel.strategy: fsdp" if choice.strategy != "fsdp" else ""
        yield f"--nodes {nodes}{strategy}{also}", replace(more, strategy="fsdp", offload=False)


def mend(job: Job, choice: Choice, host: int | None, most: int = 3) -> list[Trial]:
    """Try changes out until `most` of them fit; return all that were tried, each at its largest or else smallest micro-batch."""
    tried: list[Trial] = []
    for said, changed in changes(choice):
        rows = micro_batches(job, changed.cluster)
        if not rows:
            continue
        found = largest(job, changed, host, said) or try_out(job, with_rows(changed, rows[0]), host, said)
        tried.append(found)
        if sum(one.fits for one in tried) == most:
            break
    return tried

"""A plan as tables."""

from __future__ import annotations

from ecomct.planning.devices import GIB
from ecomct.planning.fitting import Trial, room
from ecomct.planning.plan import Plan

Table = list[list[str]]


def tables(plan: Plan) -> list[Table]:
    """The tables of a plan in the order in which they are read."""
    found = [_memory(plan), _work(plan), _disk(plan)]
    if plan.changes:
        found.insert(1, _changes(plan))
    return found


def verdict(plan: Plan) -> str:
    """One line: whether the recipe fits as written, and what to change."""
    written, chosen = plan.written, plan.chosen
    limit = f"{_gib(room(plan.cluster))} GiB"
    if written.fits:
        assert chosen is not None, "what fits as written fits at some micro-batch"
        more = "" if chosen.choice.rows <= written.choice.rows else f"; micro_batch_size may be {chosen.choice.rows}"
        return f"fits: {_gib(written.need.on_device)} of {limit} at micro_batch_size {written.choice.rows}{more}"
    reason = f"{_gib(written.need.on_device)} of {limit} at micro_batch_size {written.choice.rows}"
    if plan.host is not None and written.need.on_host > plan.host:
        reason += f", {_gib(written.need.on_host)} of {_gib(plan.host)} GiB of host memory"
    if chosen is not None:
        return f"does not fit: {reason}; with training.micro_batch_size: {chosen.choice.rows} it does"
    if found := next((one for one in plan.changes if one.fits), None):
        rows = found.choice.rows
        return f"does not fit: {reason}; with {found.change} and training.micro_batch_size: {rows} it does"
    return f"does not fit: {reason}, nor with any change that was tried; take larger devices or a smaller model"


def _memory(plan: Plan) -> Table:
    trials = [plan.written] if plan.chosen in (None, plan.written) else [plan.written, plan.chosen]
    assert trials[0] is not None
    shown: list[Trial] = [one for one in trials if one is not None]
    rows = [["GiB a device (estimates)", *(f"micro-batch {one.choice.rows}" for one in shown)]]
    for part in plan.written.need.device:
        sizes = [one.need.device[part] for one in shown]
        if any(sizes):
            rows.append([part, *(_gib(size) for size in sizes)])
    rows.append(["together", *(_gib(one.need.on_device) for one in shown)])
    rows.append(["there is", *(_gib(room(plan.cluster)) for _ in shown)])
    rows.append(["accumulation", *(str(one.choice.accumulation(plan.batch)) for one in shown)])
    for part in plan.written.need.host:
        sizes = [one.need.host[part] for one in shown]
        if any(sizes):
            rows.append([f"host: {part}", *(_gib(size) for size in sizes)])
    if plan.written.need.host:
        rows.append(["host of a machine together", *(_gib(one.need.on_host) for one in shown)])
    choice = plan.written.choice
    strategy = choice.strategy + (" with offload" if choice.offload else "")
    kept = "activations recomputed" if choice.recompute else "activations kept"
    about = f"{plan.shape.kind}, {plan.shape.parameters:,} parameters; {plan.cluster}; {strategy}; {plan.precision}; {kept}"
    return [*rows, [f"{about}; {plan.batch:,} sequences of {plan.length:,} tokens a step"]]


def _changes(plan: Plan) -> Table:
    rows = [["change that was tried", "micro-batch", "GiB a device", "GiB of a host", "fits"]]
    for one in plan.changes:
        sizes = [str(one.choice.rows), _gib(one.need.on_device), _gib(one.need.on_host) if one.need.host else ""]
        rows.append([one.change, *sizes, "yes" if one.fits else "no"])
    return rows


def _work(plan: Plan) -> Table:
    rows = [["arm", "tokens", "steps", "days", "tokens from"]]
    for one in plan.arms:
        days = plan.speed.days(one.tokens)
        numbers = [f"{one.tokens:,}" if one.tokens else "", f"{one.steps:,}" if one.steps else ""]
        rows.append([one.arm, *numbers, "" if days is None else f"{days:,.2f}", one.source])
    pace = plan.speed
    if pace.tokens_per_second is None or pace.seconds_per_step is None:
        return [*rows, ["speed: not known beforehand for this device or architecture"]]
    note = f"{pace.tokens_per_second:,.0f} tokens/s and {pace.seconds_per_step:,.1f} s a step, if MFU is {pace.mfu:.0%} (stated)"
    return [*rows, [note]]


def _disk(plan: Plan) -> Table:
    rows = [["disk, GB", ""], *([part, f"{size / 1e9:,.2f}"] for part, size in plan.disk.items() if size)]
    return [*rows, ["together", f"{sum(plan.disk.values()) / 1e9:,.2f}"]]


def _gib(size: int) -> str:
    digits = 1 if size >= 10 * GIB else 2 if size >= GIB // 2 else 4
    return f"{size / GIB:,.{digits}f}"

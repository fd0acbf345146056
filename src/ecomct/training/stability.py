"""A step that would harm the model is seen before it is taken: recorded, left out or the end of the run.

The decision falls after the gradients of the whole batch are there and before the optimizer moves.
It reads the batch's loss, averaged over all processes, the norm of the gradients, and the losses of
the steps before, which the checkpoint keeps: so every process, and a run that was killed and goes
on, decides the same.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import datasets

from ecomct.errors import InputError
from ecomct.packing.sequence import row_source
from ecomct.recipe.training import Stability
from ecomct.training.batches import Sequences

Cause = Literal["not finite", "spike"]
Action = Literal["recorded", "left out", "stopped"]
# Of a normal distribution the standard deviation is this many median absolute deviations.
_MAD = 1.4826
# Losses that repeat (one batch again and again) have no deviation; a thousandth of the median is the least there is.
_LEAST = 1e-3


@dataclass(frozen=True)
class Incident:
    """What befell a step; `threshold` is the loss from which on a spike counts, None while the window fills."""

    cause: Cause
    action: Action
    threshold: float | None


def spike_threshold(losses: Sequence[float], deviations: float) -> float:
    """Return median + `deviations` robust deviations (1.4826 MAD, at least 0.1 % of the median) of finite `losses`.

    Robust: half of the losses may be anything without moving it far (Hampel, 1974).
    """
    middle = median(losses)
    spread = _MAD * median(abs(loss - middle) for loss in losses)
    return middle + deviations * max(spread, _LEAST * abs(middle))


class Guard:
    """Decides over steps, one after the other, from their losses and gradient norms alone."""

    def __init__(self, settings: Stability, records: Iterable[Mapping[str, Any]] = ()) -> None:
        """Start behind the steps in `records` (dicts with "loss" and, where one befell it, "incident")."""
        self._settings = settings
        self._losses: deque[float] = deque(maxlen=settings.window)
        self._left_out = 0
        for record in records:
            self.finished(record)

    def judge(self, loss: float, norm: float) -> Incident | None:
        """Return what befalls a step of this loss and gradient norm, None where nothing does.

        A spike is judged once `window` steps were taken: before that there is nothing to compare with.
        """
        threshold = None
        if len(self._losses) == self._settings.window:
            threshold = spike_threshold(self._losses, self._settings.deviations)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return Incident("not finite", "stopped" if self._settings.not_finite == "stop" else "left out", threshold)
        if self._settings.spike == "off" or threshold is None or loss <= threshold:
            return None
        actions: dict[str, Action] = {"record": "recorded", "skip": "left out", "stop": "stopped"}
        return Incident("spike", actions[self._settings.spike], threshold)

    def finished(self, record: Mapping[str, Any]) -> None:
        """Take a step's record into account: losses of steps left out are not what is normal."""
        if (record.get("incident") or {}).get("action") == "left out":
            self._left_out += 1
        else:
            self._left_out = 0
            self._losses.append(record["loss"])

    def demand_progress(self, step: int) -> None:
        """Raise InputError where `step`, about to be left out, completes `most_skipped` in a row."""
        if self._left_out + 1 >= self._settings.most_skipped:
            raise InputError(
                f"training: {self._left_out + 1} steps in a row are left out, the last one step {step} "
                f"(training.stability.most_skipped: {self._settings.most_skipped}); see incidents.jsonl, then lower "
                "training.learning_rate, mend the data, or raise training.stability.deviations"
            )


def stop_message(incident: Incident, step: int, loss: float, norm: float) -> str:
    """Return the one line with which a run stops at an incident."""
    remedy = "lower training.learning_rate, raise training.warmup_steps, or look at the data of that step (incidents.jsonl)"
    if incident.cause == "spike":
        return (
            f"training: the loss {loss:.4f} at step {step} is over the threshold {incident.threshold:.4f} of "
            f"training.stability; {remedy}"
        )
    name, value = ("gradient norm", norm) if math.isfinite(loss) else ("loss", loss)
    return f"training: the {name} is {value} at step {step}; {remedy}"


def incident_line(record: Mapping[str, Any], data: Sequences, batch_size: int, sources: Sequence[str]) -> str:
    """Return a line of incidents.jsonl: the step, why, what was done, and the sequences and rows of its batch.

    `sequences` are their numbers in the arm's data (`ecomct explain`), `rows` for each of them the numbers of
    its rows by source (`ecomct trace`); null where the data does not say.
    """
    last = record["step"] * batch_size
    numbers = [index % data.rows for index in range(last - batch_size, last)]
    table = datasets.load_from_disk(data.folder, keep_in_memory=False)
    rows = None
    if "rows" in table.column_names:
        column = table.select_columns(["rows"])
        rows = [_by_source(column[number]["rows"], sources) for number in numbers]
    line = {name: record[name] for name in ("step", "loss", "grad_norm")}
    return json.dumps({**line, **record["incident"], "sequences": numbers, "rows": rows}, ensure_ascii=False) + "\n"


def _by_source(rows: Sequence[int], sources: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, source in zip(rows, row_source(rows).tolist(), strict=True):
        found.setdefault(sources[source] if source < len(sources) else str(source), []).append(row)
    return found

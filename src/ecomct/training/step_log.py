"""What a finished step leaves beside its line in metrics.jsonl: incidents, speed, the numbers in trackers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from ecomct.atomic import write_atomic
from ecomct.recipe.model import Recipe
from ecomct.training.batches import Sequences
from ecomct.training.speed import SpeedMeter, append_pace, meter
from ecomct.training.stability import incident_line
from ecomct.training.trackers import Tracker, open_trackers


@dataclass
class StepLog:
    """The writers of one launch; used by the first process alone."""

    out: Path
    logs: Path | None
    data: Sequences
    batch_size: int
    sources: Sequence[str]
    meter: SpeedMeter
    trackers: Sequence[Tracker]

    @classmethod
    def open(
        cls,
        recipe: Recipe,
        arm: str,
        data: Sequences,
        model: PreTrainedModel,
        precision: str,
        out: Path,
        logs: Path | None,
        history: Sequence[Mapping[str, Any]],
        processes: int = 1,
    ) -> StepLog:
        """Go on after the steps in `history`; `logs` None: no speed.jsonl and no trackers.

        Raises InputError where a tracker is not installed.
        """
        training, sources = recipe.training, list(recipe.sources)
        write_incidents(out, history, data, training.batch_size, sources)
        trackers = [] if logs is None else open_trackers(training.log_to, logs, recipe.name, arm, len(history))
        pace = meter(model, recipe.sequences.length, precision, processes)
        return cls(out, logs, data, training.batch_size, sources, pace, trackers)

    def finished(self, record: Mapping[str, Any]) -> None:
        """Write down a step by its record, and how fast it went."""
        if "incident" in record:
            self.incident(record)
        pace = self.meter.finished(record["step"], record["tokens"])
        if self.logs is not None:
            append_pace(self.logs / "speed.jsonl", pace)
        values = {
            name: value for name, value in record.items() if isinstance(value, int | float) and name not in ("step", "epoch")
        }
        rates = {"tokens_per_second": pace.tokens_per_second, "mfu": pace.mfu}
        for tracker in self.trackers:
            tracker.log(record["step"], values | {name: value for name, value in rates.items() if value is not None})

    def incident(self, record: Mapping[str, Any]) -> None:
        """Append a step's line to incidents.jsonl."""
        with open(self.out / "incidents.jsonl", "a", encoding="utf-8") as handle:
            handle.write(incident_line(record, self.data, self.batch_size, self.sources))

    def close(self) -> None:
        """Let the trackers write what they hold back."""
        for tracker in self.trackers:
            tracker.close()


def write_incidents(
    out: Path, records: Iterable[Mapping[str, Any]], data: Sequences, batch_size: int, sources: Sequence[str]
) -> None:
    """Replace incidents.jsonl by the incidents of `records`; no file where there are none."""
    lines = [incident_line(record, data, batch_size, sources) for record in records if "incident" in record]
    if lines:
        write_atomic(out / "incidents.jsonl", "".join(lines))
    else:
        (out / "incidents.jsonl").unlink(missing_ok=True)

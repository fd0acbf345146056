"""What a run has left in its folder, read into types; a stage that has not run reads as None."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecomct.errors import InputError
from ecomct.recipe.model import ARMS


class Record(BaseModel):
    """Base of every artefact read here: other stages may write more than the page shows."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


class Counts(Record):
    """Where the rows of one source went in one stage."""

    rows_in: int
    kept: int
    rejected: dict[str, int] = {}
    duplicates: int = 0
    leftovers: dict[str, int] = {}


class Volume(Record):
    """Text of one source in one language."""

    documents: int
    tokens: int
    characters: int
    bytes: int = 0


class SourceTokens(Record):
    """One row of the token table."""

    role: str
    kind: str
    language: dict[str, Volume]
    license: str = "unstated"


class EncoderUsed(Record):
    """Who encoded, why not the fast encoder, and how many texts Hugging Face encoded as well."""

    name: str
    reason: str | None = None
    verified: int = 0


class Tokens(Record):
    """tokens/measures.json"""

    vocab_size: int
    encoder: EncoderUsed | None = None
    sources: dict[str, SourceTokens]


class Bounded(Record):
    """A measure, the most it could be, and the share of that it reached."""

    value: float
    bound: float | None = None
    ratio: float | None = None
    share: float | None = None


class ClusteredRows(Record):
    """Rows that were mixed, and those that were not, by reason."""

    clustered: int
    leftover: dict[str, int] = {}


class Mixture(Record):
    """mixture/measures.json"""

    products: int
    clusters: int
    rows: ClusteredRows | None = None
    coverage: Bounded | None = None
    mean_sources_per_sample: Bounded | None = None
    multi_source_rows: Bounded | None = None
    multi_source_tokens: Bounded | None = None
    duplicate_rows: int | None = None
    product_coverage: dict[str, float] = {}
    cluster_size_histogram: dict[int, int] = {}
    sources_histogram: dict[int, int] = {}


class Stream(Record):
    """One stream of an arm: what was taken of it and how often."""

    sequences: int
    tokens: int
    repeats: float | None = None


class Ratio(Record):
    """A wanted ratio of tokens, the one reached, and the worst error over all prefixes."""

    wanted: float | None = None
    got: float | None = None
    largest_prefix_error_sequences: float | None = None


class ArmMeasures(Record):
    """One arm of sequences/measures.json"""

    sequences: int
    tokens: int
    padding: int = 0
    fill: float | None = None
    samples: int | None = None
    streams: dict[str, Stream] = {}
    ratio: dict[str, Ratio] = {}
    sources: dict[str, int] = {}


class Sequences(Record):
    """sequences/measures.json"""

    length: int
    arms: dict[str, ArmMeasures]


class Loss(Record):
    """Held-out loss in nats a token, with the text it was measured on."""

    loss: float | None
    stderr: float | None = None
    tokens: int | None = None
    documents: int | None = None
    bits_per_character: float | None = None


class Score(Record):
    """A task metric with its standard error and 95 % interval."""

    metric: str = ""
    value: float | None
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    items: int | None = None
    predicted: dict[str, float | None] = {}


class ModelScores(Record):
    """Everything measured on one checkpoint."""

    model: str
    arm: str
    step: int
    held_out: dict[str, dict[str, Loss]] = {}
    held_out_by_language: dict[str, Loss] = {}
    tasks: dict[str, Score] = {}

    @property
    def is_tuned(self) -> bool:
        """Whether it went on from another model's last weights, on instructions."""
        return self.arm.endswith("+tuned")


class TaskFacts(Record):
    """What a task is."""

    scorer: str = ""
    name: str = ""
    items: int | None = None
    digest: str = ""


class Difference(Record):
    """A paired comparison: `model`'s value less that of `against`, by `measure` ("loss" or a metric) of a language or task."""

    model: str
    against: str
    measure: str
    of: str
    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    test: str | None = None
    detectable: float | None = None
    items: int | None = None
    verdict: str

    @property
    def percent(self) -> bool:
        """Whether it is one of shares."""
        return self.measure != "loss"


class Differences(Record):
    """Two tables, each with its own correction for the number of its tests."""

    models: list[Difference] = []
    baselines: list[Difference] = []


class Scores(Record):
    """evaluation/scores.json"""

    models: list[ModelScores]
    baselines: dict[str, dict[str, Score]] = {}
    differences: Differences = Differences()
    tasks: dict[str, TaskFacts] = {}
    notes: list[str] = []


class Point(Record):
    """One logged optimizer step. A loss that is not finite stays so: it is a finding."""

    step: int
    tokens: int | None = None
    loss: float = Field(allow_inf_nan=True)


class SourcePoint(Record):
    """One logged optimizer step by source and language: the mean loss of its tokens (null: not finite), and how many."""

    step: int
    losses: dict[str, dict[str, tuple[float | None, int]]]


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: a source in a stage (and in an arm, where the stage has arms)."""

    stage: str
    arm: str | None
    source: str
    counts: Counts

    @property
    def accounted(self) -> int:
        """Rows that the stage says went somewhere."""
        counts = self.counts
        return counts.kept + sum(counts.rejected.values()) + counts.duplicates + sum(counts.leftovers.values())

    @property
    def closes(self) -> bool:
        """Whether every row that came in went somewhere, and nothing is counted below zero."""
        counts = self.counts
        every = [counts.rows_in, counts.kept, counts.duplicates, *counts.rejected.values(), *counts.leftovers.values()]
        return self.accounted == counts.rows_in and min(every) >= 0


@dataclass(frozen=True)
class Run:
    """The artefacts of one run; None (or empty) where the stage has not run."""

    ledger: list[Entry] | None
    tokens: Tokens | None
    mixture: Mixture | None
    sequences: Sequences | None
    training: dict[str, list[Point]]
    scores: Scores | None
    by_source: dict[str, list[SourcePoint]] = field(default_factory=dict)


def read_run(run: Path, arms: Sequence[str] = ARMS) -> Run:
    """Read the artefacts under `run`; a damaged one raises InputError that names it."""
    return Run(
        ledger=_read_ledger(run / "ledger.json"),
        tokens=read_record(Tokens, run / "tokens" / "measures.json"),
        mixture=read_record(Mixture, run / "mixture" / "measures.json"),
        sequences=read_record(Sequences, run / "sequences" / "measures.json"),
        training=_of_arms(Point, run, arms, "metrics.jsonl"),
        scores=read_record(Scores, run / "evaluation" / "scores.json"),
        by_source=_of_arms(SourcePoint, run, arms, "losses.jsonl"),
    )


T = TypeVar("T", bound=BaseModel)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{_shown(path)}: not valid JSON ({error}); run its stage again") from error


def _shown(path: Path) -> str:
    """`stage/file`, which says where inside the run folder without saying where that folder is."""
    return "/".join(path.parts[-3:] if path.suffix == ".jsonl" else path.parts[-2:])


def _check(kind: type[T], value: Any, place: str) -> T:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise InputError(f"{place}: {where}: {fault['msg']}; run its stage again") from error


def read_record(kind: type[T], path: Path) -> T | None:
    """An artefact that is one JSON document; None where its stage has not run, InputError where it is damaged."""
    value = _load(path)
    return None if value is None else _check(kind, value, _shown(path))


def _read_ledger(path: Path) -> list[Entry] | None:
    document = _load(path)
    if document is None:
        return None
    entries = []
    for stage, sources in document.get("stages", {}).items():
        for name, value in sources.items():
            if "rows_in" in value:
                entries.append(Entry(stage, None, name, _check(Counts, value, f"{path.name}: stages.{stage}.{name}")))
                continue
            for source, counts in value.items():
                place = f"{path.name}: stages.{stage}.{name}.{source}"
                entries.append(Entry(stage, name, source, _check(Counts, counts, place)))
    return entries


def _of_arms(kind: type[T], run: Path, arms: Sequence[str], name: str) -> dict[str, list[T]]:
    """The records of a file that training writes line by line, by arm in the paper's order."""
    found = {arm: _read_points(kind, run / "training" / arm / name) for arm in ARMS if arm in arms}
    return {arm: points for arm, points in found.items() if points}


def _read_points(kind: type[T], path: Path) -> list[T]:
    if not path.exists():
        return []
    points = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{_shown(path)}:{number}: not valid JSON; run the training stage again") from error
            # JSON has no NaN: a writer that refuses to bend it writes null.
            if kind is Point and isinstance(value, dict) and value.get("loss") is None:
                value["loss"] = math.nan
            points.append(_check(kind, value, f"{_shown(path)}:{number}"))
    return points

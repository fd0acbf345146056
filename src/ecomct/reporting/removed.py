"""What was taken out of the sources on the way to documents, and changed in them: by rule, as repeats, as leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from ecomct.rejects.draw import LATER, count
from ecomct.reporting.artefacts import Entry, Record, read_record
from ecomct.stage import read_manifest


class Repeats(Record):
    """Duplicates of one source."""

    exact: int = 0
    near: int = 0


class Duplicates(Record):
    """duplicates/measures.json"""

    sources: dict[str, Repeats] = Field({})


class LeakedRows(Record):
    """Rows of one source that hold items of one benchmark, by how they were found."""

    rows: int
    how: dict[str, int] = Field({})


class BenchmarkLeaks(Record):
    """One benchmark: how many of its items are in the sources."""

    items: int
    items_found: int
    sources: dict[str, LeakedRows] = Field({})


class Phrases(Record):
    """Texts of items that so many rows hold that they are no leak."""

    texts: int = 0


class Leaks(Record):
    """screen/measures.json"""

    tasks: dict[str, BenchmarkLeaks]
    common_phrases: Phrases = Phrases()

    @property
    def clean(self) -> list[str]:
        """Benchmarks of which nothing was found."""
        return [name for name, task in self.tasks.items() if not task.sources]


@dataclass(frozen=True)
class RemovedLine:
    """One source: rows in, those left, and those taken out by each rule, as repeats and as leaks."""

    source: str
    rows_in: int
    rules: dict[str, int]
    exact: int
    near: int
    leaked: int

    @property
    def kept(self) -> int:
        """Rows that nothing took out, held-out ones among them."""
        return self.rows_in - sum(self.rules.values()) - self.exact - self.near - self.leaked


@dataclass(frozen=True)
class Removed:
    """`rules` that took out a row, the most frequent first; `edits` by source and kind; `kinds` of edits likewise."""

    lines: list[RemovedLine]
    rules: list[str]
    edits: dict[str, dict[str, int]]
    kinds: list[str]
    leaks: Leaks | None

    @property
    def total(self) -> RemovedLine:
        """All sources."""
        rules: Counter[str] = Counter()
        for line in self.lines:
            rules.update(line.rules)
        numbers = [sum(getattr(line, name) for line in self.lines) for name in ("rows_in", "exact", "near", "leaked")]
        return RemovedLine("all sources", numbers[0], dict(rules), *numbers[1:])


def read_removed(run: Path, ledger: Sequence[Entry]) -> Removed:
    """Read what the stages up to the links left; what has not run is empty. A damaged artefact raises InputError."""
    duplicates = read_record(Duplicates, run / "duplicates" / "measures.json") or Duplicates()
    entries = {(entry.stage, entry.source): entry.counts for entry in ledger}
    manifest = read_manifest(run / "documents")
    rules: dict[str, dict[str, int]] = {}
    for (source, rule), number in (count(run) if manifest is not None else {}).items():
        if rule not in LATER:
            rules.setdefault(source, {})[rule] = number
    lines = []
    for (stage, source), counts in entries.items():
        if stage != "ingest":
            continue
        linked = entries.get(("link", source))
        repeats, leaked = (linked.duplicates, linked.leftovers.get("contaminated", 0)) if linked else (0, 0)
        # A row that is both a repeat and a leak is a leak.
        near = min(duplicates.sources.get(source, Repeats()).near, repeats)
        reasons = rules.get(source, {}) if manifest is not None else counts.rejected
        lines.append(RemovedLine(source, counts.rows_in, reasons, repeats - near, near, leaked))
    edits: dict[str, dict[str, int]] = (manifest or {}).get("facts", {}).get("edits", {})
    return Removed(
        lines=lines,
        rules=_frequent(line.rules for line in lines),
        edits={source: edits[source] for source in [line.source for line in lines] if any(edits.get(source, {}).values())},
        kinds=_frequent(edits.values()),
        leaks=read_record(Leaks, run / "screen" / "measures.json"),
    )


def _frequent(counts: Iterable[dict[str, int]]) -> list[str]:
    """Names with a count, the largest first."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return sorted((name for name in total if total[name]), key=lambda name: (-total[name], name))

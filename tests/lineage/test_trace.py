"""Every row of the shop has one outcome, and it is the ledger's."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import datasets
import pytest

from ecomct.errors import InputError
from ecomct.lineage.locate import Located
from ecomct.lineage.rows import rows_named
from ecomct.lineage.show import trace_json, trace_lines
from ecomct.lineage.trace import Trace, trace_rows
from ecomct.sources.files import row_number


@pytest.fixture
def every(located: Located, packed: tuple[Path, Path]) -> list[Trace]:
    rows = []
    for index, source in enumerate(located.run.recipe.sources.values()):
        lines = (packed[0].parent / str(source.path)).read_text().count("\n")
        rows += [row_number(index, 0, line) for line in range(1, lines + 1)]
    traces = trace_rows(located, rows)
    assert [trace.row for trace in traces] == rows, "no row is lost, none found twice"
    return traces


def test_outcomes_are_those_of_the_ledger(every: list[Trace], located: Located) -> None:
    stages = json.loads((located.run.folder / "ledger.json").read_text())["stages"]
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for trace in every:
        counted[trace.stage, trace.source][trace.outcome] += 1
    for name, account in stages["ingest"].items():
        assert counted["ingest", name] == account["rejected"]
    for name, account in stages["link"].items():
        assert counted["link", name] == Counter(account["leftovers"]) + Counter({"duplicate": account["duplicates"]})
    for name, account in stages["mix"].items():
        assert counted["mix", name] == Counter(account["leftovers"]) + Counter({"clustered": account["kept"]})
    outcomes = {trace.outcome for trace in every}
    assert {"malformed_json", "empty_text", "duplicate", "held_out", "over_budget", "general"} <= outcomes
    assert {"no_key", "too_few_rows", "clustered"} <= outcomes


def test_places_are_all_of_each_arm(every: list[Trace], located: Located) -> None:
    for arm in located.arms:
        traced = [(place.sequence, place.start, place.end, trace.row) for trace in every for place in trace.places.get(arm, [])]
        there = []
        for number, record in enumerate(datasets.load_from_disk(str(located.run.sequences / arm))):
            begins = [0, *record["row_ends"]]
            there += [(number, *span) for span in zip(begins, record["row_ends"], record["rows"], strict=False)]
        assert sorted(traced) == sorted(there)


def test_rows_read_together_say_so_of_each_other(every: list[Trace]) -> None:
    by_row = {trace.row: trace for trace in every}
    together = [trace for trace in every if trace.outcome == "clustered" and trace.together_with]
    assert together
    for trace in together:
        assert all(trace.row in by_row[other].together_with for other in trace.together_with)
        assert all(set(by_row[other].samples) & set(trace.samples) for other in trace.together_with)


def test_a_row_has_three_names(located: Located) -> None:
    row = row_number(located.run.sources.index("reviews"), 0, 13)
    assert rows_named(located, str(row)) == [row]
    assert rows_named(located, "reviews.jsonl:13") == [row]
    assert row in rows_named(located, "products/P004")
    assert rows_named(located, "P004") == rows_named(located, "products/P004")
    # Two sources read one file; a rejected row has its place too.
    assert len(rows_named(located, "products.jsonl:2")) == 2
    assert len(rows_named(located, "qa.jsonl:61")) == 1
    for name in ("reviews.jsonl:999", "4711", "none.jsonl:1", "products/none", "reviews.jsonl:"):
        with pytest.raises(InputError, match=f"{name}: the run has no such row"):
            rows_named(located, name)


def test_what_is_said_names_the_outcome(every: list[Trace]) -> None:
    for trace in every:
        lines = trace_lines(trace)
        assert f"{trace.file}:{trace.line}" in lines[0]
        assert trace.outcome in "\n".join(lines)
        assert json.loads(json.dumps(trace_json(trace)))["row"] == trace.row

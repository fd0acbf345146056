"""Drawn rows with what a person needs to judge them: text, rule, value and threshold, and the row or item that each repeats."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.rejects.draw import place_of, reject_files
from ecomct.sources.files import row_number
from ecomct.stage import read_manifest


@dataclass(frozen=True)
class Removed:
    """One row and why it was taken out; `rule` is a rule, a reason, a fate, or "kept"."""

    row: int
    source: str
    file: str
    line: int
    rule: str
    detail: str
    value: float | None
    threshold: float | None
    text: str
    repeats: str = ""  # place of the row that it repeats, or of the item that it holds
    repeated_text: str = ""


def read_rows(run: Path, rows: list[int]) -> list[Removed]:
    """The given rows, in their order. Reads the files that may hold one, by row group."""
    found = {one.row: one for one in _rejects(run, set(rows))}
    found |= {one.row: one for one in _documents(run, [row for row in rows if row not in found])}
    return [found[row] for row in rows if row in found]


def _rejects(run: Path, rows: set[int]) -> Iterator[Removed]:
    for path in reject_files(run):
        index, number = place_of(path)
        base = row_number(index, number, 0)
        lines = [row - base for row in rows if 0 <= row - base < 1 << 32]
        for record in pq.read_table(path, filters=pc.field("line").isin(lines)).to_pylist() if lines else ():
            rule = record["rule"] or record["reason"]
            chosen = {name: record[name] for name in ("source", "file", "line", "detail", "value", "threshold")}
            yield Removed(row=base + record["line"], rule=rule, text=record["raw"] or "", **chosen)


def _documents(run: Path, rows: list[int]) -> Iterator[Removed]:
    links = _records(run / "links" / "shards", rows, ["row", "fate", "duplicate_of"]) if _is_there(run / "links") else {}
    hits = _hits(run, [row for row, link in links.items() if link["fate"] == "contaminated"])
    repeated = {link["duplicate_of"] for link in links.values() if link["duplicate_of"] is not None}
    texts = _records(run / "documents" / "shards", {*rows, *repeated}, ["row", "source", "file", "line", "text"])
    for row in rows:
        if (record := texts.get(row)) is None:
            continue
        link = links.get(row, {})
        fate, other = link.get("fate", "train"), texts.get(link.get("duplicate_of") or -1)
        place: dict[str, Any] = {name: record[name] for name in ("row", "source", "file", "line", "text")}
        nothing: dict[str, Any] = {"detail": "", "value": None, "threshold": None}
        if fate == "duplicate" and other is not None:
            where = f"{other['source']} {other['file']}:{other['line']}"
            yield Removed(**place, **nothing, rule=fate, repeats=where, repeated_text=other["text"])
        elif fate == "contaminated" and row in hits:
            hit = hits[row]
            said = {"detail": f"by {hit['how']}", "value": round(hit["share"], 4), "threshold": None}
            yield Removed(**place, **said, rule=fate, repeats=f"{hit['task']} {hit['item']}", repeated_text=hit["matched"])
        elif fate == "contaminated":
            yield Removed(**place, **nothing | {"detail": "a row that repeats it holds an item of a benchmark"}, rule=fate)
        else:
            yield Removed(**place, **nothing, rule=fate if fate == "duplicate" else "kept")


def _is_there(folder: Path) -> bool:
    return read_manifest(folder) is not None


def _hits(run: Path, rows: list[int]) -> dict[int, dict[str, Any]]:
    """The first hit of each row."""
    found: dict[int, dict[str, Any]] = {}
    path = run / "screen" / "hits.parquet"
    if rows and path.is_file():
        for record in pq.read_table(path, filters=_among(rows)).to_pylist():
            found.setdefault(record["row"], record)
    return found


def _records(folder: Path, rows: Collection[int], columns: list[str]) -> dict[int, dict[str, Any]]:
    """Records of the given rows by row."""
    found: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.parquet")):
        # The name of a shard has its own number after that of its unit.
        base = row_number(*place_of(path.with_name(path.stem.rpartition("-")[0])), 0)
        mine = [row for row in rows if 0 <= row - base < 1 << 32]
        if mine:
            found |= {record["row"]: record for record in pq.read_table(path, columns=columns, filters=_among(mine)).to_pylist()}
    return found


def _among(rows: Collection[int]) -> pc.Expression:
    return pc.field("row").isin(pa.array(sorted(rows), pa.uint64()))

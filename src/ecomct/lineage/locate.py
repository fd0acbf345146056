"""Rows in a run's artefacts: from a row number to its document, links, tokens and places, reading only where it can be.

A row number names source, file and line, and shards are named by these: so one shard is opened for a row,
one row group of its tokens, one bucket's plan. Only the arms are searched, by their columns of row numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.errors import InputError
from ecomct.packing.sequence import SOURCE_SHIFT, row_source
from ecomct.recipe.model import Recipe
from ecomct.run_folder import RunFolder
from ecomct.sources.files import row_number
from ecomct.stage import read_manifest
from ecomct.tokens.pieces import bucket_of, read_bucket

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reject:
    """A row that gave no document."""

    row: int
    source: str
    file: str
    line: int
    keys: list[str]
    reason: str
    detail: str
    raw: str
    rule: str
    value: float | None
    threshold: float | None


@dataclass(frozen=True)
class Document:
    """A row that has a text; `spans` are (field, start, end) in characters, `fate` is its link's."""

    row: int
    source: str
    file: str
    line: int
    keys: list[str]
    language: str
    text: str
    spans: list[tuple[str, int, int]]
    fate: str
    duplicate_of: int | None
    home: int
    keyed: bool
    product: int


@dataclass(frozen=True)
class Place:
    """A piece of one row in an arm: tokens [start, end) of a sequence, what joins it to the next included."""

    sequence: int
    segment: int
    row: int
    piece: int
    start: int
    end: int


class Located:
    """The finished data stages of a run, read by row."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        # Neighbouring samples ask for the same few files.
        self._bucket, self._plan = lru_cache(maxsize=4)(self._read_bucket), lru_cache(maxsize=4)(self._read_plan)
        self._links = lru_cache(maxsize=16)(self._read_links)

    @cached_property
    def names(self) -> list[str]:
        """Shards of documents, sorted by row."""
        return sorted(self.run.shards)

    @cached_property
    def _ends(self) -> list[tuple[int, int]]:
        """First and last row of each shard, read from the footers."""
        return [_range(self.run.documents / "shards" / f"{name}.parquet") for name in self.names]

    def documents(self, rows: Collection[int]) -> dict[int, Document]:
        """Documents of the given rows; a row without one is left out. Reads the row groups that may hold one."""
        found: dict[int, Document] = {}
        for name, (first, last) in zip(self.names, self._ends, strict=True):
            wanted = [row for row in rows if first <= row <= last]
            if wanted:
                links = self._links(name)
                for place, record in _records(self.run.documents / "shards" / f"{name}.parquet", wanted):
                    found[record["row"]] = _document(record, links.slice(place, 1).to_pylist()[0])
        return found

    def rejects(self, rows: Collection[int] | None = None, where: pc.Expression | None = None) -> Iterator[Reject]:
        """Rejected rows, sorted by row: all, the given ones, or those of which `where` holds. Reads their sources' files."""
        sources = {row >> SOURCE_SHIFT for row in rows} if rows is not None else None
        for path in sorted((self.run.documents / "rejected").glob("*.parquet")):
            # Named by source, number of the file in it, and first line.
            index, number = int(path.stem[:4]), int(path.stem.rsplit("-", 2)[1])
            for record in pq.read_table(path, filters=where).to_pylist() if sources is None or index in sources else []:
                row = row_number(index, number, record["line"])
                if rows is None or row in rows:
                    yield Reject(row=row, **{**record, "keys": record["keys"] or []})

    def hits(self, row: int) -> list[dict[str, Any]]:
        """Items of benchmarks that a row holds, one a benchmark. Reads the row groups of the hits that may name it."""
        path = self.run.screen / "hits.parquet"
        table = pq.read_table(path, filters=pc.equal(pc.field("row"), pa.scalar(row, pa.uint64())))
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def rows_with(self, keys: Collection[str]) -> list[int]:
        """All rows, rejected ones included, that have one of the keys. Reads the columns `row` and `keys` of every shard."""
        wanted = pa.array(sorted(keys), pa.string())
        rows: set[int] = set()
        for name in self.names:
            table = pq.read_table(self.run.documents / "shards" / f"{name}.parquet", columns=["row", "keys"])
            lists = table["keys"].combine_chunks()
            hit = pc.is_in(lists.flatten(), value_set=wanted)
            owners = lists.value_parent_indices().filter(hit)
            rows.update(table["row"].take(owners).to_pylist())
        keyed = pc.list_value_length(pc.field("keys")) > 0
        rows.update(reject.row for reject in self.rejects(where=keyed) if not set(keys).isdisjoint(reject.keys))
        return sorted(rows)

    def bucket(self, home: int, columns: Collection[str]) -> pa.Table:
        """Pieces of one home, sorted by (row, piece). Reads its bucket."""
        table = self._bucket(self._bucket_of(home), tuple(sorted({*columns, "home"})))
        return table.filter(pc.equal(table["home"], pa.scalar(home, pa.uint64())))

    def plan(self, home: int) -> list[dict[str, Any]]:
        """Lines of the mixture's plan for one home, in order."""
        table = self._plan(self._bucket_of(home))
        lines: list[dict[str, Any]] = table.filter(pc.equal(table["home"], pa.scalar(home, pa.uint64()))).to_pylist()
        return lines

    def _bucket_of(self, home: int) -> int:
        return int(bucket_of(np.array([home], dtype=np.uint64), self.tokens["buckets"])[0])

    def _read_bucket(self, bucket: int, columns: tuple[str, ...]) -> pa.Table:
        return read_bucket(self.run.tokens / "shards", self.tokens["groups"], bucket, list(columns))

    def _read_plan(self, bucket: int) -> pa.Table:
        return pq.read_table(self.run.mixture / "plan" / f"bucket-{bucket:05d}.parquet")

    def _read_links(self, name: str) -> pa.Table:
        return pq.read_table(self.run.links / "shards" / f"{name}.parquet")

    @cached_property
    def tokens(self) -> dict[str, Any]:
        """Facts of the tokens."""
        return self.run.facts(self.run.tokens)

    @property
    def arms(self) -> list[str]:
        """Arms that are packed, in the recipe's order."""
        made = self.run.facts(self.run.sequences)["measures"]["arms"]
        return [arm for arm in self.run.recipe.training.arms if arm in made]

    def places(self, arm: str, rows: Collection[int]) -> list[Place]:
        """Every stretch of the given rows in an arm, in training order. Time: one look at 8 bytes a stretch of the arm."""
        wanted = np.array(sorted(rows), dtype=np.uint64)
        found, first = [], 0
        for path in arm_files(self.run, arm):
            table = open_arm(path)
            column = table["rows"].combine_chunks() if table.num_rows else pa.array([], pa.list_(pa.uint64()))
            owner = column.value_parent_indices().to_numpy()
            hits = np.unique(owner[np.isin(column.flatten().to_numpy(), wanted)])
            for position in hits.tolist():
                record = table.slice(position, 1).select(["segments", "rows", "pieces", "row_ends"]).to_pylist()[0]
                found += [place for place in stretches(record, first + position) if place.row in rows]
            first += table.num_rows
        return found


def open_run(recipe: Recipe, runs: Path) -> Located:
    """The run of a recipe, finished up to its sequences. Raises InputError where it is not."""
    run = RunFolder(recipe, runs / recipe.name, 1, tuple(recipe.training.arms))
    if not is_packed(run):
        raise InputError(f"{run.folder}: no finished run of this recipe; `ecomct run RECIPE --until pack` makes or finishes it")
    manifest = read_manifest(run.documents)
    if manifest is None or manifest["inputs"]["order"] != list(run.sources):
        raise InputError(f"{run.folder}: made of other sources than the recipe's; `ecomct run RECIPE --until pack` makes it anew")
    return Located(run)


def is_packed(run: RunFolder) -> bool:
    """Whether all data stages are finished."""
    folders = (run.documents, run.links, run.tokens, run.mixture, run.sequences)
    return all(read_manifest(folder) is not None for folder in folders)


def stretches(record: dict[str, Any], sequence: int) -> list[Place]:
    """All rows of a sequence, in order, with their tokens."""
    ends, begins = record["row_ends"], [0, *record["row_ends"][:-1]]
    segments = np.searchsorted(np.array(record["segments"]), np.array(ends), side="left").tolist()
    return [Place(sequence, *one) for one in zip(segments, record["rows"], record["pieces"], begins, ends, strict=True)]


def arm_files(run: RunFolder, arm: str) -> list[Path]:
    """Data files of an arm in training order."""
    return sorted((run.sequences / arm).glob("data-*.arrow"))


def open_arm(path: Path) -> pa.Table:
    """A data file of an arm, memory-mapped."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


def source_of(run: RunFolder, row: int) -> str:
    """Name of a row's source."""
    return run.sources[int(row_source([row])[0])]


def _range(path: Path) -> tuple[int, int]:
    metadata = pq.read_metadata(path)
    statistics = [metadata.row_group(group).column(0).statistics for group in range(metadata.num_row_groups)]
    return int(statistics[0].min), int(statistics[-1].max)


def _records(path: Path, rows: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(position in the shard, document) of the given rows."""
    wanted = pa.array(rows, pa.uint64())
    with pq.ParquetFile(path) as file:
        base = 0
        for group in range(file.num_row_groups):
            metadata = file.metadata.row_group(group)
            statistics = metadata.column(0).statistics
            if any(statistics.min <= row <= statistics.max for row in rows):
                numbers = file.read_row_group(group, columns=["row"])["row"]
                positions = np.flatnonzero(pc.is_in(numbers, value_set=wanted).to_numpy())
                if len(positions):
                    columns = ["row", "source", "file", "line", "keys", "language", "text", "spans"]
                    table = file.read_row_group(group, columns=columns).take(pa.array(positions))
                    yield from zip((base + positions).tolist(), table.to_pylist(), strict=True)
            base += metadata.num_rows


def _document(record: dict[str, Any], link: dict[str, Any]) -> Document:
    assert record["row"] == link["row"], "links are parallel to documents"
    spans = [(span["field"], span["start"], span["end"]) for span in record["spans"]]
    chosen = ("fate", "duplicate_of", "home", "keyed", "product")
    return Document(**{**record, "spans": spans}, **{name: link[name] for name in chosen})

"""Candidates of all shards to hits: common phrases out, all rows of a product that an item names in.

Memory: the candidates, about 50 bytes each, the products of contaminated titles, and the hits of one shard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.decontamination.index import Index
from ecomct.decontamination.match import EXACT, HOW, OVERLAP, TITLE
from ecomct.decontamination.needles import Needles
from ecomct.decontamination.screen import CANDIDATES, is_common
from ecomct.documents.ingest import iter_shard
from ecomct.seeded import U64

HITS = pa.schema(
    [
        ("row", pa.uint64()),
        ("source", pa.string()),
        ("task", pa.string()),
        ("item", pa.string()),  # FILE:NUMBER of the benchmark; the first, where several items hold the text
        ("how", pa.string()),  # exact, overlap, title, id: the strongest for this row and task, in this order
        ("share", pa.float32()),
        ("matched", pa.string()),  # what the row holds of the item; of a title or id, what names the product
    ]
)
_SHOWN = 300  # characters of a matched text
_PHRASES = 20  # common phrases that the measures name


def write_hits(
    shards: Sequence[tuple[str, str]],
    documents: Path,
    folder: Path,
    found_in: Collection[str],
    needles: Needles,
    index: Index,
    common_rows: int,
) -> dict[str, Any]:
    """Write hits.parquet, sorted by row and task, and return the measures.

    `shards`: (name, source), sorted by row; those of `found_in` have candidates.
    """
    candidates = _read([folder / "candidates" / f"{name}.parquet" for name, _ in shards if name in found_in])
    common = is_common(candidates, index, common_rows)
    phrases = candidates["needle"].to_numpy()[common]
    candidates = candidates.filter(pa.array(~common))
    how, product, needle = (candidates[name].to_numpy() for name in ("how", "product", "needle"))
    titled = (how == TITLE) & (product != 0)
    products, firsts = np.unique(product[titled], return_index=True)
    named = _Named(products, needle[titled][firsts])
    measures = _Measures(needles)
    rows = candidates["row"].to_numpy()
    with atomic_path(folder / "hits.parquet") as path, pq.ParquetWriter(path, HITS, compression="zstd") as file:
        for name, source in shards:
            shard = documents / "shards" / f"{name}.parquet"
            first, last = _bounds(shard)
            part = candidates.slice(*_slice(rows, first, last))
            found = pa.concat_tables([part, *_of_products(shard, named)]) if len(products) else part
            if found.num_rows:
                file.write_table(_hits(found, shard, source, needles, measures))
    return measures.facts(phrases)


class _Named:
    """Products whose title is an item's, sorted, and the needle that is the title."""

    def __init__(self, products: U64, needles: npt.NDArray[np.uint32]) -> None:
        self.products, self.needles = products, needles


def _read(files: list[Path]) -> pa.Table:
    return pa.concat_tables([CANDIDATES.empty_table(), *(pq.read_table(path) for path in files)]).combine_chunks()


def _bounds(shard: Path) -> tuple[int, int]:
    metadata = pq.read_metadata(shard)
    column = [metadata.row_group(group).column(0).statistics for group in (0, metadata.num_row_groups - 1)]
    return int(column[0].min), int(column[1].max)


def _slice(rows: U64, first: int, last: int) -> tuple[int, int]:
    start = int(np.searchsorted(rows, np.uint64(first), side="left"))
    return start, int(np.searchsorted(rows, np.uint64(last), side="right")) - start


def _of_products(shard: Path, named: _Named) -> Iterator[pa.Table]:
    """Rows of a shard that belong to a product whose title is an item's."""
    for table in iter_shard(shard, ["row", "entities", "text_hash"]):
        lists = table["entities"].combine_chunks()
        values, owner = lists.flatten().to_numpy(), lists.value_parent_indices().to_numpy()
        place = np.minimum(np.searchsorted(named.products, values), len(named.products) - 1)
        hit = np.flatnonzero(named.products[place] == values)
        if len(hit):
            zero = np.zeros(len(hit), np.int32)
            columns = [table["row"].to_numpy()[owner[hit]], named.needles[place[hit]], np.full(len(hit), TITLE, np.int8)]
            columns += [np.ones(len(hit), np.float32), zero, zero, table["text_hash"].to_numpy()[owner[hit]], values[hit]]
            yield pa.table(columns, schema=CANDIDATES)


def _hits(found: pa.Table, shard: Path, source: str, needles: Needles, measures: _Measures) -> pa.Table:
    """The hits of one shard: the strongest of each row and task."""
    best: dict[tuple[int, int], tuple[Any, ...]] = {}
    columns = (found[name].to_pylist() for name in ("row", "needle", "how", "share", "start", "end"))
    for row, needle, how, share, start, end in zip(*columns, strict=True):
        for item in measures.seen(needle):
            task = needles.items[item][0]
            rank = (how, -share, item, needle, start, end)
            if (row, task) not in best or rank < best[row, task]:
                best[row, task] = rank
    chosen = sorted(best.items())
    texts = _texts(shard, {row for (row, _), (how, *_) in chosen if how in (EXACT, OVERLAP)})
    lines = []
    for (row, task), (how, share, item, needle, start, end) in chosen:
        measures.add(task, source, how)
        matched = texts[row][start:end] if how in (EXACT, OVERLAP) else needles.texts[needle]
        lines.append((row, source, needles.tasks[task], needles.items[item][1], HOW[how], -share, matched[:_SHOWN]))
    return pa.table([list(column) for column in zip(*lines, strict=True)], schema=HITS)


def _texts(shard: Path, rows: set[int]) -> dict[int, str]:
    """Texts of some rows."""
    found: dict[int, str] = {}
    if rows:
        wanted = np.array(sorted(rows), np.uint64)
        for table in iter_shard(shard, ["row", "text"]):
            chosen = table.filter(pa.array(np.isin(table["row"].to_numpy(), wanted)))
            found |= dict(zip(chosen["row"].to_pylist(), chosen["text"].to_pylist(), strict=True))
    return found


class _Measures:
    """What would have leaked, by task and source."""

    def __init__(self, needles: Needles) -> None:
        self._needles = needles
        self._items: set[int] = set()
        self._first: dict[int, list[int]] = {}
        self._rows: dict[int, dict[str, Counter[str]]] = {}

    def seen(self, needle: int) -> list[int]:
        """The first item of each task that a needle is of; all of them are noted as leaked."""
        if needle not in self._first:
            self._items.update(self._needles.holders[needle])
            firsts: dict[int, int] = {}
            for item in self._needles.holders[needle]:
                firsts.setdefault(self._needles.items[item][0], item)
            self._first[needle] = list(firsts.values())
        return self._first[needle]

    def add(self, task: int, source: str, how: int) -> None:
        self._rows.setdefault(task, {}).setdefault(source, Counter())[HOW[how]] += 1

    def facts(self, phrases: npt.NDArray[np.uint32]) -> dict[str, Any]:
        total = Counter(task for task, _ in self._needles.items)
        leaked = Counter(self._needles.items[item][0] for item in self._items)
        tasks = {
            name: {
                "items": total[task],
                "items_found": leaked[task],
                "sources": {
                    source: {"rows": counts.total(), "how": dict(counts)} for source, counts in self._rows.get(task, {}).items()
                },
            }
            for task, name in enumerate(self._needles.tasks)
        }
        often = sorted(Counter(phrases.tolist()).items(), key=lambda one: (-one[1], one[0]))
        examples = [self._needles.texts[needle][:80] for needle, _ in often[:_PHRASES]]
        return {"tasks": tasks, "common_phrases": {"texts": len(often), "examples": examples}}

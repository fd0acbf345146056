"""One shard of documents against the index: the rows that may hold an item, for `hits` to judge over all shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.decontamination.fold import I64
from ecomct.decontamination.index import Index
from ecomct.decontamination.match import ID, OVERLAP, TITLE, match
from ecomct.decontamination.segments import BATCH
from ecomct.documents.ingest import iter_shard
from ecomct.seeded import U64

# Share of a long text over which it is a leak, however many rows hold it.
_WHOLE = 0.8

CANDIDATES = pa.schema(
    [
        ("row", pa.uint64()),
        ("needle", pa.uint32()),
        ("how", pa.int8()),
        ("share", pa.float32()),
        ("start", pa.int32()),  # characters of the document
        ("end", pa.int32()),
        ("text_hash", pa.uint64()),
        ("product", pa.uint64()),  # that the row names by its title or key; 0: none
    ]
)


@dataclass(frozen=True)
class ScreenTask:
    """What a worker needs besides the name of its shard."""

    index: Path
    documents: Path
    folder: Path
    is_title: bool
    common: int


def screen_shard(task: ScreenTask, name: str) -> dict[str, Any]:
    """Write the candidates of a shard, sorted by row and needle; no file where there are none.

    Memory: one row group of the documents, about 100 bytes a character of a batch (or of a longer document), and the candidates.
    """
    index = _index(task.index)
    found, rows = [], 0
    for table in iter_shard(task.documents / "shards" / f"{name}.parquet", ["row", "entities", "text", "spans", "text_hash"]):
        rows += table.num_rows
        table = table.combine_chunks()
        found += [_candidates(index, part, task.is_title) for part in _batches(table)]
        found.append(_by_key(index, table))
    candidates = _without_common(pa.concat_tables(found), index, task.common)
    if candidates.num_rows:
        with atomic_path(task.folder / "candidates" / f"{name}.parquet") as path:
            pq.write_table(candidates.sort_by([("row", "ascending"), ("needle", "ascending")]), path, compression="zstd")
    return {"rows": rows, "candidates": candidates.num_rows}


@lru_cache(maxsize=1)
def _index(folder: Path) -> Index:
    return Index.load(folder)


def _batches(table: pa.Table) -> Iterator[pa.Table]:
    """Slices of about BATCH characters."""
    ends = np.cumsum(pc.utf8_length(table["text"]).to_numpy())
    begin = 0
    while begin < table.num_rows:
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + BATCH)))
        yield table.slice(begin, end - begin)
        begin = end


def _candidates(index: Index, table: pa.Table, is_title: bool) -> pa.Table:
    spans = table["spans"].combine_chunks()
    parts = spans.flatten()
    owner = spans.value_parent_indices().to_numpy().astype(np.int64)
    fields = [owner, *(parts.field(name).to_numpy().astype(np.int64) for name in ("start", "end"))]
    matches = match(index, table["text"].to_pylist(), np.stack(fields, axis=1), is_title)
    document = matches.document
    product = np.where(matches.how == TITLE, _first_entities(table)[document], np.uint64(0))
    hashes = table["text_hash"].to_numpy()[document]
    return _table(table, document, (matches.needle, matches.how, matches.share, matches.start, matches.end, hashes, product))


def _first_entities(table: pa.Table) -> npt.NDArray[np.uint64]:
    """Of each row the product that it describes: its own key stands before those that it refers to. 0: none."""
    lists = table["entities"].combine_chunks()
    count = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    values = np.append(lists.flatten().to_numpy(), np.uint64(0))
    return np.asarray(np.where(count > 0, values[np.minimum(np.cumsum(count) - count, len(values) - 1)], np.uint64(0)))


def _by_key(index: Index, table: pa.Table) -> pa.Table:
    """Rows of products whose key an item names."""
    lists = table["entities"].combine_chunks()
    values, owner = lists.flatten().to_numpy(), lists.value_parent_indices().to_numpy().astype(np.int64)
    place = np.searchsorted(index.key, values) if len(index.key) else np.zeros(len(values), np.int64)
    hit = np.flatnonzero(np.append(index.key, np.uint64(0))[place] == values) if len(index.key) else place[:0]
    owner, first = np.unique(owner[hit], return_index=True)
    hit = hit[first]
    zero = np.zeros(len(hit), np.int32)
    needle = index.key_needle[place[hit]]
    hashes = table["text_hash"].to_numpy()[owner]
    return _table(table, owner, (needle, np.full(len(hit), ID), np.ones(len(hit)), zero, zero, hashes, values[hit]))


def _table(table: pa.Table, document: I64, columns: tuple[npt.NDArray[Any], ...]) -> pa.Table:
    arrays = (table["row"].to_numpy()[document], *columns)
    return pa.table([pa.array(one, field.type) for one, field in zip(_cast(arrays), CANDIDATES, strict=True)], schema=CANDIDATES)


def _cast(arrays: tuple[npt.NDArray[Any], ...]) -> Iterator[npt.NDArray[Any]]:
    for array, field in zip(arrays, CANDIDATES, strict=True):
        yield array.astype(field.type.to_pandas_dtype())


def is_common(candidates: pa.Table, index: Index, most: int) -> npt.NDArray[np.bool_]:
    """By candidate, whether its needle is a common phrase, so that a row that holds it holds no item.

    Counted are different texts (or, of a title, different products) that hold the needle. A long text that is there nearly
    whole is never a phrase, nor is a key.
    """
    group, identity = _groups(candidates)
    pairs = np.unique(np.stack([group, identity], axis=1), axis=0)
    groups, times = np.unique(pairs[:, 0], return_counts=True)
    how, needle, share = (candidates[name].to_numpy() for name in ("how", "needle", "share"))
    tokens, enough = index.tokens[needle], index.enough[needle]
    long = (how <= OVERLAP) & (tokens >= 2 * enough) & (share >= _WHOLE)
    return np.isin(group, groups[times > most]) & (how != ID) & ~long


def _groups(candidates: pa.Table) -> tuple[U64, U64]:
    """What is counted apart, and what is counted in it."""
    title = candidates["how"].to_numpy() == TITLE
    group = candidates["needle"].to_numpy().astype(np.uint64) * np.uint64(2) + title
    return group, np.where(title, candidates["product"].to_numpy(), candidates["text_hash"].to_numpy())


def _without_common(candidates: pa.Table, index: Index, most: int) -> pa.Table:
    """`candidates` with no more rows of a common phrase than show that it is one: at most `most` + 1 a needle."""
    common = is_common(candidates, index, most)
    if not common.any():
        return candidates
    places = np.flatnonzero(common)
    group, identity = (column[places] for column in _groups(candidates))
    pairs, firsts = np.unique(np.stack([group, identity], axis=1), axis=0, return_index=True)
    rank = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0])
    kept = ~common
    kept[places[firsts[rank <= most]]] = True
    return candidates.filter(pa.array(kept))

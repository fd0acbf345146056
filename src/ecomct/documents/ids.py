"""Identities of documents: products and digests of each row, and which rows are held out. No text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.seeded import U64, hash_text, mix64


class Lists(NamedTuple):
    """A list of hashes for each row: `value[first[i]:first[i + 1]]`."""

    value: U64
    first: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ids:
    """Identities of documents, sorted by row. `first[i]:first[i + 1]` are row i's entities.

    `related` and `points_to` are the same for its further keys; empty where the recipe has none.
    """

    row: U64
    digest: npt.NDArray[np.void]
    text_hash: U64
    entity: U64
    first: npt.NDArray[np.int64]
    related: Lists
    points_to: Lists

    @property
    def source(self) -> npt.NDArray[np.int64]:
        """Source index of each row."""
        return (self.row >> np.uint64(52)).astype(np.int64)


def read_ids(shards: list[Path], further: bool = False) -> Ids:
    """Read the id columns of all shards, one column at a time; shard names sort in row order.

    `further`: with the further keys.
    """
    digests = [np.frombuffer(chunk.buffers()[1], "V16", len(chunk), 16 * chunk.offset) for chunk in _chunks(shards, "digest")]
    row = _joined([chunk.to_numpy() for chunk in _chunks(shards, "row")], np.uint64)
    entity, first = _lists(shards, "entities")
    none = Lists(np.zeros(0, dtype=np.uint64), np.zeros(len(row) + 1, dtype=np.int64))
    return Ids(
        row=row,
        digest=np.concatenate([np.zeros(0, "V16"), *digests]),
        text_hash=_joined([chunk.to_numpy() for chunk in _chunks(shards, "text_hash")], np.uint64),
        entity=entity,
        first=first,
        related=_lists(shards, "related") if further else none,
        points_to=_lists(shards, "points_to") if further else none,
    )


def _lists(shards: list[Path], column: str) -> Lists:
    chunks = list(_chunks(shards, column))
    lengths = [pc.list_value_length(chunk).to_numpy(zero_copy_only=False) for chunk in chunks]
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in chunks]
    return Lists(_joined(values, np.uint64), np.concatenate([[0], np.cumsum(_joined(lengths, np.int64))]))


def _chunks(shards: list[Path], column: str) -> Iterator[pa.Array]:
    for shard in shards:
        yield from pq.read_table(shard, columns=[column])[column].chunks


def _joined(parts: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts])


def held_out_rows(ids: Ids, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Rows held out for evaluation: every row of a held-out product, and that share of rows without one.

    A row of several products is held out if any of them is, so no held-out product is ever trained on.
    """
    held = np.zeros(len(ids.row), dtype=bool)
    if share <= 0:
        return held
    salt, limit = hash_text("held out", seed) >> 1, np.uint64(int(share * 2**64))
    count = np.diff(ids.first)
    owner = np.repeat(np.arange(len(ids.row)), count)
    held[owner[mix64(ids.entity, salt) < limit]] = True
    return held | ((count == 0) & (mix64(ids.row, salt) < limit))

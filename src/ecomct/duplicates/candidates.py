"""Pairs of rows that share a band: ids only, band by band, so that no text and no more than a band is in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from ecomct.duplicates.shingles import Index
from ecomct.duplicates.signature import NUMBERS
from ecomct.seeded import U64, combine

# Band hashes that are held at once: 16 bytes each, and as much again to sort them.
HELD_AT_ONCE = 1 << 20


class Pairs(NamedTuple):
    """Positions of rows, `first` before `second` in row order, sorted, no pair twice."""

    first: Index
    second: Index


class Found(NamedTuple):
    """Candidate pairs, and what was seen: buckets of two rows or more, those over the cap, rows in the largest."""

    pairs: Pairs
    buckets: int
    hot: int
    largest: int


class Bands(NamedTuple):
    """Band hashes and the position of the row of each."""

    value: U64
    position: Index


def band_groups(rows: int) -> list[tuple[int, int]]:
    """Ranges [low, high) of band numbers read together: all of a small corpus, one by one of a large one."""
    together = min(NUMBERS, max(1, HELD_AT_ONCE // max(rows, 1)))
    return [(low, min(low + together, NUMBERS)) for low in range(0, NUMBERS, together)]


def read_bands(shards: Iterable[Path], low: int, high: int, chosen: npt.NDArray[np.bool_]) -> Bands:
    """The bands numbered [low, high) of the `chosen` rows, from the column `near`. Memory: 16 bytes a band."""
    values, positions, start = [], [], 0
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            for group in range(file.num_row_groups):
                lists = file.read_row_group(group, columns=["near"])["near"].combine_chunks()
                value = lists.flatten().to_numpy()
                counts = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
                position = np.repeat(np.arange(start, start + len(lists)), counts)
                number = value & np.uint64(NUMBERS - 1)
                wanted = (number >= low) & (number < high) & chosen[position]
                values.append(value[wanted])
                positions.append(position[wanted])
                start += len(lists)
    return Bands(np.concatenate([np.zeros(0, np.uint64), *values]), np.concatenate([np.zeros(0, np.int64), *positions]))


def candidate_pairs(
    shards: list[Path],
    chosen: npt.NDArray[np.bool_],
    scopes: tuple[U64, U64],
    most: int,
    asked: npt.NDArray[np.bool_] | None = None,
) -> Found:
    """Pairs of `chosen` rows that share a band within a scope.

    `scopes` are, by position, the scope of rows that are equal as a whole (band 0) and of those that are only similar.
    A row of a bucket is paired with the bucket's first `most` rows, so that there are at most `most` pairs a row and
    band. With `asked`, only pairs of one row that is asked for with another that is not (the first `most` of those).
    """
    keys, buckets, hot, largest = np.zeros(0, dtype=np.uint64), 0, 0, 0
    for low, high in band_groups(int(np.count_nonzero(chosen))):
        value, position = read_bands(shards, low, high, chosen)
        scope = np.where(value & np.uint64(NUMBERS - 1) == 0, scopes[0][position], scopes[1][position])
        found, seen = _linked(combine(value, scope), position, most, None if asked is None else asked[position])
        keys = np.unique(np.concatenate([keys, found]))
        buckets, hot, largest = buckets + seen[0], hot + seen[1], max(largest, seen[2])
    pairs = Pairs((keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64))
    return Found(pairs, buckets, hot, largest)


def _linked(value: U64, position: Index, most: int, asked: npt.NDArray[np.bool_] | None) -> tuple[U64, tuple[int, int, int]]:
    """Pairs as first * 2**32 + second, and (buckets of two or more, those with more than `most` + 1, the largest)."""
    # Rows that are not asked for come first, since each of the others is paired with them.
    order = np.lexsort((position, value)) if asked is None else np.lexsort((position, asked, value))
    value, position = value[order], position[order]
    start = np.flatnonzero(np.concatenate([[True], value[1:] != value[:-1]])) if len(value) else np.zeros(0, dtype=np.int64)
    size = np.diff(np.append(start, len(value)))
    if asked is None:
        leaders = size
        pairs_with = np.arange(len(value)) - np.repeat(start, size)
    else:
        leaders = np.add.reduceat(~asked[order], start, dtype=np.int64) if len(start) else size
        pairs_with = np.where(asked[order], np.repeat(leaders, size), 0)
    found = [np.zeros(0, dtype=np.uint64)]
    begin = np.repeat(start, size)
    for step in range(min(most, int(pairs_with.max(initial=0)))):
        mine = np.flatnonzero(pairs_with > step)
        one, other = position[begin[mine] + step].astype(np.uint64), position[mine].astype(np.uint64)
        found.append(np.unique(np.minimum(one, other) << np.uint64(32) | np.maximum(one, other)))
    seen = (int(np.count_nonzero(size > 1)), int(np.count_nonzero(size > most + 1)), int(size.max(initial=0)))
    return np.concatenate(found), seen

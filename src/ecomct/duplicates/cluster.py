"""From verified pairs to duplicates: each repeat hangs on one row that stays, so that no chain of repeats is merged."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.duplicates.candidates import Pairs
from ecomct.duplicates.shingles import Index

Similarities = npt.NDArray[np.float32]


class Clusters(NamedTuple):
    """By position: the row it repeats (itself where it stays) and their similarity; repeats that a full cluster left."""

    leader: Index
    similarity: Similarities
    capped: int


def cluster(count: int, pairs: Pairs, similarity: Similarities, most: int) -> Clusters:
    """Stars: a row repeats the first row, in row order, that stays and that it was verified to be similar to.

    A row whose similar rows are all repeats themselves stays, so two rows of a cluster differ from its first row only.
    A row with `most` - 1 repeats takes no more. Cost: one pass over the pairs.
    """
    leader, alike = np.arange(count), np.ones(count, dtype=np.float32)
    sizes: Counter[int] = Counter()
    full: set[int] = set()
    order = np.lexsort((pairs.first, pairs.second))
    edges = zip(pairs.first[order].tolist(), pairs.second[order].tolist(), similarity[order].tolist(), strict=True)
    for one, other, value in edges:
        if leader[other] != other or leader[one] != one:
            continue
        if sizes[one] + 1 >= most:
            full.add(other)
            continue
        leader[other], alike[other] = one, value
        sizes[one] += 1
    return Clusters(leader, alike, sum(int(leader[row]) == row for row in full))


def with_copies(clusters: Clusters, first: Index) -> Clusters:
    """The clusters of all rows, where `first` is each row's first exact copy: a copy goes where its first goes."""
    return Clusters(clusters.leader[first], clusters.similarity[first], clusters.capped)


def cluster_measures(leader: Index, near: npt.NDArray[np.bool_], rows: npt.NDArray[np.uint64], shown: int = 10) -> dict[str, Any]:
    """Number of clusters by size (rows, the one that stays included) and the largest that hold a near-duplicate.

    Of each of these: the row that stays, its size and its last near-duplicate, to look at with `ecomct trace`.
    """
    size = np.bincount(leader, minlength=len(leader))
    sizes = Counter(size[size > 1].tolist())
    near_size = np.bincount(leader[near], minlength=len(leader))
    order = np.lexsort((np.arange(len(leader)), -near_size))[:shown]
    largest = [
        {
            "row": int(rows[at]),
            "rows": int(size[at]),
            "near": int(near_size[at]),
            "example": int(rows[np.flatnonzero(near & (leader == at))[-1]]),
        }
        for at in order.tolist()
        if near_size[at]
    ]
    return {"sizes": {str(rows_in): sizes[rows_in] for rows_in in sorted(sizes)}, "largest": largest}

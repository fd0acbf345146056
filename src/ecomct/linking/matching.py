"""Rows to products with limited room: the exact maximum, and a choice in one pass for what does not fit in memory.

Rows name several products; a product has room for as many rows of a source as it has clusters, since a second
row of the source adds nothing to a cluster. Placing as many rows as possible is a bipartite b-matching.

In all functions `column[first[i]:first[i + 1]]` are the products of row i, numbered from 0, each at most once
a row; `room[p]` is how many rows product p can take. The answer is the product of each row, -1 where it is
not placed. Everything is deterministic and on one core.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

I64 = npt.NDArray[np.int64]
_BLOCK = 1 << 16


def expanded_links(column: I64, room: I64) -> int:
    """Links of the graph that `place_exactly` solves: a link for each place that a row's product offers."""
    degree = np.bincount(column, minlength=len(room))
    return int((degree * np.minimum(room, degree)).sum())


def place_exactly(first: I64, column: I64, room: I64) -> I64:
    """Place as many rows as can be placed.

    A product of room k becomes k columns (no more than rows that name it), then Hopcroft-Karp.
    Time O(E sqrt V), memory 45 to 70 bytes a link at the peak, where E = `expanded_links`.
    """
    copies = np.minimum(room, np.bincount(column, minlength=len(room)))
    start = np.concatenate([[0], np.cumsum(copies)])
    kind = np.int32 if start[-1] < 2**31 else np.int64
    times = copies[column]
    ends = np.cumsum(times)
    # Column numbers link by link: where the product's places start, then on through them.
    places = np.repeat((start[column] - (ends - times)).astype(kind), times)
    places += np.arange(len(places), dtype=kind)
    indptr = np.concatenate([[0], ends])[first]
    graph = csr_array((np.ones(len(places), dtype=np.int8), places, indptr), shape=(len(first) - 1, int(start[-1])))
    place = maximum_bipartite_matching(graph, perm_type="column")
    owner = np.append(np.repeat(np.arange(len(room)), copies), -1)
    return owner[place]


def place_streaming(first: I64, column: I64, room: I64) -> I64:
    """Place rows in one pass over them: each at the product with room that fewest rows ask for, room by room.

    Rows come in blocks. In a block every waiting row asks for one product, a product takes the first in row
    order for which it has room, and the others ask again. A row stays out only where all its products are
    full, so at least half of the most possible are placed. Time: about three passes over the links; memory
    beyond the arrays: 24 bytes a product and one block.
    """
    rows = len(first) - 1
    placed = np.full(rows, -1, dtype=np.int64)
    left = room.copy()
    demand = np.bincount(column, minlength=len(room)) / np.maximum(room, 1)
    for begin in range(0, rows, _BLOCK):
        waiting = np.arange(begin, min(begin + _BLOCK, rows))
        while True:
            product, owner = _links_of(waiting, first, column)
            free = left[product] > 0
            product, owner = product[free], owner[free]
            if not len(owner):
                break
            asking, asked = _cheapest(owner, product, demand)
            order = np.argsort(asked, kind="stable")
            ranked = asked[order]
            takes = order[np.arange(len(ranked)) - np.searchsorted(ranked, ranked) < left[ranked]]
            placed[waiting[asking[takes]]] = asked[takes]
            np.subtract.at(left, asked[takes], 1)
            waiting = waiting[np.delete(asking, takes)]
    return placed


def spread(first: I64, column: I64, room: I64, load: I64) -> I64:
    """Place every row, where there is no room left: evenly over its products, given the rows there already.

    Products offer twice as many layers of their room each time, so that loads stay within a factor of two of
    the least. A row without products is not placed.
    """
    placed = np.full(len(first) - 1, -1, dtype=np.int64)
    load, layers = load.copy(), 1
    out = np.flatnonzero(np.diff(first))
    while len(out):
        product, owner = _links_of(out, first, column)
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(out)))])
        chosen = place_streaming(starts, product, np.maximum(np.maximum(room, 1) * layers - load, 0))
        placed[out] = chosen
        load += np.bincount(chosen[chosen >= 0], minlength=len(room))
        out, layers = out[chosen < 0], 2 * layers
    return placed


def _links_of(rows: I64, first: I64, column: I64) -> tuple[I64, I64]:
    """Products of some rows, and for each the position of its row in `rows`."""
    count = first[rows + 1] - first[rows]
    owner = np.repeat(np.arange(len(rows)), count)
    before = np.cumsum(count) - count
    return column[np.arange(len(owner)) + np.repeat(first[rows] - before, count)], owner


def _cheapest(owner: I64, product: I64, cost: npt.NDArray[np.float64]) -> tuple[I64, I64]:
    """Each owner once, and its product of least cost, the first named of equals."""
    owners, begins = np.unique(owner, return_index=True)
    costs = cost[product]
    least = np.repeat(np.minimum.reduceat(costs, begins), np.diff(np.append(begins, len(owner))))
    best = np.flatnonzero(costs == least)
    return owners, product[best[np.unique(owner[best], return_index=True)[1]]]

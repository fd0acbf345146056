"""Rescue by merging: two products that share a row, one of which has too little to mix, become one group.

A product is under-covered if it has fewer than `min_rows` training rows or all of them from one source: its rows
meet no other source. Where a row names it and a second product, and all rows of both fit one cluster, the two may be
read together; the row is what connects them. Which pairs to join is a matching in the graph of products, and its
weight the rows that meet another source only by being joined.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ecomct.linking.matching import I64
from ecomct.seeded import U64, combine

Edges = Literal["all", "cross"]
# Connected sets of pairs up to this many are matched exactly (worst case cubic), larger ones by weight.
EXACT_PAIRS = 2000
_NONE = np.iinfo(np.int64).max


class Stock(NamedTuple):
    """Products with training rows, sorted: their rows, and the lowest and highest source among them."""

    product: U64
    rows: I64
    low: I64
    high: I64

    def mixed(self, min_rows: int) -> npt.NDArray[np.bool_]:
        """Products whose rows fill a cluster of several sources on their own; the others are under-covered."""
        return (self.rows >= min_rows) & (self.low < self.high)


class Pairs(NamedTuple):
    """Products that may be joined, as positions in a Stock, and the rows gained by each pair."""

    one: I64
    other: I64
    gain: I64


def take_stock(product: U64, source: I64) -> Stock:
    """Count the rows of each product."""
    names, number = np.unique(product, return_inverse=True)
    low, high = np.full(len(names), _NONE), np.full(len(names), -1, dtype=np.int64)
    np.minimum.at(low, number, source)
    np.maximum.at(high, number, source)
    return Stock(names, np.bincount(number, minlength=len(names)), low, high)


def join_products(
    product: U64, source: I64, entity: U64, first: I64, min_rows: int, max_rows: int, edges: Edges
) -> tuple[U64, U64, dict[str, Any]]:
    """Products that are joined (sorted), the group of each, and the account.

    Arrays are of training rows with a product: row i is at home with `product[i]` and names
    `entity[first[i]:first[i + 1]]`. A joined pair has at most `max_rows` rows, at least `min_rows`, two sources or more,
    and is connected: under `edges: all` rows that name one product are adjacent, under `cross` only those of
    different sources. The gain is the largest possible where no connected set of pairs exceeds EXACT_PAIRS, and
    at least half of it elsewhere. Memory about 60 bytes a
    link of rows with several products, 24 a row.
    """
    stock = take_stock(product, source)
    pairs = find_pairs(stock, product, source, entity, first, min_rows, max_rows, edges)
    chosen, bound = best_pairs(pairs)
    one, other = pairs.one[chosen], pairs.other[chosen]
    names = np.concatenate([stock.product[one], stock.product[other]])
    group = np.tile(combine(stock.product[one], stock.product[other]), 2)
    order = np.argsort(names)
    gained = int(pairs.gain[chosen].sum())
    account = {
        "under_covered_products": int((~stock.mixed(min_rows)).sum()),
        "pairs": len(pairs.one),
        "joined": len(chosen),
        "rows": {"value": gained, "bound": bound, "ratio": round(gained / bound, 4) if bound else 1.0},
    }
    return names[order], group[order], account


def find_pairs(
    stock: Stock, product: U64, source: I64, entity: U64, first: I64, min_rows: int, max_rows: int, edges: Edges
) -> Pairs:
    """Pairs of products that may be joined and gain by it; arrays as in `join_products`."""
    count = np.diff(first)
    several = count > 1
    row, entity = np.repeat(np.flatnonzero(several), count[several]), entity[np.repeat(several, count)]
    home = np.searchsorted(stock.product, product[row])
    named = np.minimum(np.searchsorted(stock.product, entity), len(stock.product) - 1)
    bridge = (stock.product[named] == entity) & (named != home) if len(entity) else np.zeros(0, dtype=bool)
    home, named, of = home[bridge], named[bridge], source[row[bridge]]
    low, high = np.minimum(home, named), np.maximum(home, named)
    code, pair = np.unique(low * len(stock.product) + high, return_inverse=True)
    one, other = np.divmod(code, max(1, len(stock.product)))

    together = stock.rows[one] + stock.rows[other]
    lowest, highest = np.minimum(stock.low[one], stock.low[other]), np.maximum(stock.high[one], stock.high[other])
    gain = np.where((together >= min_rows) & (lowest < highest), together, 0)
    for side in (one, other):
        gain -= np.where(stock.mixed(min_rows), stock.rows, 0)[side]
    fits = (gain > 0) & (together <= max_rows)
    if edges == "cross":
        # A row that names one of the two needs a row of another source there, unless every such row names both.
        for side, far in ((one, other), (other, one)):
            from_far = home == far[pair]
            reach_low, reach_high = stock.low[side], stock.high[side]
            np.minimum.at(reach_low, pair[from_far], of[from_far])
            np.maximum.at(reach_high, pair[from_far], of[from_far])
            only_here = stock.rows[side] - np.bincount(pair[~from_far], minlength=len(code))
            fits &= (reach_low < reach_high) | (only_here == 0)
    return Pairs(one[fits], other[fits], gain[fits])


def best_pairs(pairs: Pairs) -> tuple[I64, int]:
    """Positions of pairs without a common product and of large total gain, and an upper bound on the gain.

    Maximum-weight matching (networkx) in each connected set of up to EXACT_PAIRS pairs; in a larger one the pair of
    most gain first, which reaches at least half.
    """
    nodes = int(max(pairs.one.max(initial=-1), pairs.other.max(initial=-1))) + 1
    if not nodes:
        return np.zeros(0, dtype=np.int64), 0
    graph = coo_array((np.ones(len(pairs.one), dtype=np.int8), (pairs.one, pairs.other)), shape=(nodes, nodes))
    component = connected_components(graph, directed=False)[1][pairs.one]
    order = np.lexsort((pairs.other, pairs.one, -pairs.gain, component))
    chosen: list[int] = []
    bound = 0
    for part in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        take = _exactly(pairs, part) if 1 < len(part) <= EXACT_PAIRS else _by_gain(pairs, part)
        gained = int(pairs.gain[take].sum())
        bound += gained if len(part) <= EXACT_PAIRS else min(2 * gained, _half_of_best(pairs, part))
        chosen += take
    return np.array(sorted(chosen), dtype=np.int64), bound


def _exactly(pairs: Pairs, part: I64) -> list[int]:
    graph = nx.Graph()
    for pair in part.tolist():
        graph.add_edge(int(pairs.one[pair]), int(pairs.other[pair]), weight=int(pairs.gain[pair]), pair=pair)
    return [graph.edges[edge]["pair"] for edge in nx.max_weight_matching(graph)]


def _by_gain(pairs: Pairs, part: I64) -> list[int]:
    """Pairs in the order of `part` (most gain first), those left out that share a product with an earlier one."""
    used: set[int] = set()
    take = []
    for pair in part.tolist():
        ends = {int(pairs.one[pair]), int(pairs.other[pair])}
        if not ends & used:
            used |= ends
            take.append(pair)
    return take


def _half_of_best(pairs: Pairs, part: I64) -> int:
    """No matching gains more than half the sum over products of the best pair of each."""
    ends, gains = np.concatenate([pairs.one[part], pairs.other[part]]), np.tile(pairs.gain[part], 2)
    _, number = np.unique(ends, return_inverse=True)
    best = np.zeros(int(number.max()) + 1, dtype=np.int64)
    np.maximum.at(best, number, gains)
    return int(best.sum()) // 2

"""Rescue by merging: two products that share a row, one of which has too little to mix, become one group.

A product is under-covered if it has fewer than `min_rows` training rows or all of them from one source: its rows meet
no other source. Where a row ties it to a second product (an article names both, or an item of the one points at the
other, as `also_buy` does), and all rows of both fit one cluster, the two may be read together. Which pairs to join is
a matching in the graph of products, and its weight the rows that meet another source only by being joined.
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
Keys = tuple[U64, I64]  # values and where those of each row begin
# Connected sets of up to this many pairs are matched exactly (seconds for the largest), others by weight.
EXACT_PAIRS = 4000
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
    product: U64, source: I64, names: Keys, points: Keys, min_rows: int, max_rows: int, edges: Edges
) -> tuple[U64, U64, dict[str, Any]]:
    """Products that are joined (sorted), the group of each, and the account.

    Arrays are of training rows with a product: row i is at home with `product[i]`, names
    `names[0][names[1][i]:names[1][i + 1]]` and points at other products in the same way. A joined pair has at most
    `max_rows` rows, at least `min_rows`, two sources or more, and is connected: under `edges: all` rows that name one
    product are adjacent, and a row that points at it to those; under `cross` only rows of different sources. The gain is
    the largest possible where no connected set of pairs exceeds EXACT_PAIRS, and at least half of it elsewhere.
    Memory about 60 bytes a key of rows with several, 24 a row.
    """
    stock = take_stock(product, source)
    pairs = find_pairs(stock, product, source, names, points, min_rows, max_rows, edges)
    chosen, bound = best_pairs(pairs)
    one, other = pairs.one[chosen], pairs.other[chosen]
    joined = np.concatenate([stock.product[one], stock.product[other]])
    group = np.tile(combine(stock.product[one], stock.product[other]), 2)
    order = np.argsort(joined)
    gained = int(pairs.gain[chosen].sum())
    account = {
        "under_covered_products": int((~stock.mixed(min_rows)).sum()),
        "pairs": len(pairs.one),
        "joined": len(chosen),
        "rows": {"value": gained, "bound": bound, "ratio": round(gained / bound, 4) if bound else 1.0},
    }
    return joined[order], group[order], account


def find_pairs(
    stock: Stock, product: U64, source: I64, names: Keys, points: Keys, min_rows: int, max_rows: int, edges: Edges
) -> Pairs:
    """Pairs of products that may be joined and gain by it; arrays as in `join_products`."""
    bridges = _bridges(stock, product, source, names, points)
    one, other = bridges.one, bridges.other
    together = stock.rows[one] + stock.rows[other]
    lowest, highest = np.minimum(stock.low[one], stock.low[other]), np.maximum(stock.high[one], stock.high[other])
    gain = np.where((together >= min_rows) & (lowest < highest), together, 0)
    for side in (one, other):
        gain -= np.where(stock.mixed(min_rows), stock.rows, 0)[side]
    fits = (gain > 0) & (together <= max_rows)
    if edges == "cross":
        fits &= _crosses_by_name(stock, bridges) | _crosses_by_pointing(stock, bridges)
    return Pairs(one[fits], other[fits], gain[fits])


class _Bridges(NamedTuple):
    """Pairs of products and the rows that tie them: bridge i, a row of `source[i]` and `home[i]`, is of pair `pair[i]`."""

    one: I64
    other: I64
    pair: I64
    home: I64
    named: I64
    source: I64
    points: npt.NDArray[np.bool_]


def _bridges(stock: Stock, product: U64, source: I64, names: Keys, points: Keys) -> _Bridges:
    """Rows that name or point at a product that is not their home and has training rows."""
    rows, keys = [], []
    for (key, first), least in ((names, 2), (points, 1)):  # who names one product names its home
        count = np.diff(first)
        some = count >= least
        rows.append(np.repeat(np.flatnonzero(some), count[some]))
        keys.append(key[np.repeat(some, count)])
    row, key = np.concatenate(rows), np.concatenate(keys)
    pointing = np.repeat([False, True], [len(part) for part in rows])
    home = np.searchsorted(stock.product, product[row])
    named = np.minimum(np.searchsorted(stock.product, key), len(stock.product) - 1)
    tied = (stock.product[named] == key) & (named != home) if len(key) else pointing
    home, named = home[tied], named[tied]
    code, pair = np.unique(np.minimum(home, named) * len(stock.product) + np.maximum(home, named), return_inverse=True)
    one, other = np.divmod(code, max(1, len(stock.product)))
    return _Bridges(one, other, pair, home, named, source[row[tied]], pointing[tied])


def _crosses_by_name(stock: Stock, bridges: _Bridges) -> npt.NDArray[np.bool_]:
    """Whether each pair is connected over rows that name both products, where only different sources are adjacent.

    A row that names one of the two needs a row of another source there, unless every such row names both.
    """
    fits = np.bincount(bridges.pair[~bridges.points], minlength=len(bridges.one)) > 0
    for side, far in ((bridges.one, bridges.other), (bridges.other, bridges.one)):
        from_far = ~bridges.points & (bridges.home == far[bridges.pair])
        from_here = ~bridges.points & (bridges.home == side[bridges.pair])
        low, high = stock.low[side], stock.high[side]
        np.minimum.at(low, bridges.pair[from_far], bridges.source[from_far])
        np.maximum.at(high, bridges.pair[from_far], bridges.source[from_far])
        only_here = stock.rows[side] - np.bincount(bridges.pair[from_here], minlength=len(side))
        fits &= (low < high) | (only_here == 0)
    return fits


def _crosses_by_pointing(stock: Stock, bridges: _Bridges) -> npt.NDArray[np.bool_]:
    """Whether each pair is of two products connected in themselves, one with a row that points across sources."""
    whole = (stock.low < stock.high) | (stock.rows == 1)
    meets = (stock.low < stock.high)[bridges.named] | (stock.low[bridges.named] != bridges.source)
    crossing = np.bincount(bridges.pair[bridges.points & meets], minlength=len(bridges.one)) > 0
    return crossing & whole[bridges.one] & whole[bridges.other]


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

"""Groups over further keys: rows that no product brings together are joined by walking a small ball around each.

The graph of shop, brand and item-item keys percolates: a few keys a row connect a large share of all rows. So
nothing walks a component; from a seed row at most `ball_rows` rows are looked at, and keys that many rows share
(hubs: "brand: none") are cut from the walk. Inside the ball the tree is exact (`steiner`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ecomct.linking.matching import I64
from ecomct.linking.rescue import Edges
from ecomct.linking.steiner import MOST_COLOURS, widest_tree
from ecomct.seeded import U64, combine, hash_text, mix64, order


class Walk(NamedTuple):
    """How far a walk goes: rows of a ball, rows of a key that make it a hub, size of a group, which rows are adjacent."""

    ball_rows: int
    hub_rows: int
    min_rows: int
    max_rows: int
    edges: Edges


class Ties(NamedTuple):
    """What rows are tied by: tie i says that row `row[i]` holds `key[i]` or, where `points[i]`, points at it.

    Two rows are tied where one holds what the other holds or points at; two that point at one key are not.
    """

    row: I64
    key: U64
    points: npt.NDArray[np.bool_]


def group_rows(identity: U64, source: I64, ties: Ties, walk: Walk, seed: int) -> tuple[U64, dict[str, Any]]:
    """The group of each row, 0 for a row in none, and the account. Rows are numbered by position.

    Row after row in seeded order becomes a seed: the tree through it with the most sources within `max_rows` rows,
    and of those the fewest, becomes a group if it has two sources or more, filled up to `min_rows` from its neighbours.
    Then rows left over join the smallest adjacent group that has room, until none can. Every group is connected by ties under the
    edge rule. A group's number is the hash of its rows.

    Time: about a millisecond a row that can reach another source, none for the others; memory about 150 bytes a tie.
    """
    ties, hubs = _without_hubs(ties, walk.hub_rows)
    ties, reachable = _worth_walking(ties, source)
    graph = _Graph(ties, source, walk)
    group: dict[int, int] = {}
    members: list[list[int]] = []
    seeds = reachable[order(identity[reachable], seed, "balls")].tolist()
    for row in seeds:
        if row not in group and (found := _tree(graph, row, group, walk)):
            group.update(dict.fromkeys(found, len(members)))
            members.append(found)
    in_trees = len(group)
    left, joined = seeds, -1
    while joined < len(group):
        left, joined = [row for row in left if row not in group], len(group)
        for row in left:
            near = {group[other] for other in graph.neighbours(row) if other in group}
            if room := [(len(members[one]), one) for one in near if len(members[one]) < walk.max_rows]:
                group[row] = min(room)[1]
                members[group[row]].append(row)
    result = np.zeros(len(identity), dtype=np.uint64)
    for found in members:
        result[found] = hash_text(" ".join(map(str, np.sort(identity[found]).tolist())))
    account = {
        "free_rows": len(identity),
        "reachable_rows": len(reachable),
        "groups": len(members),
        "rows": {"trees": in_trees, "joined": len(group) - in_trees},
        "hubs_cut": hubs,
    }
    return result, account


def _without_hubs(ties: Ties, hub_rows: int) -> tuple[Ties, dict[str, int]]:
    """Ties of keys that 2 to `hub_rows` rows share, each row and key once, sorted by key, holders first; what was cut."""
    ties = _taken(ties, np.lexsort((ties.points, ties.row, ties.key)))
    # A row that holds a key and points at it too is tied once, as its holder.
    ties = _taken(ties, np.flatnonzero((np.diff(ties.key, prepend=0) != 0) | (np.diff(ties.row, prepend=-1) != 0)))
    ties = _taken(ties, np.lexsort((ties.row, ties.points, ties.key)))
    _, number, rows = np.unique(ties.key, return_inverse=True, return_counts=True)
    hubs = {"keys": int((rows > hub_rows).sum()), "ties": int(rows[rows > hub_rows].sum())}
    walked = (rows[number] > 1) & (rows[number] <= hub_rows)
    return _taken(ties, np.flatnonzero(walked)), hubs


def _taken(ties: Ties, positions: I64) -> Ties:
    return Ties(ties.row[positions], ties.key[positions], ties.points[positions])


def _worth_walking(ties: Ties, source: I64) -> tuple[Ties, I64]:
    """Ties and rows of components with two sources or more: a walk in any other can find nothing."""
    keys, number = np.unique(ties.key, return_inverse=True)
    n = len(source) + len(keys)
    graph = coo_array((np.ones(len(number), dtype=np.int8), (ties.row, len(source) + number)), shape=(n, n))
    component = connected_components(graph, directed=False)[1][ties.row]
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, -1, dtype=np.int64)
    np.minimum.at(low, component, source[ties.row])
    np.maximum.at(high, component, source[ties.row])
    ties = _taken(ties, np.flatnonzero((low < high)[component]))
    return ties, np.unique(ties.row)


class _Graph:
    """Neighbours of a row, and which rows are interchangeable. Ties are sorted by key, holders first."""

    def __init__(self, ties: Ties, source: I64, walk: Walk) -> None:
        _, number, rows = np.unique(ties.key, return_inverse=True, return_counts=True)
        ends = np.cumsum(rows)
        self._rows: list[int] = ties.row.tolist()
        self._begins = (ends - rows).tolist()
        self._ends = ends.tolist()
        self._holders = (ends - rows + np.bincount(number[~ties.points], minlength=len(rows))).tolist()
        # Ties by row, those that few rows share first.
        by_row = np.lexsort((number, rows[number], ties.row))
        self._keys = number[by_row].tolist()
        self._points = ties.points[by_row].tolist()
        owner, starts = np.unique(ties.row[by_row], return_index=True)
        self._ties = dict(
            zip(owner.tolist(), zip(starts.tolist(), [*starts[1:].tolist(), len(by_row)], strict=False), strict=True)
        )
        self.source: list[int] = source.tolist()
        self._cross = walk.edges == "cross"
        # Rows of one source with the same ties have the same neighbours: a smallest tree never needs two of them.
        sums = np.zeros(len(source), dtype=np.uint64)
        np.add.at(sums, ties.row, mix64(ties.key, 1) ^ ties.points.astype(np.uint64))
        self.twins: list[int] = combine(sums, source.astype(np.uint64)).tolist()

    def neighbours(self, row: int) -> Iterator[int]:
        """Rows adjacent to `row`, nearest keys first; one may come more than once."""
        begin, end = self._ties.get(row, (0, 0))
        for tie in range(begin, end):
            key = self._keys[tie]
            last = self._holders[key] if self._points[tie] else self._ends[key]
            for other in self._rows[self._begins[key] : last]:
                if other != row and not (self._cross and self.source[other] == self.source[row]):
                    yield other


def _tree(graph: _Graph, seed: int, taken: dict[int, int], walk: Walk) -> list[int]:
    """Rows of the widest tree through `seed` among rows not taken, at least `min_rows`; empty where there is none."""
    place, adjacency = _ball(graph, seed, taken, walk.ball_rows)
    ball = list(place)
    colours: dict[int, int] = {}
    colour = [colours.setdefault(graph.source[row], len(colours)) for row in ball]
    if len(colours) < 2:
        return []
    colour = [one if one < MOST_COLOURS else -1 for one in colour]
    tree = [ball[node] for node in widest_tree(adjacency, colour, 0, walk.max_rows)]
    for row in tree:  # grows while it is walked
        for other in graph.neighbours(row):
            if len(tree) >= walk.min_rows:
                break
            if other not in taken and other not in tree:
                tree.append(other)
    return tree if len(tree) >= walk.min_rows and len({graph.source[row] for row in tree}) > 1 else []


def _ball(graph: _Graph, seed: int, taken: dict[int, int], most: int) -> tuple[dict[int, int], list[list[int]]]:
    """At most `most` rows around `seed`, breadth first and one of each set of twins, numbered from 0, and their adjacency."""
    place, kinds, rows = {seed: 0}, {graph.twins[seed]}, [seed]
    for row in rows:  # grows while it is walked
        if len(rows) == most:
            break
        for other in graph.neighbours(row):
            if len(rows) < most and other not in place and other not in taken and graph.twins[other] not in kinds:
                place[other] = len(rows)
                kinds.add(graph.twins[other])
                rows.append(other)
    adjacency = [sorted({place[other] for other in graph.neighbours(row) if other in place}) for row in rows]
    return place, adjacency

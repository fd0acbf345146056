"""Group Steiner trees: the fewest rows that connect a row with rows of as many other sources as possible.

T(v, X) is the fewest nodes of a tree that holds v and covers the set X of colours. A tree either splits at v into
trees for two parts of X, or hangs from v by an edge:

    T(v, X) = min( T(v, Y) + T(v, X - Y) - 1,  T(u, X) + 1 for a neighbour u )

and v's own colour is free. Exact in O(3^S n + 2^S m) for S colours, n nodes and m edges (Dreyfus and Wagner 1971;
every edge costs one here, so no heap is needed); the problem is NP-hard in S, the few sources of a shop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_COLOURS = 8


def widest_tree(adjacency: Sequence[Sequence[int]], colour: Sequence[int], root: int, most: int) -> list[int]:
    """Nodes, sorted, of a tree of at most `most` nodes through `root` with the most colours, and of those the fewest nodes.

    `adjacency[v]` are the neighbours of v, both ways; `colour[v]` its colour, 0 to MOST_COLOURS - 1, or -1 for none.
    Ties go to the lowest set of colours, splits and neighbours, so the answer depends on the numbering alone.
    """
    cost = _costs(adjacency, colour, most)
    reached = [part for part in range(len(cost)) if cost[part][root] <= most]
    best = min(reached, key=lambda part: (-part.bit_count(), cost[part][root], part))
    return sorted(_nodes(cost, adjacency, colour, root, best))


def _costs(adjacency: Sequence[Sequence[int]], colour: Sequence[int], most: int) -> list[list[int]]:
    """T(v, X) as [X][v], X as bits; anything over `most` is one number, most + 1."""
    n, colours = len(colour), max(max(colour, default=-1) + 1, 0)
    own = [1 << c if c >= 0 else 0 for c in colour]
    cost = [[1] * n]
    for part in range(1, 1 << colours):
        now = np.full(n, most + 1)
        half = (part - 1) & part
        while half > part ^ half:  # each split once: a half and its smaller rest
            np.minimum(now, np.array(cost[half]) + np.array(cost[part ^ half]) - 1, out=now)
            half = (half - 1) & part
        mine = [min(int(t), cost[part & ~own[v]][v] if part & own[v] else most + 1) for v, t in enumerate(now)]
        cost.append(_grown(mine, adjacency, most))
    return cost


def _grown(cost: list[int], adjacency: Sequence[Sequence[int]], most: int) -> list[int]:
    """Let every node hang from a cheaper neighbour: Dijkstra, with a list for each cost since edges cost one."""
    by_cost: list[list[int]] = [[] for _ in range(most + 2)]
    for v, t in enumerate(cost):
        by_cost[t].append(v)
    for t in range(most):
        for v in by_cost[t]:
            if cost[v] == t:
                for u in adjacency[v]:
                    if cost[u] > t + 1:
                        cost[u] = t + 1
                        by_cost[t + 1].append(u)
    return cost


def _nodes(cost: list[list[int]], adjacency: Sequence[Sequence[int]], colour: Sequence[int], root: int, part: int) -> set[int]:
    """Nodes of a tree of cost T(root, part), found by undoing the recurrence."""
    found, todo = {root}, [(root, part)]
    while todo:
        v, part = todo.pop()
        found.add(v)
        if colour[v] >= 0:
            part &= ~(1 << colour[v])
        if not part:
            continue
        splits = [(half, part ^ half) for half in _halves(part) if cost[half][v] + cost[part ^ half][v] - 1 == cost[part][v]]
        if splits:
            todo += [(v, half) for half in splits[0]]
        else:
            todo.append((next(u for u in adjacency[v] if cost[part][u] + 1 == cost[part][v]), part))
    return found


def _halves(part: int) -> list[int]:
    """Proper parts of a set of bits, each split once."""
    halves, half = [], (part - 1) & part
    while half > part ^ half:
        halves.append(half)
        half = (half - 1) & part
    return halves

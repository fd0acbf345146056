"""What the deal is measured against: the paper's words taken literally, a cut at random, and no mixing.

Plain loops over rows: these are references, not ways to mix a large corpus.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ecomct.mixing.clusters import close
from ecomct.mixing.rows import CLUSTERED, NO_ROOM, SEPARATE, Clusters, Limits, Rows, Sorted, dealing_order

_Take = Callable[[Sorted, list[int], int, Limits], list[int]]


def greedy(rows: Rows, limits: Limits) -> Clusters:
    """The paper's iteration (3.2): take a connected cluster that covers as many sources as possible, remove it, repeat.

    Of each product: one row of every source that still has one, largest source first, then any rows in seeded
    order up to `max_rows`; a row that would not fit is passed over. Time: O(rows x clusters of the product).
    """
    return _by_product(rows, limits, _take_one_of_each)


def chunk(rows: Rows, limits: Limits) -> Clusters:
    """The rows of each product in seeded order, cut every `max_rows` rows, or where the next would not fit."""
    return _by_product(rows, limits, _take_next)


def separate(rows: Rows, limits: Limits) -> Clusters:
    """No row beside another."""
    n = len(rows.product)
    return Clusters(np.full(n, -1, dtype=np.int64), np.full(n, SEPARATE, dtype=np.int8), np.zeros(n, dtype=np.int64))


def _by_product(rows: Rows, limits: Limits, take: _Take) -> Clusters:
    """Clusters by taking rows from each product until none is left."""
    table = dealing_order(rows)
    tie = rows.tie[table.order]
    hand = np.full(len(table.order), -1, dtype=np.int64)
    hands = np.zeros(len(table.size), dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(table.size)])
    number = 0
    for product in np.flatnonzero(table.size >= limits.min_rows).tolist():
        mine = np.arange(begins[product], begins[product + 1])
        left: list[int] = mine[np.argsort(tie[mine], kind="stable")].tolist()
        while len(left) >= limits.min_rows:
            taken = take(table, left, int(table.room[product]), limits)
            hand[taken] = number
            hands[product] += 1
            number += 1
            gone = set(taken)
            left = [row for row in left if row not in gone]
    return close(table, hand, np.where(hand < 0, NO_ROOM, CLUSTERED).astype(np.int8), hands, limits)


def _take_one_of_each(table: Sorted, left: list[int], room: int, limits: Limits) -> list[int]:
    first: dict[int, int] = {}
    for row in left:
        first.setdefault(int(table.source[row]), row)
    # Sorted rows stand by source, the largest first.
    wanted = sorted(first.values())
    seen = set(wanted)
    return _fill(table, [*wanted, *(row for row in left if row not in seen)], room, limits, stop=False)


def _take_next(table: Sorted, left: list[int], room: int, limits: Limits) -> list[int]:
    return _fill(table, left, room, limits, stop=True)


def _fill(table: Sorted, wanted: list[int], room: int, limits: Limits, stop: bool) -> list[int]:
    """The first of `wanted` in any case, then those that fit; `stop` at the first that does not."""
    taken, spent = wanted[:1], int(table.tokens[wanted[0]])
    for row in wanted[1:]:
        if len(taken) == limits.max_rows:
            break
        if (more := spent + limits.separator + int(table.tokens[row])) <= room:
            taken.append(row)
            spent = more
        elif stop:
            break
    return taken

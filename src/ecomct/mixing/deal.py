"""The deal: clusters of one product's rows with the highest possible coverage of sources.

The paper (3.2) repeatedly takes a connected cluster that covers as many sources as possible and
removes it. For rows of one product that has a closed form. Take K clusters; order the rows by source,
largest source first; give row i to cluster i mod K. Rows of a source are consecutive, so they reach
min(n_s, K) different clusters, and no partition into K clusters can do better: total coverage is
sum over sources of min(n_s, K), the upper bound. Sizes differ by at most one. K = ceil(N / U), the
fewest clusters of at most U rows, has the highest mean coverage.

The two-phase deal reaches the most rows instead. Only N - max n_s rows have another source than the
largest, so at most that many clusters can be mixed, and at most U (N - max n_s) rows can stand in one.
Phase one deals K' = min(ceil(N / U), N - max n_s) clusters of up to U rows; phase two makes clusters of
their own of what is left over of the largest source. It meets min(N, U (N - max n_s)), where a plain deal
thins the mixed clusters out. With edges between different sources only, a partition into K connected
clusters exists if and only if L K <= N <= U K and N - max n_s >= K, and dealing builds it; then the two
deals are the same, and what phase two would take is left over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecomct.mixing.clusters import close
from ecomct.mixing.rows import CLUSTERED, I64, NO_OTHER_SOURCE, TOO_FEW_ROWS, Clusters, Limits, Rows, Sorted, dealing_order


def deal(rows: Rows, limits: Limits) -> Clusters:
    """Partition the rows of each product into the fewest clusters, as even as they can be.

    Where a cluster is too long, K rises for that product alone until all fit; clusters that fall under
    a limit by that become leftovers.

    Guarantees: every row is in at most one cluster; coverage meets the bound for each product's final K;
    clusters are connected. Time: the sort, then O(rows of too-long products) a round; about 150 bytes a row.
    """
    if limits.edges == "cross":
        return two_phase(rows, limits)
    table = dealing_order(rows)
    none = np.zeros_like(table.size)
    return _dealt(table, none, _fitting(table, table.size, limits), none, limits)


def two_phase(rows: Rows, limits: Limits) -> Clusters:
    """Partition the rows of each product so that as many as possible stand beside another source.

    Where a cluster is too long, the product's clusters are made of fewer rows until all fit.

    Guarantees, time and memory as of `deal`; rows beside another source meet their bound where tokens allow
    clusters of `max_rows` rows.
    """
    table = dealing_order(rows)
    others = table.size - table.largest
    most = np.full(len(table.size), limits.max_rows, dtype=np.int64)
    pending = table.size >= limits.min_rows
    while True:
        mixed = np.minimum(np.minimum(-(-table.size // most), table.size // limits.min_rows), others)
        surplus = np.where(mixed > 0, np.maximum(0, table.size - most * mixed), table.size)
        over = _too_long(table, surplus, table.size, mixed, pending & (mixed > 0), limits)
        pending = over & (most > limits.min_rows)
        if not pending.any():
            break
        most = np.where(pending, np.maximum(limits.min_rows, most - 1 - most // 32), most)
    alone = np.zeros_like(mixed) if limits.edges == "cross" else _fitting(table, surplus, limits)
    return _dealt(table, surplus, mixed, alone, limits)


def _fitting(table: Sorted, stop: I64, limits: Limits) -> I64:
    """For each product the fewest hands in which its first `stop` rows fit; 0 where they are too few for one."""
    hands = np.minimum(-(-stop // limits.max_rows), stop // limits.min_rows)
    length = np.where(table.rank < stop[table.group], table.tokens + limits.separator, 0)
    # No K below this can fit.
    need = -(
        -np.bincount(table.group, weights=length, minlength=len(stop)).astype(np.int64)
        // np.maximum(1, table.room + limits.separator)
    )
    pending = hands > 0
    while pending.any():
        over = _too_long(table, np.zeros_like(stop), stop, hands, pending, limits)
        pending = over & (hands < stop)
        # Beyond it K rises by one, on very large products by a thirty-second.
        hands = np.where(pending, np.minimum(stop, np.maximum(hands + 1 + hands // 32, need)), hands)
    return hands


def _too_long(
    table: Sorted, begin: I64, stop: I64, hands: I64, chosen: npt.NDArray[np.bool_], limits: Limits
) -> npt.NDArray[np.bool_]:
    """Which of the `chosen` products have a hand over their room, when rows [begin, stop) are dealt into `hands`."""
    rows = np.flatnonzero(chosen[table.group])
    of = table.group[rows]
    inside = (table.rank[rows] >= begin[of]) & (table.rank[rows] < stop[of])
    rows, of = rows[inside], of[inside]
    base = np.concatenate([[0], np.cumsum(np.where(chosen, hands, 0))])
    hand = base[of] + (table.rank[rows] - begin[of]) % hands[of]
    total = np.bincount(hand, weights=table.tokens[rows] + limits.separator, minlength=base[-1]) - limits.separator
    over = np.zeros(len(hands), dtype=bool)
    over[of[total[hand] > table.room[of]]] = True
    return over


def _dealt(table: Sorted, begin: I64, mixed: I64, alone: I64, limits: Limits) -> Clusters:
    """Deal each product's rows from `begin` on into `mixed` hands, and those before into `alone` more."""
    base = np.concatenate([[0], np.cumsum(mixed + alone)])[:-1]
    of, rank = table.group, table.rank
    late = rank >= begin[of]
    number = np.where(late, (rank - begin[of]) % np.maximum(1, mixed[of]), mixed[of] + rank % np.maximum(1, alone[of]))
    there = np.where(late, mixed[of], alone[of]) > 0
    few = table.size[of] < limits.min_rows
    why = np.select([there, few], [CLUSTERED, TOO_FEW_ROWS], NO_OTHER_SOURCE).astype(np.int8)
    return close(table, np.where(there, base[of] + number, -1), why, mixed + alone, limits)

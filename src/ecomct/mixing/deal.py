"""The deal: clusters of one product's rows with the highest possible coverage of sources.

The paper (3.2) repeatedly takes a connected cluster that covers as many sources as possible and
removes it. For rows of one product that has a closed form. Take K clusters; order the rows by source,
largest source first; give row i to cluster i mod K. Rows of a source are consecutive, so they reach
min(n_s, K) different clusters, and no partition into K clusters can do better: total coverage is
sum over sources of min(n_s, K), the upper bound. Sizes differ by at most one. K = ceil(N / U), the
fewest clusters of at most U rows, has the highest mean coverage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.seeded import U64

I64 = npt.NDArray[np.int64]
# Why a row is in no cluster; index into REASONS, 0 means that it is in one.
CLUSTERED, TOO_FEW_ROWS, TOO_LONG = range(3)
REASONS = ("clustered", "too_few_rows", "too_long_together")


class Dealt(NamedTuple):
    """Of each row: its cluster (dense numbers from 0, in order of product; -1 for leftovers), why, and its product's K."""

    cluster: I64
    reason: npt.NDArray[np.int8]
    hands: I64


def deal(
    product: U64, source: I64, tokens: I64, tie: U64, min_rows: int, max_rows: int, max_tokens: int, separator: int = 0
) -> Dealt:
    """Partition rows into clusters of one product each: [min_rows, max_rows] rows, at most max_tokens tokens.

    Arrays are parallel, one entry a row. `tie` orders rows inside a source (a seeded hash). A sample of
    n rows has n - 1 separators of `separator` tokens. Where a cluster is too long, K rises for that
    product alone until all fit; clusters that fall under min_rows by that become leftovers.

    Guarantees: every row is in at most one cluster; coverage meets the bound for each product's final K.
    Time O(n log n) for the sort, O(rows of too-long products) a round; memory about 100 bytes a row.
    """
    n = len(product)
    cluster, reason, of_product = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int8), np.ones(n, dtype=np.int64)
    if n == 0:
        return Dealt(cluster, reason, of_product)
    order = _dealing_order(product, source, tie)
    sorted_product = product[order]
    begins = np.flatnonzero(np.concatenate([[True], sorted_product[1:] != sorted_product[:-1]]))
    size = np.diff(np.append(begins, n))
    group = np.repeat(np.arange(len(begins)), size)
    rank = np.arange(n) - begins[group]
    length = tokens[order]

    hands = -(-size // max_rows)
    pending = size >= min_rows
    while pending.any():
        rows = np.flatnonzero(pending[group])
        of, k = group[rows], hands[group[rows]]
        base = np.concatenate([[0], np.cumsum(np.where(pending, hands, 0))])
        hand = base[of] + rank[rows] % k
        total = np.bincount(hand, weights=length[rows] + separator, minlength=base[-1]) - separator
        over = np.zeros(len(size), dtype=bool)
        over[of[total[hand] > max_tokens]] = True
        # No K below this can fit; beyond it K rises by one, or by a thirty-second on very large products.
        need = -(
            -np.bincount(group, weights=length + separator, minlength=len(size)).astype(np.int64) // (max_tokens + separator)
        )
        pending = over & (hands < size)
        hands = np.where(pending, np.minimum(size, np.maximum(hands + 1 + hands // 32, need)), hands)
    # A product with K hands of N rows has N mod K hands of one more row.
    in_hand = size[group] // hands[group] + (rank % hands[group] < size[group] % hands[group])
    too_few, too_long = size[group] < min_rows, in_hand < min_rows
    fits = ~too_few & ~too_long
    reason[order] = np.select([too_few, too_long], [TOO_FEW_ROWS, TOO_LONG], CLUSTERED)
    base = np.concatenate([[0], np.cumsum(hands)])
    _, dense = np.unique((base[group] + rank % hands[group])[fits], return_inverse=True)
    cluster[order[fits]] = dense
    of_product[order] = hands[group]
    return Dealt(cluster, reason, of_product)


def _dealing_order(product: U64, source: I64, tie: U64) -> I64:
    """Rows by product, then source (the product's largest first, then by number), then tie."""
    order = np.lexsort((source, product))
    p, s = product[order], source[order]
    new = np.concatenate([[True], (p[1:] != p[:-1]) | (s[1:] != s[:-1])])
    run = np.cumsum(new) - 1
    size = np.empty(len(p), dtype=np.int64)
    size[order] = np.bincount(run)[run]
    return np.lexsort((tie, source, -size, product))

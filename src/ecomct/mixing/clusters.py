"""From hands to clusters: whatever a strategy dealt, a cluster that breaks a limit is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecomct.mixing.rows import (
    CLUSTERED,
    I64,
    NO_OTHER_SOURCE,
    NO_ROOM,
    TOO_FEW_ROWS,
    TOO_FEW_TOKENS,
    TOO_LONG,
    Clusters,
    Limits,
    Sorted,
)


def close(table: Sorted, hand: I64, why: npt.NDArray[np.int8], hands: I64, limits: Limits) -> Clusters:
    """Number the hands that keep all limits, in order of product; the rows of others become leftovers.

    `hand[i]` is the hand of sorted row i (rising with its product, -1 for none, then `why[i]` says why),
    `hands[p]` how many hands product p was given. A hand of too many rows gives up rows, those whose
    source it has twice first, so that it covers what it can.
    """
    why = np.where((hand < 0) & (table.size[table.group] < limits.min_rows), TOO_FEW_ROWS, why).astype(np.int8)
    hand = _trim(table, hand, why, limits.max_rows)
    dealt = np.flatnonzero(hand >= 0)
    present = np.bincount(hand[dealt]) > 0
    number, count = (np.cumsum(present) - 1)[hand[dealt]], int(present.sum())
    members = np.bincount(number, minlength=count)
    tokens = np.bincount(number, weights=table.tokens[dealt] + limits.separator, minlength=count) - limits.separator
    room = np.zeros(count, dtype=np.int64)
    room[number] = table.room[table.group[dealt]]
    # A hand has too few rows only where no other fitted beside them.
    faults = [(tokens > room) | (members < limits.min_rows), tokens < limits.min_tokens]
    if limits.edges == "cross":
        faults.append(_sources(number, table.source[dealt], count) < 2)
    fault = np.select(faults, [TOO_LONG, TOO_FEW_TOKENS, NO_OTHER_SOURCE][: len(faults)], CLUSTERED)
    kept = np.cumsum(fault == CLUSTERED) - 1
    cluster = np.full(len(hand), -1, dtype=np.int64)
    cluster[dealt] = np.where(fault == CLUSTERED, kept, -1)[number]
    why[dealt] = fault[number]
    back = np.empty_like(table.order)
    back[table.order] = np.arange(len(back))
    return Clusters(cluster[back], why[back], hands[table.group][back])


def _trim(table: Sorted, hand: I64, why: npt.NDArray[np.int8], most: int) -> I64:
    """Take rows from hands of more than `most`; notes it in `why`."""
    dealt = np.flatnonzero(hand >= 0)
    members = np.bincount(hand[dealt]) if len(dealt) else np.zeros(0, dtype=np.int64)
    crowded = dealt[members[hand[dealt]] > most]
    if not len(crowded):
        return hand
    order = crowded[np.lexsort((table.rank[crowded], table.source[crowded], hand[crowded]))]
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (hand[order[1:]] == hand[order[:-1]]) & (table.source[order[1:]] == table.source[order[:-1]])
    order = order[np.lexsort((table.rank[order], again, hand[order]))]
    begins = np.flatnonzero(np.concatenate([[True], hand[order[1:]] != hand[order[:-1]]]))
    place = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    hand = hand.copy()
    hand[order[place >= most]] = -1
    why[order[place >= most]] = NO_ROOM
    return hand


def _sources(number: I64, source: I64, count: int) -> I64:
    """Different sources of each hand."""
    pairs = np.unique(np.stack([number, source]), axis=1)
    return np.bincount(pairs[0], minlength=count)

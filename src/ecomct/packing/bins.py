"""Best-fit-decreasing bin packing by length histogram.

Lengths are integers up to the sequence length, so items and bins are multiplicities: equal items are
placed into equal bins at once. The bin count is that of item-by-item best-fit-decreasing (within
11/9 OPT + 6/9); the plan costs O(capacity squared) steps at most, whatever the number of items.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Pattern(NamedTuple):
    """`bins` bins that hold the same lengths: (length, copies) pairs, longest first."""

    bins: int
    lengths: tuple[tuple[int, int], ...]


def plan_bins(histogram: npt.NDArray[np.int64], capacity: int) -> list[Pattern]:
    """Pack `histogram[n]` items of each length n (1..capacity) into bins of `capacity`.

    Every item is placed once, none is cut. Raises ValueError where an item cannot fit.
    """
    if histogram[capacity + 1 :].any() or histogram[:1].any():
        raise ValueError(f"lengths must lie in 1..{capacity}")
    # Open bins by what is left in them: room -> [(pattern so far, how many)], and the rooms in order.
    room_of: dict[int, list[tuple[tuple[tuple[int, int], ...], int]]] = {}
    rooms: list[int] = []

    def put(room: int, pattern: tuple[tuple[int, int], ...], count: int) -> None:
        if room not in room_of:
            room_of[room] = []
            insort(rooms, room)
        room_of[room].append((pattern, count))

    for length in np.flatnonzero(histogram)[::-1].tolist():
        items = int(histogram[length])
        while items:
            position = bisect_left(rooms, length)
            if position < len(rooms):
                room = rooms[position]
                pattern, bins = room_of[room].pop()
                if not room_of[room]:
                    del room_of[room], rooms[position]
            else:
                room, pattern, bins = capacity, (), -(-items // (capacity // length))
            # Best fit fills one bin with this length before it turns to the next.
            copies = room // length
            full = min(bins, items // copies)
            if full:
                put(room - copies * length, (*pattern, (length, copies)), full)
                items -= full * copies
            if bins > full and 0 < items < copies:
                put(room - items * length, (*pattern, (length, items)), 1)
                full, items = full + 1, 0
            if bins > full and pattern:
                put(room, pattern, bins - full)
    return [Pattern(count, lengths) for room in rooms for lengths, count in room_of[room]]


def fill(patterns: list[Pattern], items: dict[int, list[int]]) -> list[list[int]]:
    """Turn a plan into bins of item numbers; `items[n]` lists the items of length n and is used up in order."""
    cursor = dict.fromkeys(items, 0)
    bins = []
    for pattern in patterns:
        for _ in range(pattern.bins):
            chosen: list[int] = []
            for length, copies in pattern.lengths:
                start = cursor[length]
                chosen += items[length][start : start + copies]
                cursor[length] = start + copies
            bins.append(chosen)
    return bins

"""Bin packing by length histogram: every bin takes the lengths that fill it best.

Lengths are integers up to the sequence length, so items and bins are multiplicities: a pattern of lengths
is applied as often as its items last. A bin begins with the longest length left and takes, of all subsets of
the others, one that leaves the least room (minimum bin slack; Gupta and Ho 1999), found by an exact subset sum
over bitsets. After every pattern one of its lengths has fewer items than the pattern takes, less than half of what
it had once it is below capacity / length: there are O(capacity) patterns whatever the number of items.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


class Pattern(NamedTuple):
    """`bins` bins that hold the same lengths: (length, copies) pairs, longest first."""

    bins: int
    lengths: tuple[tuple[int, int], ...]


def plan_bins(histogram: I64, capacity: int) -> list[Pattern]:
    """Pack `histogram[n]` items of each length n (1..capacity) into bins of `capacity`.

    Every item is placed once, none is cut; the bins are never more than those of best-fit-decreasing.
    Raises ValueError where an item cannot fit. Time: O(capacity) subset sums of O(capacity) bitset steps each.
    """
    patterns = fill_bins(histogram, capacity, capacity)
    count = sum(pattern.bins for pattern in patterns)
    if count == lower_bound(histogram, capacity):
        return patterns
    plain = best_fit_decreasing(histogram, capacity)
    return plain if sum(pattern.bins for pattern in plain) < count else patterns


def fill_bins(histogram: I64, capacity: int, slack: int) -> list[Pattern]:
    """Bins that leave at most `slack` of `capacity` empty; with slack < capacity items may be left over."""
    _require(histogram, capacity)
    lengths: list[int] = np.flatnonzero(histogram).tolist()
    count = dict(zip(lengths, histogram[lengths].tolist(), strict=True))
    patterns: list[Pattern] = []
    tokens = sum(length * items for length, items in count.items())
    while lengths and tokens >= capacity - slack:
        longest = lengths[-1]
        count[longest] -= 1
        room, chosen = _fill_room(lengths, count, capacity - longest)
        count[longest] += 1
        if room > slack:
            # Nothing fills a bin that begins with this length.
            tokens -= lengths.pop() * count[longest]
            continue
        # The longest may have been chosen again, and then stands first.
        if chosen and chosen[0][0] == longest:
            chosen[0] = (longest, chosen[0][1] + 1)
        else:
            chosen.insert(0, (longest, 1))
        bins = min(count[length] // copies for length, copies in chosen)
        for length, copies in chosen:
            count[length] -= bins * copies
            tokens -= bins * copies * length
            if not count[length]:
                del lengths[bisect_left(lengths, length)]
        patterns.append(Pattern(bins, tuple(chosen)))
    return patterns


def _fill_room(lengths: list[int], count: dict[int, int], room: int) -> tuple[int, list[tuple[int, int]]]:
    """The room that is left by the best subset of the items, and the subset as (length, copies), longest first.

    Long items are tried first and the search ends at the first exact fit, which keeps short ones for later bins.
    """
    reached, target = 1, 1 << room  # bit n: a subset of sum n exists
    steps: list[tuple[int, int]] = []
    for length in reversed(lengths[: bisect_right(lengths, room)]):
        steps.append((length, reached))
        # Copies in powers of two: every number up to `copies` is a sum of them.
        copies, some = min(count[length], room // length), 1
        while copies:
            some = min(some, copies)
            reached |= reached << (some * length)
            copies, some = copies - some, some * 2
        reached &= 2 * target - 1
        if reached & target:
            break
    total = reached.bit_length() - 1
    left, chosen = room - total, []
    for length, before in reversed(steps):
        copies = 0
        while not before >> total & 1:
            total, copies = total - length, copies + 1
        if copies:
            chosen.append((length, copies))
    return left, chosen[::-1]


def best_fit_decreasing(histogram: I64, capacity: int) -> list[Pattern]:
    """Bins of item-by-item best-fit-decreasing (within 11/9 OPT + 6/9), with equal items placed at once."""
    _require(histogram, capacity)
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


def lower_bound(histogram: I64, capacity: int) -> int:
    """Bins that no packing can do without (L2 of Martello and Toth 1990; at least ceil(total / capacity)).

    For every a up to half a bin: items longer than capacity - a stand alone among items of at least a, items
    over half a bin stand in different bins, and what the room beside the latter cannot take needs bins of its own.
    """
    sizes = np.arange(capacity + 1, dtype=np.int64)
    counts = histogram[: capacity + 1].astype(np.int64)
    items, tokens = np.cumsum(counts), np.cumsum(counts * sizes)  # up to and with each length
    half = capacity // 2
    a = np.arange(half + 1)
    below = np.where(a > 0, tokens[np.maximum(a - 1, 0)], 0)
    alone = items[capacity] - items[capacity - a]
    wide = items[capacity - a] - items[half]
    room = wide * capacity - (tokens[capacity - a] - tokens[half])
    rest = np.maximum(0, tokens[half] - below - room)
    return int((alone + wide - (-rest // capacity)).max())


def _require(histogram: I64, capacity: int) -> None:
    if histogram[capacity + 1 :].any() or histogram[:1].any():
        raise ValueError(f"lengths must lie in 1..{capacity}")

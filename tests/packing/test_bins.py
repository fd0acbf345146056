"""Bins: every item once, never more than best-fit-decreasing, against the optimum by brute force."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.packing.bins import Pattern, best_fit_decreasing, fill_bins, lower_bound, plan_bins


def histogram(lengths: list[int], capacity: int) -> np.ndarray:
    """Items of each length."""
    return np.bincount(np.array(lengths, dtype=np.int64), minlength=capacity + 1)


def unpack(patterns: list[Pattern]) -> list[list[int]]:
    """The lengths in every bin."""
    return [[length for length, copies in p.lengths for _ in range(copies)] for p in patterns for _ in range(p.bins)]


def rooms_item_by_item(lengths: list[int], capacity: int) -> list[int]:
    """Room left in each bin of best-fit-decreasing: the textbook."""
    rooms: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
        rooms.append((min(fitting) if fitting else capacity) - length)
    return sorted(rooms)


def fewest_bins(lengths: list[int], capacity: int) -> int:
    """By trying everything."""

    @cache
    def search(left: tuple[int, ...]) -> int:
        if not left:
            return 0
        best = len(left)
        # The longest item stands in some bin: try every set of the others beside it.
        for chosen in range(1 << (len(left) - 1)):
            beside = [i for i in range(1, len(left)) if chosen >> (i - 1) & 1]
            if left[0] + sum(left[i] for i in beside) <= capacity:
                best = min(best, 1 + search(tuple(left[i] for i in range(1, len(left)) if i not in beside)))
        return best

    return search(tuple(sorted(lengths, reverse=True)))


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 40), st.data())
def test_every_item_once_and_never_more_bins_than_the_textbook(capacity: int, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, capacity), max_size=60))
    counts = histogram(lengths, capacity)
    bins = unpack(plan_bins(counts, capacity))
    textbook = rooms_item_by_item(lengths, capacity)
    assert sorted(length for one in bins for length in one) == sorted(lengths), "every item once"
    assert all(sum(one) <= capacity for one in bins)
    assert len(bins) <= len(textbook)
    assert sorted(capacity - sum(one) for one in unpack(best_fit_decreasing(counts, capacity))) == textbook


@settings(max_examples=100, deadline=None)
@given(st.integers(4, 24), st.data())
def test_against_the_optimum(capacity: int, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, capacity), max_size=9))
    best = fewest_bins(lengths, capacity)
    counts = histogram(lengths, capacity)
    assert -(-sum(lengths) // capacity) <= lower_bound(counts, capacity) <= best <= len(unpack(plan_bins(counts, capacity)))
    assert len(unpack(plan_bins(counts, capacity))) <= best + 1


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 30), st.integers(0, 30), st.data())
def test_bins_are_as_full_as_asked_and_begin_with_the_best_subset(capacity: int, slack: int, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, capacity), max_size=12))
    bins = unpack(fill_bins(histogram(lengths, capacity), capacity, slack))
    assert all(sum(one) >= capacity - slack for one in bins)
    left = list(lengths)
    for length in (length for one in bins for length in one):
        left.remove(length)
    # Nothing that could have been filled is left: no subset of the rest is full enough.
    sums = {0}
    for length in left:
        sums |= {total + length for total in sums}
    assert not any(capacity - slack <= total <= capacity for total in sums if total)


def test_a_billion_lengths_take_the_steps_of_a_million() -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(6, 0.7, 10**6).astype(int), 1, 2048)
    counts = np.bincount(lengths, minlength=2049)
    plans = [plan_bins(counts * times, 2048) for times in (1, 1000)]
    for times, patterns in zip((1, 1000), plans, strict=True):
        # Each use of a length as the scarce one leaves less than half of capacity // length items, then of that.
        assert len(patterns) <= sum(1 + int(2048 // length).bit_length() for length in np.flatnonzero(counts))
        placed = np.zeros(2049, dtype=np.int64)
        for pattern in patterns:
            for length, copies in pattern.lengths:
                placed[length] += pattern.bins * copies
        assert (placed == counts * times).all()
        bins = sum(pattern.bins for pattern in patterns)
        assert bins <= 1.001 * lower_bound(counts * times, 2048)


def test_one_subset_that_fits_is_found_where_greed_fails() -> None:
    # Best fit puts 4 beside 6; the exact sum of 10 is 5 + 5, of 10 also 4 + 3 + 3.
    counts = histogram([5, 5, 4, 3, 3], 10)
    assert sorted(sum(one) for one in unpack(plan_bins(counts, 10))) == [10, 10]


@pytest.mark.parametrize("length", [0, 9])
def test_items_that_cannot_be_placed_are_refused(length: int) -> None:
    counts = np.zeros(10, dtype=np.int64)
    counts[length] = 1
    with pytest.raises(ValueError, match=r"1\.\.8"):
        plan_bins(counts, 8)

"""Histogram packing equals item-by-item best-fit-decreasing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.packing.bins import fill, plan_bins


def best_fit_decreasing(lengths: list[int], capacity: int) -> list[int]:
    """Room left in each bin, item by item: the textbook."""
    rooms: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [room for room in rooms if room >= length]
        if fitting:
            rooms.remove(min(fitting))
        rooms.append((min(fitting) if fitting else capacity) - length)
    return sorted(rooms)


@settings(max_examples=500, deadline=None)
@given(st.integers(1, 40), st.data())
def test_equals_the_textbook(capacity: int, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, capacity), max_size=60))
    patterns = plan_bins(np.bincount(lengths, minlength=capacity + 1), capacity)
    items: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        items.setdefault(length, []).append(index)
    bins = fill(patterns, items)
    assert sorted(item for one in bins for item in one) == list(range(len(lengths))), "every item once"
    assert sorted(capacity - sum(lengths[item] for item in one) for one in bins) == best_fit_decreasing(lengths, capacity)


def test_a_billion_lengths_are_planned_as_fast_as_a_million() -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(6, 0.7, 10**6).astype(int), 1, 2048)
    histogram = np.bincount(lengths, minlength=2049) * 1000
    patterns = plan_bins(histogram, 2048)
    assert sum(p.bins * dict(p.lengths).get(434, 0) for p in patterns) == histogram[434]
    full = (np.arange(2049) * histogram).sum() / 2048 / sum(p.bins for p in patterns)
    assert full > 0.998


@pytest.mark.parametrize("length", [0, 9])
def test_items_that_cannot_be_placed_are_refused(length: int) -> None:
    histogram = np.zeros(10, dtype=np.int64)
    histogram[length] = 1
    with pytest.raises(ValueError, match=r"1\.\.8"):
        plan_bins(histogram, 8)

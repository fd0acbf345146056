"""Cells: every sample once, full, and what leaves changes only what stood near it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.packing.bins import lower_bound
from ecomct.packing.cells import Bins, pack_samples
from ecomct.seeded import mix64


def shop(products: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(home, identity, tokens) of samples: a few of each product, most of them short."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 5, products)
    home = np.repeat(mix64(np.arange(products, dtype=np.uint64), seed), count)
    identity = mix64(np.arange(len(home), dtype=np.uint64), seed + 1)
    return home, identity, np.clip(rng.lognormal(4.5, 0.8, len(home)).astype(np.int64), 4, 1024)


def contents(bins: Bins, identity: np.ndarray) -> list[frozenset[int]]:
    """The samples of each bin."""
    return [frozenset(part.tolist()) for part in np.split(identity[bins.members], bins.first[1:-1])]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 150), st.integers(8, 200), st.data())
def test_every_sample_once_in_whatever_order_they_come(seed: int, count: int, capacity: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    home, tokens = rng.integers(0, 9, count).astype(np.uint64), rng.integers(1, capacity + 1, count)
    identity = mix64(np.arange(count, dtype=np.uint64), seed)
    bins = pack_samples(home, identity, tokens, capacity)
    assert sorted(bins.members.tolist()) == list(range(count))
    sizes = np.add.reduceat(tokens[bins.members], bins.first[:-1])
    assert (sizes <= capacity).all()
    shuffled = np.array(data.draw(st.permutations(range(count))))
    again = pack_samples(home[shuffled], identity[shuffled], tokens[shuffled], capacity)
    assert sorted(map(sorted, contents(bins, identity))) == sorted(map(sorted, contents(again, identity[shuffled])))


def test_no_sample_gives_no_bin() -> None:
    nothing = np.zeros(0, dtype=np.uint64)
    bins = pack_samples(nothing, nothing, nothing.astype(np.int64), 8)
    assert (len(bins.members), bins.first.tolist()) == (0, [0])


def test_a_product_that_leaves_changes_few_bins() -> None:
    home, identity, tokens = shop(4000, 3)
    bins = contents(pack_samples(home, identity, tokens, 1024), identity)
    assert len(bins) <= 1 + 1.001 * lower_bound(np.bincount(tokens, minlength=1025), 1024)
    gone = np.unique(home)[::80]
    keep = ~np.isin(home, gone)
    assert len(gone) == 50
    after = contents(pack_samples(home[keep], identity[keep], tokens[keep], 1024), identity[keep])
    touched = sum(1 for one in bins if not one.isdisjoint(identity[~keep].tolist()))
    changed = len(set(bins) - set(after))
    assert touched <= changed <= 0.25 * len(bins), (touched, changed, len(bins))
    # One product alone changes its cell and a bin or two of each larger cell around it.
    keep = home != gone[7]
    after = contents(pack_samples(home[keep], identity[keep], tokens[keep], 1024), identity[keep])
    assert len(set(bins) - set(after)) <= 0.04 * len(bins)


def test_where_nothing_is_short_cells_give_way_to_the_whole() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(300, 1000, 3000)
    home = mix64(np.arange(3000, dtype=np.uint64), 0)
    bins = pack_samples(home, home, tokens, 1024)
    assert len(bins.first) - 1 <= 1 + 1.002 * lower_bound(np.bincount(tokens, minlength=1025), 1024)

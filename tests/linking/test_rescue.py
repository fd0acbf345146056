"""Joined products: the most rows gained, within the limits, connected under the edge rule."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.linking import rescue
from ecomct.linking.rescue import Pairs, best_pairs, join_products

Edges = Literal["all", "cross"]
Row = tuple[int, int, frozenset[int], frozenset[int]]  # home, source, products named (home among them) and pointed at


def join(rows: list[Row], min_rows: int, max_rows: int, edges: Edges) -> tuple[dict[int, int], dict[str, dict[str, float]]]:
    """Group of each joined product, and the account."""
    names, points = _lists([sorted(row[2]) for row in rows]), _lists([sorted(row[3]) for row in rows])
    joined, group, account = join_products(
        np.array([row[0] for row in rows], dtype=np.uint64),
        np.array([row[1] for row in rows], dtype=np.int64),
        names,
        points,
        min_rows,
        max_rows,
        edges,
    )
    return dict(zip(joined.tolist(), group.tolist(), strict=True)), account


def _lists(values: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    first = np.concatenate([[0], np.cumsum([len(one) for one in values])]).astype(np.int64)
    return np.array([p for one in values for p in one], dtype=np.uint64), first


def connected(rows: list[Row], edges: Edges, products: frozenset[int]) -> bool:
    """Whether rows hang together: adjacent where both name, or one names and one points at, one of `products`."""
    reached, todo = {0}, [0]
    while todo:
        one = rows[todo.pop()]
        for index, other in enumerate(rows):
            tied = (one[2] & other[2] | one[2] & other[3] | one[3] & other[2]) & products
            if index not in reached and tied and (edges == "all" or one[1] != other[1]):
                reached.add(index)
                todo.append(index)
    return len(reached) == len(rows)


def gain(rows: list[Row], pair: tuple[int, int], min_rows: int, max_rows: int, edges: Edges) -> int:
    """Rows that meet another source only by joining the pair; 0 where it may not be joined."""

    def mixed(part: list[Row]) -> int:
        return len(part) if len(part) >= min_rows and len({row[1] for row in part}) > 1 else 0

    parts = [[row for row in rows if row[0] == p] for p in pair]
    both = parts[0] + parts[1]
    bridged = any(set(pair) <= row[2] | row[3] for row in both)
    if not all(parts) or not bridged or len(both) > max_rows or not connected(both, edges, frozenset(pair)):
        return 0
    return max(0, mixed(both) - mixed(parts[0]) - mixed(parts[1]))


@st.composite
def shops(draw: st.DrawFn, pointing: bool) -> list[Row]:
    """Rows of up to five products and three sources, some naming several products or pointing at some."""
    rows: list[Row] = []
    for _ in range(draw(st.integers(1, 9))):
        home = draw(st.integers(1, 5))
        others = draw(st.frozensets(st.integers(1, 5), max_size=2))
        points = draw(st.frozensets(st.integers(1, 5), max_size=2)) if pointing else frozenset()
        rows.append((home, draw(st.integers(0, 2)), others | {home}, points))
    return rows


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.tuples(shops(pointing=False), st.sampled_from(["all", "cross"])), st.tuples(shops(pointing=True), st.just("all"))
    ),
    st.integers(2, 3),
    st.integers(3, 6),
)
def test_joining_gains_as_much_as_any_choice_of_pairs(shop: tuple[list[Row], Edges], min_rows: int, max_rows: int) -> None:
    rows, edges = shop
    gains = {pair: gain(rows, pair, min_rows, max_rows, edges) for pair in combinations(range(1, 6), 2)}
    pairs = [pair for pair in gains if gains[pair]]
    best = max(
        (
            sum(gains[pair] for pair in chosen)
            for size in range(3)
            for chosen in combinations(pairs, size)
            if len({p for pair in chosen for p in pair}) == 2 * size
        ),
    )
    group, account = join(rows, min_rows, max_rows, edges)
    assert account["rows"]["value"] == account["rows"]["bound"] == best
    check_groups(rows, group, min_rows, max_rows, edges)


@settings(max_examples=300, deadline=None)
@given(shops(pointing=True), st.integers(2, 3), st.integers(3, 6))
def test_pairs_that_point_across_sources_are_connected(rows: list[Row], min_rows: int, max_rows: int) -> None:
    check_groups(rows, join(rows, min_rows, max_rows, "cross")[0], min_rows, max_rows, "cross")


def check_groups(rows: list[Row], group: dict[int, int], min_rows: int, max_rows: int, edges: Edges) -> None:
    """Groups are pairs in the size range, of several sources, connected."""
    members: dict[int, list[int]] = {}
    for product, one in group.items():
        members.setdefault(one, []).append(product)
    for products in members.values():
        both = [row for row in rows if row[0] in products]
        assert len(products) == 2
        assert min_rows <= len(both) <= max_rows
        assert len({row[1] for row in both}) > 1
        assert connected(both, edges, frozenset(products))


def test_an_article_joins_a_lone_title_and_lone_reviews() -> None:
    one, two, none = frozenset({1}), frozenset({2}), frozenset[int]()
    rows: list[Row] = [(1, 0, one, none), (2, 1, two, none), (2, 1, two, none), (2, 2, one | two, none)]
    group, account = join(rows, 2, 16, "all")
    assert group.keys() == {1, 2}
    # Product 2 has two sources by itself: only the title gains.
    assert account["rows"] == {"value": 1, "bound": 1, "ratio": 1.0}


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda e: e[0] < e[1]), st.integers(1, 20), max_size=8)
)
def test_pairs_of_large_components_gain_at_least_half(weights: dict[tuple[int, int], int]) -> None:
    edges = sorted(weights)
    pairs = Pairs(*(np.array(column, dtype=np.int64) for column in (
        [a for a, _ in edges], [b for _, b in edges], [weights[edge] for edge in edges])))  # fmt: skip
    best = max(
        sum(weights[edge] for edge in chosen)
        for size in range(4)
        for chosen in combinations(edges, size)
        if len({node for edge in chosen for node in edge}) == 2 * size
    )
    exact, bound = best_pairs(pairs)
    assert pairs.gain[exact].sum() == bound == best
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rescue, "EXACT_PAIRS", 0)
        greedy, bound = best_pairs(pairs)
    ends = np.concatenate([pairs.one[greedy], pairs.other[greedy]])
    assert len(np.unique(ends)) == len(ends)
    assert best <= bound
    assert best <= 2 * pairs.gain[greedy].sum()


def test_a_title_joins_the_product_it_points_at() -> None:
    rows: list[Row] = [
        (1, 0, frozenset({1}), frozenset({2})),
        (2, 0, frozenset({2}), frozenset()),
        (2, 1, frozenset({2}), frozenset()),
    ]
    for edges in ("all", "cross"):
        assert join(rows, 2, 16, edges)[0].keys() == {1, 2}
    assert join(rows, 2, 2, "all")[0] == {}


def test_no_rows_no_pairs() -> None:
    assert join([], 2, 16, "cross")[0] == {}

"""Home products: exact where trivial, within the guarantee of greedy elsewhere."""

from __future__ import annotations

from itertools import product as cartesian

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.linking.home import choose_homes


def homes(
    rows: list[list[int]], owner: list[bool] | None = None, source: list[int] | None = None
) -> tuple[list[int], list[bool]]:
    """Homes of rows given as lists of products."""
    entity = np.array([key for row in rows for key in row], dtype=np.uint64)
    first = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    of = np.array(source or [0] * len(rows))
    home, keyed = choose_homes(entity, first, of, np.array(owner or [False] * len(rows)), np.ones(len(rows), dtype=bool))
    return home.tolist(), keyed.tolist()


def test_one_key_and_no_key() -> None:
    assert homes([[5], []]) == ([5, 0], [True, False])


def test_an_owner_is_at_home_with_itself() -> None:
    assert homes([[7, 9], [9]], owner=[True, False])[0] == [7, 9]


def test_a_dangling_product_is_chosen_only_if_there_is_no_other() -> None:
    home, _ = homes([[3], [99, 3], [98, 99]])
    assert home == [3, 3, 98]


def test_rows_spread_over_their_products() -> None:
    known = [[1], [2], [3]]
    assert sorted(homes([*known, [1, 2, 3], [1, 2, 3], [1, 2, 3]], source=[0, 0, 0, 1, 1, 1])[0][3:]) == [1, 2, 3]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True), min_size=1, max_size=6))
def test_covers_at_least_half_of_the_best_assignment(articles: list[list[int]]) -> None:
    """Covered products against every assignment; the guarantee of least-loaded-first is one half."""
    known = [[key] for key in range(5)]
    home = homes(known + articles, source=[0] * 5 + [1] * len(articles))[0][5:]
    assert all(h in keys for h, keys in zip(home, articles, strict=True))
    best = max(len(set(choice)) for choice in cartesian(*articles))
    assert 2 * len(set(home)) >= best

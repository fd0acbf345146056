"""Homes of rows of several products: as many find room as any assignment allows, or half of it in one pass."""

from __future__ import annotations

from itertools import product as cartesian

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.linking.home import Homes, choose_homes
from ecomct.linking.matching import expanded_links, place_exactly, place_streaming, spread

Rows = list[list[int]]
_EXACT, _STREAMING = 10**6, 0


def homes(
    rows: Rows,
    owner: list[bool] | None = None,
    source: list[int] | None = None,
    counts: list[bool] | None = None,
    max_rows: int = 16,
    exact_links: int = _EXACT,
) -> Homes:
    """Homes of rows given as lists of products."""
    n = len(rows)
    entity = np.array([key for row in rows for key in row], dtype=np.uint64)
    return choose_homes(
        entity,
        _first(rows),
        np.array(source or [0] * n, dtype=np.int64),
        np.array(owner or [False] * n),
        np.array(counts or [True] * n),
        max_rows,
        exact_links,
    )


def _first(rows: Rows) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)


def test_one_key_and_no_key() -> None:
    found = homes([[5], []])
    assert (found.home.tolist(), found.keyed.tolist(), found.measures) == ([5, 0], [True, False], {})


def test_an_owner_is_at_home_with_itself() -> None:
    assert homes([[7, 9], [9]], owner=[True, False]).home.tolist() == [7, 9]


@pytest.mark.parametrize("exact_links", [_EXACT, _STREAMING])
def test_a_dangling_product_is_chosen_only_if_there_is_no_other(exact_links: int) -> None:
    assert homes([[3], [99, 3], [98, 99]], exact_links=exact_links).home.tolist()[:2] == [3, 3]


def test_a_row_that_is_not_trained_takes_no_room() -> None:
    # Product 2 has room for one row of source 1; the first row naming it is a duplicate.
    found = homes([[1], [2], [2, 1], [2, 1], [2, 1]], source=[0, 0, 1, 1, 1], counts=[True, True, False, True, True])
    assert sorted(found.home.tolist()[3:]) == [1, 2]
    assert found.measures[1] == {
        "rows": 2, "links": 4, "method": "exact", "covered": 2, "bound": 2, "ratio": 1.0, "streaming": 2, "first_named": 1,
    }  # fmt: skip


def test_rows_of_one_product_take_room_of_their_source() -> None:
    # Source 1 has a row of its own at product 1, so the two others have room at 2 and 3 only.
    found = homes([[1], [2], [3], [1], [1, 2], [1, 3]], source=[0, 0, 0, 1, 1, 1])
    assert found.home.tolist()[4:] == [2, 3]


def test_a_large_product_has_room_for_a_row_a_cluster() -> None:
    rows = [[1]] * 9 + [[2]] + [[1, 2]] * 4
    found = homes(rows, source=[0] * 10 + [1] * 4, max_rows=4)
    assert sorted(found.home.tolist()[10:]) == [1, 1, 1, 2]


def test_rows_without_room_spread_evenly() -> None:
    found = homes([[1], [2], [3], *[[1, 2, 3]] * 30], source=[0] * 3 + [1] * 30)
    assert set(np.bincount(found.home.astype(int))[1:]) <= set(range(6, 17))


_ARTICLES = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True), min_size=1, max_size=6)
_ROOM = st.lists(st.integers(0, 3), min_size=5, max_size=5)


@settings(max_examples=600, deadline=None)
@given(_ARTICLES, _ROOM)
def test_placing_against_every_assignment(articles: Rows, room: list[int]) -> None:
    best = max(sum(min(choice.count(p), room[p]) for p in range(5)) for choice in cartesian(*articles))
    first, column, space = _first(articles), np.array([p for row in articles for p in row]), np.array(room)
    exact, streaming = place_exactly(first, column, space), place_streaming(first, column, space)
    for placed in (exact, streaming):
        assert all(p == -1 or p in row for p, row in zip(placed.tolist(), articles, strict=True))
        assert (np.bincount(placed[placed >= 0], minlength=5) <= space).all()
    assert (exact >= 0).sum() == best
    assert best <= 2 * (streaming >= 0).sum() <= 2 * best


@settings(max_examples=200, deadline=None)
@given(_ARTICLES, st.integers(1, 3), st.sampled_from([_EXACT, _STREAMING]))
def test_every_row_has_a_home_among_its_products(articles: Rows, max_rows: int, exact_links: int) -> None:
    """And sources are covered as the measures say, recomputed from the homes."""
    known: Rows = [[key] for key in (0, 1, 2, 2, 2, 3)]
    source = [0] * len(known) + [1 if len(row) > 1 else 0 for row in articles]
    found = homes(known + articles, source=source, max_rows=max_rows, exact_links=exact_links)
    assert all(home in row for home, row in zip(found.home.tolist(), known + articles, strict=True))
    several = [home for home, row in zip(found.home.tolist()[len(known) :], articles, strict=True) if len(row) > 1]
    if several:
        own = [row[0] for row in known + articles if len(row) == 1]
        room = {p: max(1, -(-own.count(p) // max_rows)) for p in range(5)}
        covered = sum(min(several.count(p), room[p]) for p in range(5))
        assert (found.measures[1]["covered"], found.measures[1]["rows"]) == (covered, len(several))
        assert found.measures[1]["streaming"] <= found.measures[1]["bound"]


def test_the_optimum_does_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    rows = [sorted(rng.choice(300, size=rng.integers(1, 5), replace=False).tolist()) for _ in range(400)]
    counts = set()
    for _ in range(5):
        rng.shuffle(rows)
        placed = place_exactly(_first(rows), np.array([p for row in rows for p in row]), np.ones(300, dtype=np.int64))
        counts.add(int((placed >= 0).sum()))
    assert len(counts) == 1


def test_a_pass_in_many_blocks_is_still_maximal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecomct.linking.matching._BLOCK", 7)
    rng = np.random.default_rng(1)
    rows = [rng.choice(60, size=3, replace=False).tolist() for _ in range(100)]
    column, room = np.array([p for row in rows for p in row]), rng.integers(0, 3, 60)
    placed = place_streaming(_first(rows), column, room)
    left = room - np.bincount(placed[placed >= 0], minlength=60)
    assert (left >= 0).all()
    assert all(left[row].max() == 0 for row, p in zip(rows, placed, strict=True) if p == -1)


def test_spreading_places_every_row_within_twice_the_even_load() -> None:
    rows = [[0, 1, 2, 3]] * 1000
    placed = spread(_first(rows), np.tile([0, 1, 2, 3], 1000), np.array([1, 1, 1, 5]), np.zeros(4, dtype=np.int64))
    load = np.bincount(placed, minlength=4) / [1, 1, 1, 5]
    assert placed.min() >= 0
    assert load.max() <= 2 * 1000 / 8 + 1


def test_expanded_links_counts_places_no_more_than_rows() -> None:
    assert expanded_links(np.array([0, 0, 1]), np.array([5, 0])) == 4

"""Groups over further keys: connected, in the size range, of several sources, never through a hub."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.linking.ball import Ties, Walk, group_rows

Tie = tuple[int, int, bool]  # row, key, whether it points


def group(source: list[int], ties: list[Tie], walk: Walk, seed: int = 17) -> tuple[list[int], dict[str, Any]]:
    """Group of each row, and the account."""
    found, account = group_rows(
        np.arange(100, 100 + len(source), dtype=np.uint64),
        np.array(source, dtype=np.int64),
        Ties(
            np.array([row for row, _, _ in ties], dtype=np.int64),
            np.array([key for _, key, _ in ties], dtype=np.uint64),
            np.array([points for _, _, points in ties], dtype=bool),
        ),
        walk,
        seed,
    )
    return found.tolist(), account


def walk(edges: Literal["all", "cross"] = "all", ball: int = 64, hub: int = 64, least: int = 2, most: int = 16) -> Walk:
    return Walk(ball, hub, least, most, edges)


def neighbours(source: list[int], ties: list[Tie], how: Walk) -> list[set[int]]:
    """Adjacent rows of each row, word by word."""
    held = {(row, key) for row, key, points in ties if not points}
    either = {(row, key) for row, key, _ in ties}
    size = {key: len({row for row, other in either if other == key}) for _, key in either}
    near: list[set[int]] = [set() for _ in source]
    for row, key in held:
        for other, same in either:
            crosses = how.edges == "all" or source[row] != source[other]
            if key == same and row != other and size[key] <= how.hub_rows and crosses:
                near[row].add(other)
                near[other].add(row)
    return near


_TIES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.booleans()), max_size=25)
_SOURCES = st.lists(st.integers(0, 3), min_size=10, max_size=10)


@settings(max_examples=500, deadline=None)
@given(
    _SOURCES,
    _TIES,
    st.builds(walk, st.sampled_from(["all", "cross"]), st.integers(2, 9), st.integers(2, 6), st.just(2), st.integers(2, 5)),
)
def test_groups_are_connected_in_range_and_of_several_sources(source: list[int], ties: list[Tie], how: Walk) -> None:
    found, account = group(source, ties, how)
    near = neighbours(source, ties, how)
    members = {one: [row for row in range(10) if found[row] == one] for one in set(found) - {0}}
    for rows in members.values():
        assert how.min_rows <= len(rows) <= how.max_rows
        assert len({source[row] for row in rows}) > 1
        reached, todo = set(), [rows[0]]
        while todo:
            row = todo.pop()
            if row not in reached:
                reached.add(row)
                todo += near[row] & set(rows)
        assert reached == set(rows)
    for row in range(10):
        if found[row] == 0:  # nothing in reach was left lying
            assert not any(found[other] == 0 and source[other] != source[row] for other in near[row]) or how.ball_rows < 9
            assert all(len(members[found[other]]) == how.max_rows for other in near[row] if found[other])
    assert account["groups"] == len(members)
    assert sum(account["rows"].values()) == sum(map(len, members.values()))


@settings(max_examples=100, deadline=None)
@given(_SOURCES, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.booleans()), max_size=25).flatmap(
    lambda ties: st.tuples(st.just(ties), st.permutations(ties))))  # fmt: skip
def test_the_order_of_ties_changes_nothing(source: list[int], both: tuple[list[Tie], list[Tie]]) -> None:
    assert group(source, both[0], walk()) == group(source, both[1], walk())


def test_the_tree_with_most_sources_wins_and_its_number_is_that_of_its_rows() -> None:
    # title - (brand) - review, and title - (item) - description: one group of three.
    ties = [(0, 1, False), (1, 1, False), (0, 2, True), (2, 2, False)]
    found, account = group([0, 1, 2], ties, walk())
    assert found[0] != 0
    assert found == [found[0]] * 3
    assert group([0, 1, 2], ties, walk(), seed=3)[0] == found
    assert account["rows"] == {"trees": 3, "joined": 0}


def test_two_rows_that_point_at_one_item_are_not_tied() -> None:
    assert group([0, 1], [(0, 1, True), (1, 1, True)], walk())[0] == [0, 0]
    assert group([0, 1], [(0, 1, True), (1, 1, False)], walk())[0] != [0, 0]


def test_a_hub_is_cut_from_the_walk_and_counted() -> None:
    ties = [(row, 1, False) for row in range(5)]
    found, account = group([0, 1, 0, 1, 0], ties, walk(hub=4))
    assert (found, account["hubs_cut"]) == ([0] * 5, {"keys": 1, "ties": 5})
    assert 0 not in group([0, 1, 0, 1, 0], ties, walk(hub=5))[0]


def test_a_ball_ends_where_it_is_full() -> None:
    # 0 - 1 - 2 in a row; only the far end has another source, and rows 0 and 1 are no twins.
    ties = [(0, 1, False), (1, 1, False), (1, 2, False), (2, 2, False)]
    assert group([0, 0, 1], ties, walk(ball=3, most=3))[0].count(0) == 0
    found = [group([0, 0, 1], ties, walk(ball=2, most=2), seed)[0] for seed in range(8)]
    assert all(one[0] == 0 and one[1] == one[2] != 0 for one in found)


def test_rows_of_one_kind_do_not_fill_the_ball() -> None:
    # 30 equal reviews of one product, tied to a title over another row: a ball of three sees past them.
    ties = [(row, 1, False) for row in range(30)] + [(30, 1, False), (30, 2, False), (31, 2, False)]
    found, _ = group([0] * 31 + [1], ties, walk(ball=3, most=16))
    assert found[31] != 0
    assert found.count(found[31]) == 16


@pytest.mark.parametrize("least", [2, 3, 4])
def test_a_tree_is_filled_up_to_the_smallest_size(least: int) -> None:
    ties = [(row, 1, False) for row in range(4)]
    found, account = group([0, 0, 0, 1], ties, walk(least=least, most=4))
    assert len(set(found)) == 1
    assert account["rows"]["trees"] >= least
    assert group([0, 1], [(0, 1, False), (1, 1, False)], walk(least=3))[0] == [0, 0]

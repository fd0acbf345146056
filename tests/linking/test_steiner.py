"""The widest tree against every connected set of nodes."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.linking.steiner import MOST_COLOURS, widest_tree


def graph_of(n: int, edges: set[tuple[int, int]]) -> list[list[int]]:
    """Neighbours of each node."""
    return [sorted({b for a, b in edges if a == v} | {a for a, b in edges if b == v} - {v}) for v in range(n)]


def hangs_together(nodes: set[int], adjacency: list[list[int]]) -> bool:
    """Whether `nodes` are connected among themselves."""
    reached, todo = set(), [next(iter(nodes))]
    while todo:
        v = todo.pop()
        if v not in reached:
            reached.add(v)
            todo += [u for u in adjacency[v] if u in nodes]
    return reached == nodes


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Up to nine nodes in up to four colours, some in none."""
    n = draw(st.integers(1, 9))
    node = st.integers(0, n - 1)
    edges = draw(st.sets(st.tuples(node, node).filter(lambda edge: edge[0] < edge[1]), max_size=14))
    return graph_of(n, edges), draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))


@settings(max_examples=600, deadline=None)
@given(graphs(), st.integers(1, 6))
def test_widest_tree_against_every_connected_set(graph: tuple[list[list[int]], list[int]], most: int) -> None:
    adjacency, colour = graph

    def value(nodes: set[int]) -> tuple[int, int]:
        return len({colour[v] for v in nodes} - {-1}), -len(nodes)

    others = range(1, len(colour))
    sets = ({0, *chosen} for size in range(min(most, len(colour))) for chosen in combinations(others, size))
    best = max(value(nodes) for nodes in sets if hangs_together(nodes, adjacency))
    tree = widest_tree(adjacency, colour, 0, most)
    assert hangs_together(set(tree), adjacency)
    assert (0 in tree, tree) == (True, sorted(set(tree)))
    assert value(set(tree)) == best


def test_a_tree_may_lead_through_nodes_of_no_new_colour() -> None:
    path = graph_of(5, {(0, 1), (1, 2), (2, 3), (3, 4)})
    assert widest_tree(path, [0, 0, 0, 1, 2], 0, 5) == [0, 1, 2, 3, 4]
    assert widest_tree(path, [0, 0, 0, 1, 2], 0, 4) == [0, 1, 2, 3]
    assert widest_tree(path, [0, 0, 0, 1, 2], 0, 3) == [0]


def test_as_many_colours_as_are_allowed() -> None:
    star = graph_of(MOST_COLOURS + 1, {(0, leaf) for leaf in range(1, MOST_COLOURS + 1)})
    colour = [-1, *range(MOST_COLOURS)]
    assert widest_tree(star, colour, 0, MOST_COLOURS + 1) == list(range(MOST_COLOURS + 1))
    assert len(widest_tree(star, colour, 0, 4)) == 4

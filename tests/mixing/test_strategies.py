"""Every strategy keeps the promises of a mixture; the deals meet their bounds, checked against exhaustive search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product as combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.mixing.measure import measure
from ecomct.mixing.rows import (
    CLUSTERED,
    NO_OTHER_SOURCE,
    REASONS,
    SEPARATE,
    TOO_FEW_ROWS,
    TOO_FEW_TOKENS,
    TOO_LONG,
    Clusters,
    Edges,
    Limits,
    Rows,
)
from ecomct.mixing.strategies import STRATEGIES
from ecomct.recipe.model import Strategy
from ecomct.seeded import mix64

Given = list[tuple[int, int, int]]  # product, source, tokens


def as_rows(given_rows: Given, room: int = 10**9) -> Rows:
    """Rows of a test as the arrays that a strategy takes."""
    product, source, tokens = (np.array([row[i] for row in given_rows], dtype=np.int64) for i in range(3))
    tie = mix64(np.arange(len(given_rows), dtype=np.uint64), 7)
    return Rows(product.astype(np.uint64), source, tokens, tie, np.full(len(given_rows), room))


def members(clusters: Clusters) -> dict[int, list[int]]:
    """Rows of each cluster."""
    found: dict[int, list[int]] = {}
    for index, cluster in enumerate(clusters.cluster.tolist()):
        if cluster >= 0:
            found.setdefault(cluster, []).append(index)
    return found


def coverage(given_rows: Given, clusters: Clusters) -> int:
    """Different sources, summed over clusters."""
    return sum(len({given_rows[row][1] for row in rows}) for rows in members(clusters).values())


def beside(given_rows: Given, clusters: Clusters) -> int:
    """Rows in a cluster of several sources."""
    return sum(len(rows) for rows in members(clusters).values() if len({given_rows[row][1] for row in rows}) > 1)


def of_counts(counts: tuple[int, ...]) -> Given:
    """Rows of one product with so many of each source, one token each."""
    return [(1, source, 1) for source, count in enumerate(counts) for _ in range(count)]


def count_vectors(most: int, sources: int) -> Iterator[tuple[int, ...]]:
    """All products of up to `most` rows and `sources` sources, up to the names of sources."""
    for counts in combinations(range(most + 1), repeat=sources):
        if 1 <= sum(counts) <= most and list(counts) == sorted(counts):
            yield counts


def groups_of(left: tuple[int, ...], low: int, high: int) -> Iterator[tuple[int, ...]]:
    """All ways to take low..high rows from what is left."""
    for taken in combinations(*(range(count + 1) for count in left)):
        if low <= sum(taken) <= high:
            yield taken


@cache
def best_beside(left: tuple[int, ...], low: int, high: int) -> int:
    """Most rows that any clusters can bring beside another source."""
    options = [0]
    for taken in groups_of(left, low, high):
        if sum(count > 0 for count in taken) > 1:
            rest = tuple(sorted(a - b for a, b in zip(left, taken, strict=True)))
            options.append(sum(taken) + best_beside(rest, low, high))
    return max(options)


@cache
def best_coverage(left: tuple[int, ...], clusters: int, low: int, high: int, edges: Edges) -> int:
    """Highest coverage of any partition of all rows into so many connected clusters; -1 where there is none."""
    if clusters == 0:
        return -1 if any(left) else 0
    best = -1
    for taken in groups_of(left, low, high):
        if edges == "cross" and sum(count > 0 for count in taken) < 2:
            continue
        rest = best_coverage(tuple(sorted(a - b for a, b in zip(left, taken, strict=True))), clusters - 1, low, high, edges)
        if rest >= 0:
            best = max(best, rest + sum(count > 0 for count in taken))
    return best


RANGES = ((2, 2), (2, 3), (2, 4), (3, 5), (4, 5))


def test_the_deal_covers_what_the_best_partition_covers() -> None:
    cases = 0
    for counts in count_vectors(9, 3):
        for low, high in RANGES:
            fewest = -(-sum(counts) // high)
            best = best_coverage(counts, fewest, low, high, "all")
            if best >= 0:
                rows = of_counts(counts)
                clusters = STRATEGIES["deal"](as_rows(rows), Limits(low, high))
                assert coverage(rows, clusters) == best == sum(min(count, fewest) for count in counts)
                assert (clusters.reason == CLUSTERED).all()
                cases += 1
    assert cases > 200


def test_the_two_phase_deal_brings_as_many_rows_beside_another_source_as_any_clusters() -> None:
    cases = 0
    for counts in count_vectors(9, 3):
        for low, high in RANGES:
            for edges in ("all", "cross"):
                rows = of_counts(counts)
                clusters = STRATEGIES["two-phase"](as_rows(rows), Limits(low, high, edges=edges))
                assert beside(rows, clusters) == best_beside(counts, low, high), (counts, low, high, edges)
                cases += 1
    assert cases > 500


def test_cross_edges_divide_all_rows_exactly_where_a_partition_exists() -> None:
    """DESIGN's condition: L K <= N <= U K and N - max n_s >= K for some K; and then the coverage is the best."""
    found = 0
    for counts in count_vectors(9, 3):
        total = sum(counts)
        for low, high in RANGES:
            best = {k: best_coverage(counts, k, low, high, "cross") for k in range(1, total + 1)}
            exists = [k for k in best if low * k <= total <= high * k and total - max(counts) >= k]
            assert exists == [k for k in best if best[k] >= 0]
            if exists:
                rows = of_counts(counts)
                clusters = STRATEGIES["deal"](as_rows(rows), Limits(low, high, edges="cross"))
                assert (clusters.reason == CLUSTERED).all()
                assert coverage(rows, clusters) == best[exists[0]]
                found += 1
    assert found > 100


@st.composite
def catalogues(draw: st.DrawFn) -> Given:
    """Rows of up to six products, four sources, 1 to 90 tokens each."""
    row = st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 90))
    return draw(st.lists(row, max_size=60))


@settings(max_examples=600, deadline=None)
@given(
    catalogues(),
    st.sampled_from(sorted(STRATEGIES)),
    st.sampled_from(["all", "cross"]),
    st.integers(2, 4),
    st.integers(0, 6),
    st.integers(40, 200),
    st.integers(0, 60),
    st.integers(0, 3),
)
def test_promises(
    given_rows: Given, strategy: Strategy, edges: Edges, low: int, extra: int, room: int, shortest: int, separator: int
) -> None:
    limits = Limits(low, low + extra, shortest, separator, edges)
    rows = as_rows(given_rows, room)
    clusters = STRATEGIES[strategy](rows, limits)
    found = members(clusters)
    assert sorted(found) == list(range(len(found)))
    for chosen in found.values():
        assert low <= len(chosen) <= low + extra
        assert len({given_rows[row][0] for row in chosen}) == 1, "a cluster is of one product"
        assert shortest <= sum(given_rows[row][2] for row in chosen) + separator * (len(chosen) - 1) <= room
        graph = nx.Graph()
        graph.add_nodes_from(chosen)
        graph.add_edges_from(
            (a, b) for a in chosen for b in chosen if a < b and (edges == "all" or given_rows[a][1] != given_rows[b][1])
        )
        assert nx.is_connected(graph)
    size = Counter(row[0] for row in given_rows)
    for index, row in enumerate(given_rows):
        reason = int(clusters.reason[index])
        assert (clusters.cluster[index] >= 0) == (reason == CLUSTERED)
        assert reason == SEPARATE if strategy == "separate" else (reason == TOO_FEW_ROWS) == (size[row[0]] < low)
        assert 0 <= reason < len(REASONS)
    sums = measure(rows, clusters, limits)
    assert sums["coverage"] == coverage(given_rows, clusters) <= sums["coverage_bound"]
    assert sums["multi_source_rows"] == beside(given_rows, clusters) <= sums["multi_source_rows_bound"]
    assert sums["multi_source_tokens"] <= sums["multi_source_tokens_bound"] <= sums["tokens"]


@settings(max_examples=300, deadline=None)
@given(catalogues(), st.integers(2, 4), st.integers(0, 6))
def test_without_a_token_limit_the_deals_meet_their_bounds(given_rows: Given, low: int, extra: int) -> None:
    rows, limits = as_rows(given_rows), Limits(low, low + extra)
    dealt, phased = (STRATEGIES[name](rows, limits) for name in ("deal", "two-phase"))
    sums = measure(rows, dealt, limits)
    assert sums["coverage"] == sums["coverage_bound"]
    sums = measure(rows, phased, limits)
    assert sums["multi_source_rows"] == sums["multi_source_rows_bound"]


def test_without_token_limit_k_is_the_fewest() -> None:
    rows = [(1, i % 3, 1) for i in range(33)]
    assert int(STRATEGIES["deal"](as_rows(rows), Limits(2, 16)).hands[0]) == 3


def test_a_too_long_product_raises_k_for_itself_alone() -> None:
    rows = [(1, i % 2, 60) for i in range(8)] + [(2, i % 2, 1) for i in range(8)]
    clusters = STRATEGIES["deal"](as_rows(rows, 130), Limits(2, 8))
    assert set(clusters.hands[:8].tolist()) == {4}
    assert set(clusters.hands[8:].tolist()) == {1}


def test_leftovers_say_why() -> None:
    deal = STRATEGIES["deal"]
    assert deal(as_rows([(1, 0, 100), (1, 1, 100)], 150), Limits(2, 8)).reason.tolist() == [TOO_LONG, TOO_LONG]
    assert deal(as_rows([(1, 0, 9), (1, 1, 9)]), Limits(2, 8, min_tokens=50)).reason.tolist() == [TOO_FEW_TOKENS] * 2
    alone = deal(as_rows([(1, 0, 9), (1, 0, 9), (2, 0, 9)]), Limits(2, 8, edges="cross"))
    assert alone.reason.tolist() == [NO_OTHER_SOURCE, NO_OTHER_SOURCE, TOO_FEW_ROWS]


def test_two_phase_fills_where_the_deal_thins_out() -> None:
    """Eight reviews and a title in clusters of up to four: three clusters of three, or a full one and the rest apart."""
    rows = of_counts((1, 8))
    deal, phased = (STRATEGIES[name](as_rows(rows), Limits(2, 4)) for name in ("deal", "two-phase"))
    assert (beside(rows, deal), beside(rows, phased)) == (3, 4)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_order_of_input_rows_does_not_matter(strategy: Strategy) -> None:
    rng = np.random.default_rng(3)
    product = rng.integers(0, 40, 500).astype(np.uint64)
    source, tokens = rng.integers(0, 5, 500), rng.integers(1, 50, 500)
    rows = Rows(product, source, tokens, mix64(np.arange(500, dtype=np.uint64), 1), np.full(500, 200))
    plain = STRATEGIES[strategy](rows, Limits(2, 8))
    shuffle = rng.permutation(500)
    mixed_up = Rows(product[shuffle], source[shuffle], tokens[shuffle], rows.tie[shuffle], rows.room)
    moved = STRATEGIES[strategy](mixed_up, Limits(2, 8))
    assert (moved.cluster == plain.cluster[shuffle]).all()
    assert (moved.reason == plain.reason[shuffle]).all()


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_no_rows(strategy: Strategy) -> None:
    assert len(STRATEGIES[strategy](as_rows([]), Limits(2, 4)).cluster) == 0


def test_greedy_takes_one_of_every_source_first() -> None:
    rows = of_counts((1, 2, 9))
    clusters = STRATEGIES["greedy"](as_rows(rows), Limits(2, 4))
    sources = sorted(len({rows[row][1] for row in chosen}) for chosen in members(clusters).values())
    assert sources == [1, 2, 3]
    assert coverage(rows, clusters) == 6

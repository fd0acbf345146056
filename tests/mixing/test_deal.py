"""The deal against exhaustive search, and its promises as properties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.mixing.deal import CLUSTERED, REASONS, TOO_FEW_ROWS, TOO_LONG, Dealt, deal
from ecomct.seeded import mix64


def dealt(rows: list[tuple[int, int, int]], min_rows: int, max_rows: int, max_tokens: int = 10**9, separator: int = 0) -> Dealt:
    """Deal rows given as (product, source, tokens)."""
    product, source, tokens = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    tie = mix64(np.arange(len(rows), dtype=np.uint64), 7)
    return deal(product.astype(np.uint64), source, tokens, tie, min_rows, max_rows, max_tokens, separator)


def coverage(rows: list[tuple[int, int, int]], result: Dealt) -> int:
    """Distinct (cluster, source) pairs."""
    return len({(c, row[1]) for c, row in zip(result.cluster.tolist(), rows, strict=True) if c >= 0})


def partitions(items: list[int], count: int, low: int, high: int) -> Iterator[list[list[int]]]:
    """All partitions of `items` into `count` unordered groups of low..high members."""
    if not items:
        if count == 0:
            yield []
        return
    first, rest = items[0], items[1:]
    for mask in range(1 << len(rest)):
        group = [first] + [item for bit, item in enumerate(rest) if mask >> bit & 1]
        if low <= len(group) <= high and count:
            left = [item for bit, item in enumerate(rest) if not mask >> bit & 1]
            for others in partitions(left, count - 1, low, high):
                yield [group, *others]


def test_coverage_is_that_of_the_best_of_all_partitions() -> None:
    """Every split of up to 7 rows into up to 3 sources, every size range: nothing covers more."""
    cases = 0
    for n in range(2, 8):
        for first in range(n + 1):
            for second in range(n - first + 1):
                sources = [0] * first + [1] * second + [2] * (n - first - second)
                for low, high in ((2, 2), (2, 3), (2, 4), (3, 5)):
                    k = -(-n // high)
                    if not low * k <= n <= high * k:
                        continue
                    rows = [(1, source, 1) for source in sources]
                    best = max(
                        sum(len({sources[item] for item in group}) for group in groups)
                        for groups in partitions(list(range(n)), k, low, high)
                    )
                    assert coverage(rows, dealt(rows, low, high)) == best
                    cases += 1
    assert cases > 200


@st.composite
def catalogues(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Rows of up to six products, four sources, 1 to 90 tokens each."""
    row = st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 90))
    return draw(st.lists(row, max_size=60))


@settings(max_examples=400, deadline=None)
@given(catalogues(), st.integers(2, 4), st.integers(0, 6), st.integers(40, 200), st.integers(0, 3))
def test_promises(rows: list[tuple[int, int, int]], low: int, extra: int, max_tokens: int, separator: int) -> None:
    high = low + extra
    result = dealt(rows, low, high, max_tokens, separator)
    clusters: dict[int, list[int]] = {}
    for index, cluster in enumerate(result.cluster.tolist()):
        if cluster >= 0:
            clusters.setdefault(cluster, []).append(index)
    assert sorted(clusters) == list(range(len(clusters)))
    for members in clusters.values():
        assert low <= len(members) <= high
        assert len({rows[m][0] for m in members}) == 1, "a cluster is of one product"
        assert sum(rows[m][2] for m in members) + separator * (len(members) - 1) <= max_tokens
    size = Counter(row[0] for row in rows)
    for index, row in enumerate(rows):
        reason = result.reason[index]
        assert (result.cluster[index] >= 0) == (reason == CLUSTERED)
        assert (reason == TOO_FEW_ROWS) == (size[row[0]] < low)
        assert 0 <= reason < len(REASONS)
    for product in size:
        mine = [index for index, row in enumerate(rows) if row[0] == product]
        sizes = Counter(int(result.cluster[index]) for index in mine if result.cluster[index] >= 0)
        assert not sizes or max(sizes.values()) - min(sizes.values()) <= 1
        if all(result.reason[index] == CLUSTERED for index in mine):
            k = int(result.hands[mine[0]])
            bound = sum(min(count, k) for count in Counter(rows[index][1] for index in mine).values())
            assert (
                coverage([rows[i] for i in mine], Dealt(result.cluster[mine], result.reason[mine], result.hands[mine])) == bound
            )


def test_without_token_limit_k_is_the_fewest() -> None:
    rows = [(1, i % 3, 1) for i in range(33)]
    assert int(dealt(rows, 2, 16).hands[0]) == 3


def test_a_too_long_product_raises_k_for_itself_alone() -> None:
    rows = [(1, i % 2, 60) for i in range(8)] + [(2, i % 2, 1) for i in range(8)]
    result = dealt(rows, 2, 8, max_tokens=130)
    assert set(result.hands[:8].tolist()) == {4}
    assert set(result.hands[8:].tolist()) == {1}


def test_rows_too_long_for_any_cluster_are_left_over_by_that_reason() -> None:
    result = dealt([(1, 0, 100), (1, 1, 100)], 2, 8, max_tokens=150)
    assert result.reason.tolist() == [TOO_LONG, TOO_LONG]


def test_order_of_input_rows_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    product = rng.integers(0, 40, 500).astype(np.uint64)
    source, tokens = rng.integers(0, 5, 500), rng.integers(1, 50, 500)
    tie = mix64(np.arange(500, dtype=np.uint64), 1)
    plain = deal(product, source, tokens, tie, 2, 8, 200)
    shuffle = rng.permutation(500)
    moved = deal(product[shuffle], source[shuffle], tokens[shuffle], tie[shuffle], 2, 8, 200)
    assert (moved.cluster == plain.cluster[shuffle]).all()


def test_no_rows() -> None:
    assert len(dealt([], 2, 4).cluster) == 0

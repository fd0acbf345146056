"""Candidates against all pairs, and stars that never chain."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.duplicates import candidates
from ecomct.duplicates.candidates import Pairs, candidate_pairs
from ecomct.duplicates.cluster import cluster, cluster_measures, with_copies
from ecomct.duplicates.exact import first_of_equal
from ecomct.duplicates.signature import NUMBERS


def shards(folder: Path, bands: list[list[int]]) -> list[Path]:
    """Rows of two shards with small row groups; a band is number + NUMBERS * value."""
    paths, half = [], len(bands) // 2
    for number, part in enumerate((bands[:half], bands[half:])):
        paths.append(folder / f"{number}.parquet")
        pq.write_table(pa.table({"near": pa.array(part, pa.list_(pa.uint64()))}), paths[-1], row_group_size=3)
    return paths


def tuples(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@pytest.mark.parametrize("held", [1, 1 << 22])
def test_candidates_are_all_pairs_with_a_band_in_common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    monkeypatch.setattr(candidates, "HELD_AT_ONCE", held)
    draw = np.random.default_rng(3)
    bands = [
        [n + NUMBERS * int(draw.integers(0, 6)) for n in sorted(draw.choice(9, int(draw.integers(0, 6)), replace=False))]
        for _ in range(60)
    ]
    chosen, asked = draw.random(60) < 0.9, draw.random(60) < 0.3
    scope = (draw.integers(0, 2, 60).astype(np.uint64), draw.integers(0, 3, 60).astype(np.uint64))

    def share(one: int, other: int) -> bool:
        common = set(bands[one]) & set(bands[other])
        scopes = [scope[min(band % NUMBERS, 1)] for band in common]
        return any(of[one] == of[other] for of in scopes)

    every = [pair for pair in combinations(range(60), 2) if chosen[list(pair)].all() and share(*pair)]
    found = candidate_pairs(shards(tmp_path, bands), chosen, scope, 99)
    assert tuples(found.pairs) == every
    assert found.hot == 0
    some = candidate_pairs(shards(tmp_path, bands), chosen, scope, 99, asked)
    assert tuples(some.pairs) == [pair for pair in every if asked[list(pair)].sum() == 1]


def test_a_hot_bucket_gives_no_more_than_its_first_rows(tmp_path: Path) -> None:
    rows = 500
    paths, scope = shards(tmp_path, [[7]] * rows), np.zeros(rows, dtype=np.uint64)
    found = candidate_pairs(paths, np.ones(rows, dtype=bool), (scope, scope), 3)
    assert tuples(found.pairs) == sorted((one, other) for one in range(3) for other in range(one + 1, rows))
    assert (found.buckets, found.hot, found.largest) == (1, 1, rows)
    empty = candidate_pairs(shards(tmp_path, []), np.zeros(0, dtype=bool), (scope[:0], scope[:0]), 3)
    assert tuples(empty.pairs) == []


PAIRS = st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]))


@settings(deadline=None)
@given(PAIRS, st.integers(2, 5))
def test_a_repeat_is_similar_to_the_row_that_stays(edges: set[tuple[int, int]], most: int) -> None:
    ordered = sorted(edges)
    first, second = (np.array([edge[side] for edge in ordered], dtype=np.int64) for side in (0, 1))
    found = cluster(12, Pairs(first, second), np.full(len(ordered), 0.9, dtype=np.float32), most)
    leader = found.leader.tolist()
    for row, of in enumerate(leader):
        if of == row:
            continue
        assert (of, row) in edges, "only what was verified is merged"
        assert leader[of] == of, "what it repeats stays"
        earlier = [one for one in range(of) if (one, row) in edges and leader[one] == one]
        assert all(leader.count(one) >= most for one in earlier), "the first that has room"
    assert all(leader.count(row) <= most for row in range(12))
    if most == 5 and not found.capped:
        for one, row in edges:
            assert leader[row] != row or leader[one] != one, "no repeat of a row that stays is left"


def test_a_chain_is_not_merged() -> None:
    pairs = Pairs(np.array([0, 1]), np.array([1, 2]))
    found = with_copies(cluster(4, pairs, np.array([0.8, 0.9], dtype=np.float32), 10), np.array([0, 1, 2, 1]))
    assert found.leader.tolist() == [0, 0, 2, 0], "row 3 equals row 1 and goes where that goes"
    facts = cluster_measures(found.leader, np.array([False, True, False, True]), np.array([10, 11, 12, 13], dtype=np.uint64))
    assert facts == {"sizes": {"3": 1}, "largest": [{"row": 10, "rows": 3, "near": 2, "example": 13}]}


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"a" * 16, b"b" * 16, b"a" * 15 + b"b"])))
def test_equal_digests(digests: list[bytes]) -> None:
    found = first_of_equal(np.array(digests, dtype="V16") if digests else np.zeros(0, dtype="V16"))
    assert found.tolist() == [digests.index(digest) for digest in digests]

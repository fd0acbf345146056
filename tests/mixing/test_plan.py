"""The plan of a bucket: titles repeated, order inside samples, epochs, and rows of several products brought together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecomct.mixing.budget import HomeBudget
from ecomct.mixing.measure import summarise
from ecomct.mixing.plan import MixTask, mix_bucket
from ecomct.recipe.model import Mixing
from ecomct.tokens.pieces import PIECES

TITLES, REVIEWS, QUESTIONS = range(3)
MAX_TOKENS = 200
# source, home, product, tokens, keyed
Line = tuple[int, int, int, int, bool]


def catalogue() -> list[Line]:
    """Twelve products with a title, up to thirty reviews and some questions; five rows without a product."""
    lines: list[Line] = []
    for product in range(100, 112):
        lines.append((TITLES, product, product, 7, True))
        lines += [(REVIEWS, product, product, 5 + (product + n) % 40, True) for n in range(3 * (product - 100))]
        lines += [(QUESTIONS, product, product, 11, True) for _ in range(product % 4)]
    return lines + [(REVIEWS, 900 + n, 900 + n, 9, False) for n in range(5)]


def mix(folder: Path, lines: list[Line], epochs: int = 1, **settings: Any) -> tuple[pa.Table, dict[str, Any], dict[int, Line]]:
    """Plan of one bucket, its measures, and the line of each row number."""
    rows = [(source << 52) | number for number, (source, *_) in enumerate(lines, 1)]
    table = pa.table(
        {
            "row": pa.array(rows, pa.uint64()),
            "piece": pa.array([0] * len(lines), pa.uint32()),
            "source": pa.array([line[0] for line in lines], pa.uint16()),
            "language": pa.array(["zh"] * len(lines)).dictionary_encode(),
            "home": pa.array([line[1] for line in lines], pa.uint64()),
            "product": pa.array([line[2] for line in lines], pa.uint64()),
            "keyed": pa.array([line[4] for line in lines]),
            "text": pa.array(rows, pa.uint64()),
            **{
                name: pa.array([chars] * len(lines), pa.int32())
                for name, chars in (("chars", 40), ("letters", 40), ("masked", 0))
            },
            "repeated": pa.array([0] * len(lines), pa.uint32()),
            "tokens": pa.array([line[3] for line in lines], pa.uint32()),
            "ids": pa.array([[1] * line[3] for line in lines], pa.list_(pa.int32())),
        }
    )
    table = table.select(PIECES.names).cast(PIECES)
    pq.write_table(table.sort_by("row"), folder / "shard.parquet")
    task = MixTask(
        tokens=folder,
        groups={"shard": [0]},
        out=folder / "mixture",
        mixing=Mixing(**settings),
        domain=(True, True, True),
        titles=(True, False, False),
        sources=("titles", "reviews", "questions"),
        max_tokens=MAX_TOKENS,
        separator=1,
        epochs=epochs,
        budget=HomeBudget(1 << 64, ()),
        samples={},
        seed=17,
    )
    facts = mix_bucket(task, 0)
    plan = pq.read_table(folder / "mixture" / "plan" / "bucket-00000.parquet")
    return plan, facts, dict(zip(rows, lines, strict=True))


def samples(plan: pa.Table, epoch: int = 1) -> Iterator[list[dict[str, Any]]]:
    """Lines of each sample of an epoch."""
    mine = [line for line in plan.to_pylist() if line["epoch"] == epoch]
    for _, lines in groupby(mine, key=lambda line: line["sample"]):
        yield list(lines)


@pytest.mark.parametrize("strategy", ["deal", "two-phase", "greedy", "chunk"])
def test_a_title_is_repeated_exactly_where_it_is_missing(tmp_path: Path, strategy: str) -> None:
    plan, facts, lines = mix(tmp_path, catalogue(), strategy=strategy, anchor="title", max_rows=8)
    repeated = 0
    for sample in samples(plan):
        rows = [line["row"] for line in sample]
        clustered = sample[0]["reason"] == "clustered"
        titles = [row for row in rows if lines[row][0] == TITLES]
        assert len(titles) == 1 if clustered else len(rows) == 1
        assert [line["anchor"] for line in sample] == [sample[0]["anchor"]] + [False] * (len(sample) - 1)
        if sample[0]["anchor"]:
            repeated += 1
            assert len(sample) > 2, "the size range is of the rows themselves"
        assert len(sample) - sample[0]["anchor"] <= 8
        assert sum(lines[row][3] for row in rows) + len(rows) - 1 <= MAX_TOKENS
    assert repeated > 5
    assert facts["measures"]["anchors"] == repeated
    assert facts["measures"]["anchor_tokens"] == 8 * repeated
    assert facts["measures"]["duplicate_rows"] == 0
    own = [row for row, anchor in zip(plan["row"].to_pylist(), plan["anchor"].to_pylist(), strict=True) if not anchor]
    assert sorted(own) == sorted(lines), "every row once, whatever is repeated"


def test_a_title_that_would_take_half_of_a_sample_is_not_repeated(tmp_path: Path) -> None:
    lines = [(source, home, product, 150 if source == TITLES else n, keyed) for source, home, product, n, keyed in catalogue()]
    _, facts, _ = mix(tmp_path, lines, anchor="title", max_rows=8)
    assert facts["measures"]["anchors"] == 0


def test_orders(tmp_path: Path) -> None:
    positions = {}
    for order in ("permuted", "title-first", "by-source"):
        plan, _, _ = mix(tmp_path, catalogue(), order=order)
        found = [[line["row"] for line in sample] for sample in samples(plan) if len(sample) > 1]
        positions[order] = {frozenset(rows): rows for rows in found}
        sources = [[row >> 52 for row in rows] for rows in found]
        if order == "by-source":
            assert all(one == sorted(one) for one in sources)
        if order == "title-first":
            assert all(one[0] == TITLES for one in sources if TITLES in one)
    assert positions["permuted"].keys() == positions["title-first"].keys() == positions["by-source"].keys()
    moved = [rows for chosen, rows in positions["permuted"].items() if rows != positions["title-first"][chosen]]
    assert len(moved) > 5
    # Without their titles, permuted rows stand as they do behind a title.
    for chosen, rows in positions["permuted"].items():
        rest = [row for row in positions["title-first"][chosen] if row >> 52 != TITLES]
        assert [row for row in rows if row >> 52 != TITLES] == rest


def test_epochs_permute_the_same_clusters_or_make_new_ones(tmp_path: Path) -> None:
    for each_epoch in ("permute", "recluster"):
        plan, facts, lines = mix(tmp_path, catalogue(), epochs=3, each_epoch=each_epoch, max_rows=6)
        epochs = [[[line["row"] for line in sample] for sample in samples(plan, epoch)] for epoch in (1, 2, 3)]
        for found in epochs:
            assert sorted(row for rows in found for row in rows) == sorted(lines), "each epoch holds every row once"
        clusters = [{frozenset(rows) for rows in found if len(rows) > 1} for found in epochs]
        orders = [{tuple(rows) for rows in found if len(rows) > 2} for found in epochs]
        if each_epoch == "permute":
            assert clusters[0] == clusters[1] == clusters[2]
        else:
            assert len(clusters[0] & clusters[1]) < len(clusters[0]) / 2
        assert len(orders[0] & orders[1]) < len(orders[0]) / 2
        assert len(orders[1] & orders[2]) < len(orders[1]) / 2
        assert facts["measures"]["duplicate_rows"] == 0
    first, _, _ = mix(tmp_path, catalogue(), max_rows=6)
    assert first.equals(plan.filter(pa.compute.equal(plan["epoch"], 1))), "the first epoch does not depend on the others"


def test_rows_brought_together_stay_so_only_where_they_fit_whole(tmp_path: Path) -> None:
    fits = [(TITLES, 1, 1, 10, True), (REVIEWS, 1, 1, 10, True), (TITLES, 1, 2, 10, True)]
    too_long = [(TITLES, 5, 5, 10, True), (REVIEWS, 5, 5, 150, True), (TITLES, 5, 6, 10, True), (REVIEWS, 5, 6, 60, True)]
    too_many = [(TITLES, 8, 8, 1, True), *[(REVIEWS, 8, 8, 1, True)] * 3, (TITLES, 8, 9, 1, True), (REVIEWS, 8, 9, 1, True)]
    plan, facts, lines = mix(tmp_path, fits + too_long + too_many, max_rows=5)
    found = {tuple(sorted({lines[line["row"]][2] for line in sample})): len(sample) for sample in samples(plan)}
    assert found == {(1, 2): 3, (5,): 2, (6,): 2, (8,): 4, (9,): 2}
    assert facts["measures"]["rescued_rows"] == 1


def test_measures_of_a_bucket_add_up(tmp_path: Path) -> None:
    _, facts, _ = mix(tmp_path, catalogue())
    measures = summarise([facts["measures"], facts["measures"]])
    once = summarise([facts["measures"]])
    assert measures["coverage"]["ratio"] == once["coverage"]["ratio"] == 1.0
    assert measures["rows"]["total"] == 2 * once["rows"]["total"]
    expected = once["neighbours_of_two_sources"]
    assert abs(expected["value"] - expected["random_order"]) < 0.1
    assert sum(account["rows_in"] for account in facts["accounts"].values()) == once["rows"]["total"]
    assert np.isclose(once["largest_product_share"], 37 / (once["rows"]["total"] - 5))

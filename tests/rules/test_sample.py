"""The second pass against a count by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecomct.rules.sample import (
    SAMPLE_REASONS,
    SAMPLE_RULES,
    RowKeys,
    SampleRows,
    failing_samples,
    leave_over,
    measure_samples,
    row_counts,
    sample_problems,
)

# (sample, chars, letters, masked, keys) of a row; samples are numbered without gaps below.
_ROW = st.tuples(
    st.integers(-1, 4), st.integers(1, 60), st.integers(0, 60), st.integers(0, 30), st.lists(st.integers(0, 5), max_size=3)
)
_ROWS = st.lists(_ROW, max_size=25)
Row = tuple[int, int, int, int, list[int]]


def arrays(rows: list[Row]) -> tuple[SampleRows, RowKeys]:
    columns = SampleRows(*(np.array([row[place] for row in rows], dtype=np.int64) for place in range(4)))
    pairs = [(index, key) for index, row in enumerate(rows) for key in row[4]]
    return columns, RowKeys(
        np.array([index for index, _ in pairs], dtype=np.int64), np.array([key for _, key in pairs], dtype=np.uint64)
    )


def dense(rows: list[Row]) -> list[Row]:
    numbers = sorted({row[0] for row in rows} - {-1})
    return [(numbers.index(row[0]) if row[0] >= 0 else -1, *row[1:]) for row in rows]


@given(_ROWS)
def test_measures_are_those_counted_by_hand(drawn: list[Row]) -> None:
    rows = dense(drawn)
    measures = measure_samples(*arrays(rows))
    for sample in range(len(measures.rows)):
        mine = [row for row in rows if row[0] == sample]
        known = [any(set(row[4]) & set(other[4]) for other in mine[:place]) for place, row in enumerate(mine)]
        chars, letters, masked = (sum(column) for column in zip(*(row[1:4] for row in mine), strict=True))
        counted = [len(mine), chars, letters, masked, sum(known)]
        assert [int(column[sample]) for column in measures] == counted


@given(_ROWS)
def test_failing_samples_are_those_of_the_rules_one_by_one(drawn: list[Row]) -> None:
    measures = measure_samples(*arrays(dense(drawn)))
    for sample, code in enumerate(failing_samples(measures)):
        rows, chars, letters, masked, repeats = (int(column[sample]) for column in measures)
        broken = [letters < 16, letters / max(1, chars) < 0.4, masked / max(1, chars) > 0.3, repeats / rows > 0.34]
        assert code == (broken.index(True) + 1 if True in broken else 0)


@given(st.lists(st.integers(-1, 4), max_size=25), st.data())
def test_left_over_rows_keep_no_cluster_and_the_others_their_company(given_clusters: list[int], data: st.DataObject) -> None:
    cluster = np.array(given_clusters, dtype=np.int64)
    failing = np.array(data.draw(st.lists(st.integers(0, 4), min_size=5, max_size=5)), dtype=np.int8)
    kept, code = leave_over(cluster, failing)
    for row, number in enumerate(given_clusters):
        fails = number >= 0 and failing[number] > 0
        assert code[row] == (failing[number] if fails else 0)
        assert (kept[row] < 0) == (number < 0 or fails)
        together = [other for other in range(len(cluster)) if kept[other] == kept[row] >= 0]
        assert kept[row] < 0 or together == [other for other, one in enumerate(given_clusters) if one == number]


def test_no_rows_no_samples() -> None:
    measures = measure_samples(*arrays([]))
    assert len(failing_samples(measures)) == 0
    assert [len(part) for part in leave_over(np.zeros(0, dtype=np.int64), failing_samples(measures))] == [0, 0]


def test_thresholds_can_be_changed_and_turned_off() -> None:
    measures = measure_samples(*arrays([(0, 20, 10, 0, [1]), (0, 20, 10, 0, [1])]))
    assert SAMPLE_REASONS[failing_samples(measures)[0]] == "sample_max_repeats"
    assert failing_samples(measures, {"max_repeats": None})[0] == 0
    assert SAMPLE_REASONS[failing_samples(measures, {"min_letters": 21})[0]] == "sample_min_letters"


def test_faults_of_thresholds_are_named() -> None:
    assert sample_problems({"min_letters": 40, "max_repeats": None}) == []
    assert sample_problems({"repeats": 1, "max_masked": 3}) == [
        "cleaning.samples.repeats: no such rule; did you mean max_repeats?",
        "cleaning.samples.max_masked: a share out of range, got 3",
    ]
    assert list(SAMPLE_RULES) == [reason.removeprefix("sample_") for reason in SAMPLE_REASONS[1:]]


def test_counts_of_a_row() -> None:
    assert row_counts("红色 茶壶, [PHONE]!") == (15, 9, 7)
    assert row_counts("") == (0, 0, 0)

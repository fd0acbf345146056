from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ecomct.evaluation.statistics import (
    Sums,
    bootstrap_interval,
    difference,
    difference_error,
    estimate,
    holm,
    mcnemar_test,
    randomisation_test,
)

KINDS = ("accuracy", "rouge", "f1", "loss")


def drawn(kind: str, items: int, seed: int, gain: float = 0.0) -> tuple[Sums, Sums]:
    """Two models on the same items, whose difficulty they share."""
    rng = np.random.default_rng(seed)
    shared, ones = rng.normal(size=items), np.ones(items)
    tables = []
    for extra in (0.0, gain):
        own = shared + 0.5 * rng.normal(size=items) + extra
        if kind == "accuracy":
            columns: tuple[Any, Any] = (own > 0, ones)
        elif kind == "rouge":
            columns = (np.clip(0.4 + 0.2 * own, 0, 1), ones)
        elif kind == "loss":
            tokens = np.random.default_rng(seed).integers(5, 200, items)
            columns = (tokens * (3 - 0.3 * own), tokens)
        else:
            gold, predicted = np.random.default_rng(seed).integers(0, 4, items), rng.integers(0, 5, items)
            columns = (2 * rng.binomial(np.minimum(gold, predicted), stats.norm.cdf(own)), gold + predicted)
        tables.append(np.stack(columns, axis=1).astype(float))
    return tables[0], tables[1]


def gap(first: Sums, second: Sums) -> float:
    a, b = first.sum(axis=0), second.sum(axis=0)
    return float((b[0] / b[1] if b[1] else 0) - (a[0] / a[1] if a[1] else 0))


@pytest.mark.parametrize("kind", ["rouge", "f1", "loss"])
def test_randomisation_counts_every_swap_of_few_items(kind: str) -> None:
    for seed in range(6):
        first, second = drawn(kind, 8, seed, 0.5)
        found = []
        for swaps in product((False, True), repeat=8):
            mask = np.array(swaps)[:, None]
            found.append(abs(gap(np.where(mask, second, first), np.where(mask, first, second))))
        wanted = np.mean(np.array(found) >= abs(gap(first, second)) - 1e-9)
        assert randomisation_test(first, second, seed=1) == pytest.approx(wanted, abs=1e-12)


def test_drawn_swaps_come_near_to_the_count_of_all() -> None:
    first, second = drawn("f1", 14, 3, 0.6)
    exact = randomisation_test(first, second, seed=0, draws=1 << 14)
    near = [randomisation_test(first, second, seed=seed, draws=1000) for seed in range(5)]
    assert np.mean(near) == pytest.approx(exact, abs=0.02)
    assert len(set(near)) > 1


def test_of_means_it_is_the_permutation_test_of_scipy() -> None:
    first, second = drawn("rouge", 10, 4, 0.4)
    wanted = stats.permutation_test(
        (first[:, 0], second[:, 0]), lambda a, b: np.mean(b) - np.mean(a), permutation_type="samples", n_resamples=np.inf
    )
    assert randomisation_test(first, second, seed=0) == pytest.approx(wanted.pvalue, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_is_the_binomial_test_and_that_of_all_swaps(answers: list[tuple[bool, bool]]) -> None:
    values, ones = np.array(answers, dtype=float), np.ones(len(answers))
    first, second = np.stack([values[:, 0], ones], axis=1), np.stack([values[:, 1], ones], axis=1)
    up, down = sum(b > a for a, b in answers), sum(b < a for a, b in answers)
    wanted = stats.binomtest(up, up + down).pvalue if up + down else 1.0
    assert mcnemar_test(first, second) == pytest.approx(wanted, abs=1e-12)
    if up + down <= 10:
        assert randomisation_test(first, second, seed=0) == pytest.approx(wanted, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_definition(values: list[float]) -> None:
    adjusted = holm(values)
    for index, value in enumerate(values):
        # The largest of (m - rank) p over the tests that come no later in the order of p.
        order = sorted(range(len(values)), key=lambda i: values[i])
        steps = [(len(values) - rank) * values[i] for rank, i in enumerate(order)]
        assert adjusted[index] == pytest.approx(min(1.0, max(steps[: order.index(index) + 1])))
        assert adjusted[index] >= value
    assert sorted(range(len(values)), key=lambda i: (values[i], i)) == sorted(
        range(len(values)), key=lambda i: (adjusted[i], values[i], i)
    )


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_error_and_interval_of_a_difference(kind: str) -> None:
    """The delta method's error is the spread of bootstrapped differences, and the interval is as wide as it says."""
    first, second = drawn(kind, 300, 7, 0.3)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 300, (4000, 300))
    spread = np.std([gap(first[rows], second[rows]) for rows in chosen])
    error = difference_error(first, second)
    assert error == pytest.approx(spread, rel=0.05)
    low, high = bootstrap_interval(first, second, seed=0)
    assert low < gap(first, second) < high
    assert error is not None
    assert high - low == pytest.approx(2 * 1.968 * error, rel=0.08)


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_is_what_its_parts_say(kind: str) -> None:
    first, second = drawn(kind, 60, 2, 0.4)
    one, other = difference(first, second, seed=3), difference(second, first, seed=3)
    assert one == difference(first, second, seed=3)
    assert one.value == pytest.approx(gap(first, second))
    assert (one.value, one.p) == pytest.approx((-other.value, other.p), abs=0.02)
    assert one.low == pytest.approx(-(other.high or 0), abs=1e-12)
    assert one.detectable == pytest.approx(2.8016 * (one.stderr or 0), rel=1e-4)
    assert one.test == ("McNemar" if kind == "accuracy" else "randomisation")
    assert one.items == 60
    again = difference(first, second, seed=4)
    assert (again.low, again.high) != (one.low, one.high)


def test_the_order_of_items_and_a_common_scale_do_not_matter() -> None:
    first, second = drawn("loss", 11, 5, 0.2)
    p = randomisation_test(first, second, seed=0)
    assert randomisation_test(first[::-1], second[::-1], seed=9) == p
    assert randomisation_test(first * 7, second * 7, seed=0) == p


def test_models_that_cannot_be_told_apart() -> None:
    first, _ = drawn("f1", 40, 1)
    same = difference(first, first.copy(), seed=0)
    assert (same.value, same.low, same.high, same.p, same.detectable) == (0.0, 0.0, 0.0, 1.0, None)
    alone = difference(first[:1], first[:1] + 1, seed=0)
    assert (alone.stderr, alone.low, alone.high, alone.detectable, alone.p) == (None, None, None, None, 1.0)
    nothing = difference(np.zeros((5, 2)), np.zeros((5, 2)), seed=0)
    assert (nothing.value, nothing.p, nothing.stderr) == (0.0, 1.0, None)


@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (4,)])
def test_only_the_same_items_are_compared(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tables of the same items"):
        difference(np.ones((4, 2)) if shape == (3, 2) else np.ones(shape), np.ones(shape), seed=0)


@pytest.mark.parametrize("kind", ["accuracy", "f1"])
def test_size_and_power(kind: str) -> None:
    """Where there is no difference few tests find one; where there is a plain one most do. More: benchmarks/paired_tests.py."""
    null = [difference(*drawn(kind, 60, seed), seed=seed, draws=400).p for seed in range(150)]
    # 150 tests of a size of 5 % reject more than 14 times in one of 100 cases.
    assert sum(p <= 0.05 for p in null) <= 14
    real = [difference(*drawn(kind, 120, seed, 0.9), seed=seed, draws=400).p for seed in range(40)]
    assert sum(p <= 0.05 for p in real) >= 30


def test_infinite_detail_is_not_needed() -> None:
    """A float that another order of summing gives is the same difference."""
    first = np.array([[0.1, 1.0], [0.2, 1.0], [0.3, 1.0]])
    assert randomisation_test(first, first[::-1].copy(), seed=0) == 1.0
    assert math.isclose(randomisation_test(first, first + np.array([0.1, 0.0]), seed=0), 0.25)


def test_estimate_by_hand() -> None:
    mean = estimate([1, 0, 1, 1], [1, 1, 1, 1])
    assert mean.value == 0.75
    assert mean.stderr == pytest.approx(np.std([1, 0, 1, 1], ddof=1) / 2)
    assert mean.high == 1.0
    loss = estimate([30.0, 8.0], [10, 4], share=False)
    assert loss.value == pytest.approx(38 / 14)
    assert loss.low is not None
    assert loss.high is not None
    assert loss.high - loss.value == pytest.approx(loss.value - loss.low)
    single = estimate([1], [2])
    assert (single.value, single.stderr, single.low, single.high, single.items) == (0.5, None, None, None, 1)
    assert estimate([0, 0], [0, 0]).value == 0.0
    assert estimate([], []).items == 0


@pytest.mark.parametrize("kind", ["accuracy", "f1", "loss"])
def test_standard_error_is_that_of_repeated_draws(kind: str) -> None:
    """Over many samples of 150 items, errors estimated from each agree with the spread of the values."""
    generator = np.random.default_rng(5)
    values, errors, covered = [], [], 0
    truth = {"accuracy": 0.3, "f1": None, "loss": 3.0}[kind]
    num: Any
    den: Any
    for _ in range(1500):
        if kind == "accuracy":
            den = np.ones(150)
            num = (generator.random(150) < 0.3).astype(float)
        elif kind == "f1":
            gold, predicted = generator.integers(1, 4, 150), generator.integers(0, 5, 150)
            num = 2.0 * generator.binomial(np.minimum(gold, predicted), 0.5)
            den = 1.0 * (gold + predicted)
        else:
            den = 1.0 * generator.integers(5, 200, 150)
            num = den * generator.normal(3.0, 0.6, 150)
        found = estimate(num.tolist(), den.tolist(), share=kind != "loss")
        assert found.stderr is not None
        assert found.low is not None
        assert found.high is not None
        values.append(found.value)
        errors.append(found.stderr)
        covered += truth is not None and found.low <= truth <= found.high
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.06)
    if truth is not None:
        assert 0.93 <= covered / 1500 <= 0.97

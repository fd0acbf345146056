"""What the difference of two models on the same items is worth.

Every metric is a ratio of two sums over items (see `metrics`), so one formula serves them all. The items (for the loss:
documents, whose tokens stay together) are a sample, and the error is that of drawing other items; two models are compared on
the same ones, item by item, because most of the spread is in the items and cancels. Draws are seeded, and no sum depends on
the number of threads. Checked by simulation: benchmarks/paired_tests.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr, stdtrit

# (items, 2): numerator and denominator of each item.
Sums = NDArray[np.float64]

DRAWS = 10_000
CONFIDENCE = 0.95
# Standard errors from 0 at which a two-sided test at 5 % rejects in 80 of 100 cases: the normal quantiles of 0.975 and 0.8.
POWER_80 = 1.959964 + 0.841621
# Values drawn at once, which bounds the memory (8 MiB an array).
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Estimate:
    """A ratio with its standard error and 95 % interval; the last three are None for a single item."""

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    items: int


def estimate(numerators: Sequence[float], denominators: Sequence[float], *, share: bool = True) -> Estimate:
    """Return sum(numerators) / sum(denominators) over items drawn independently.

    The standard error is the delta method's for a ratio of means, with n - 1:
    sqrt(n / (n - 1) * sum((num_i - value * den_i)^2)) / sum(den). The interval is value +- 1.96
    standard errors, cut to [0, 1] for a `share`; it has no width where all items agree, which says
    that n is too small to see a difference, not that there is none. The value is 0 where the
    denominators sum to 0.
    """
    n, total = len(numerators), math.fsum(denominators)
    value = math.fsum(numerators) / total if total else 0.0
    if n < 2 or not total:
        return Estimate(value, None, None, None, n)
    squares = math.fsum((a - value * b) ** 2 for a, b in zip(numerators, denominators, strict=True))
    stderr = math.sqrt(n / (n - 1) * squares) / total
    low, high = value - 1.96 * stderr, value + 1.96 * stderr
    if share:
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(value, stderr, low, high, n)


@dataclass(frozen=True)
class Difference:
    """The second model less the first. What cannot be known of so few or such equal items is None.

    `detectable` is the true difference that about 80 of 100 repetitions with as many items would find at p <= 0.05, from the
    spread as observed; at few items and for McNemar's test a lower bound (docs/evaluation.md has by how much).
    """

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    p: float
    test: str
    detectable: float | None
    items: int


def difference(first: Sums, second: Sums, seed: int, draws: int = DRAWS) -> Difference:
    """Compare two models on the same items, row by row: interval by paired bootstrap, p by an exact or a drawn test.

    Items of value 0 or 1 with denominator 1 get McNemar's exact test, all others approximate randomisation. Equal `seed`
    and items count give equal resamples, whatever the models. Raises ValueError for tables of different shape.
    Cost: about 6 x draws x items operations.
    """
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] != 2:
        raise ValueError(f"two (items, 2) tables of the same items are compared, got {first.shape} and {second.shape}")
    value = float(_ratios(second.sum(axis=0)) - _ratios(first.sum(axis=0)))
    binary = all(bool(np.isin(one[:, 0], (0.0, 1.0)).all() and (one[:, 1] == 1).all()) for one in (first, second))
    test = "McNemar" if binary else "randomisation"
    p = mcnemar_test(first, second) if binary else randomisation_test(first, second, seed, draws)
    stderr = difference_error(first, second)
    low, high = (None, None) if stderr is None else bootstrap_interval(first, second, seed, draws)
    # Of models that agree on every item the spread is unknown, not 0.
    detectable = POWER_80 * stderr if stderr else None
    return Difference(value, stderr, low, high, p, test, detectable, len(first))


def difference_error(first: Sums, second: Sums) -> float | None:
    """Standard error of the difference of two ratios over the same items, by the delta method; None below two items.

    Each item pulls a ratio r by (num - r den) / mean(den); the difference of the two pulls is what varies.
    """
    n = len(first)
    if n < 2 or not first[:, 1].any() or not second[:, 1].any():
        return None
    pull = _pulls(second) - _pulls(first)
    return math.sqrt(math.fsum(pull**2) * n / (n - 1)) / n


def bootstrap_interval(first: Sums, second: Sums, seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """95 % interval of the difference: items are drawn with replacement, the same for both models.

    The expanded percentile interval (Hesterberg, 2015): the quantiles at Phi(-t sqrt(n / (n - 1))) and its complement, t
    being Student's at n - 1, instead of 2.5 % and 97.5 %. The plain percentiles are as much too narrow as the spread of a
    sample is below that of what it was drawn from, and so are those of BCa.
    """
    n = len(first)
    rng = np.random.default_rng([seed, 0])
    parts = []
    for rows in _chunks(draws, n):
        chosen = rng.integers(0, n, (rows, n))
        parts.append(_ratios(_drawn(second, chosen)) - _ratios(_drawn(first, chosen)))
    tail = float(ndtr(-stdtrit(n - 1, (1 + CONFIDENCE) / 2) * math.sqrt(n / (n - 1))))
    low, high = np.quantile(np.concatenate(parts), [tail, 1 - tail])
    return float(low), float(high)


def randomisation_test(first: Sums, second: Sums, seed: int, draws: int = DRAWS) -> float:
    """Two-sided p of no difference: how often a difference is as large when each item's answers are swapped at random.

    Exact for any number of items under the hypothesis that the two models' sums of an item are exchangeable (Noreen, 1989).
    All swaps are counted where there are at most `draws`; else as many are drawn, and the observed one is counted among them.
    """
    changed = (first != second).any(axis=1)
    step, count = np.ascontiguousarray((second - first)[changed].T), int(changed.sum())
    sums = first.sum(axis=0), second.sum(axis=0)
    # Equal differences that were summed in another order are equal.
    least = abs(float(_ratios(sums[1]) - _ratios(sums[0]))) * (1 - 1e-9) - 1e-12
    every = count < 63 and 2**count <= draws
    rng = np.random.default_rng([seed, 1])
    hits, done = 0, 0
    for rows in _chunks(2**count if every else draws, max(1, count)):
        if every:
            swap = (np.arange(done, done + rows)[:, None] >> np.arange(count)) & 1
        else:
            swap = rng.integers(0, 2, (rows, count), dtype=np.uint8)
        moved = np.stack([(swap * column).sum(axis=1) for column in step], axis=1)
        hits += int((np.abs(_ratios(sums[1] - moved) - _ratios(sums[0] + moved)) >= least).sum())
        done += rows
    return hits / done if every else (1 + hits) / (1 + done)


def mcnemar_test(first: Sums, second: Sums) -> float:
    """Exact two-sided p of McNemar's test: of the items that one model alone has right, each is as likely to be either's."""
    only_first = int(((first[:, 0] == 1) & (second[:, 0] == 0)).sum())
    only_second = int(((first[:, 0] == 0) & (second[:, 0] == 1)).sum())
    total = only_first + only_second
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), total, 0.5))) if total else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p of a family of tests (Holm, 1979): those <= 0.05 hold a false one in at most 5 % of families."""
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = largest
    return adjusted


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numerator / denominator of the last axis; 0 where the denominator is."""
    return np.divide(sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] != 0)


def _drawn(sums: Sums, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """(draws, 2): the two sums over the items of each row of `chosen`. By column, which is many times faster than by item."""
    return np.stack([column.take(chosen).sum(axis=1) for column in np.ascontiguousarray(sums.T)], axis=1)


def _pulls(sums: Sums) -> NDArray[np.float64]:
    return (sums[:, 0] - _ratios(sums.sum(axis=0)) * sums[:, 1]) / sums[:, 1].mean()


def _chunks(draws: int, items: int) -> Iterator[int]:
    """Numbers of draws at a time that together are `draws`."""
    size = max(1, _CHUNK // items)
    for start in range(0, draws, size):
        yield min(size, draws - start)

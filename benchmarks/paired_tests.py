"""Do the evaluation's intervals and tests keep what they promise? By simulation, beside the usual alternatives.

    python benchmarks/paired_tests.py [--simulations 2000] [--draws 1000] [--detectable]

Two models answer the same items, whose difficulty they share: of right-or-wrong items about a fifth are right for one model
alone. Coverage is the share of 95 % intervals that hold the true difference, which is that of two million items. Size is the
share of tests with p <= 0.05 where there is no difference, power the same where there is one of five points.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
from _figures import Watch, machine, markdown
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ecomct.evaluation.statistics import POWER_80, Sums, difference, difference_error

KINDS = ("accuracy", "ROUGE-L", "span F1", "loss")
SIZES = (40, 100, 500)
GAIN = 0.05
Z = 1.959964


def draw(kind: str, items: int, gain: float, rng: np.random.Generator) -> tuple[Sums, Sums]:
    """The sums of two models on `items` items; the second is better by `gain` standard deviations of the difficulty."""
    shared, ones = rng.normal(size=items), np.ones(items)
    tokens, gold = rng.integers(5, 200, items), rng.integers(0, 4, items)
    tables = []
    for extra in (0.0, gain):
        own = shared + 0.5 * rng.normal(size=items) + extra
        if kind == "accuracy":
            columns: tuple[Any, Any] = (own > 0, ones)
        elif kind == "ROUGE-L":
            columns = (np.clip(0.4 + 0.2 * own, 0, 1), ones)
        elif kind == "loss":
            columns = (tokens * (3 - 0.3 * own), tokens)
        else:
            predicted = rng.integers(0, 5, items)
            columns = (2 * rng.binomial(np.minimum(gold, predicted), ndtr(own)), gold + predicted)
        tables.append(np.stack(columns, axis=1).astype(float))
    return tables[0], tables[1]


def gap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference of two ratios, from sums or from many draws of them."""
    return np.asarray(second[..., 0] / second[..., 1] - first[..., 0] / first[..., 1])


@cache
def gain_of(kind: str, points: float) -> tuple[float, float]:
    """The gain that makes a difference of about `points`, and the true difference at it."""
    low, high = 0.0, 2.0
    for _ in range(20):
        middle = (low + high) / 2
        first, second = draw(kind, 200_000, middle, np.random.default_rng(1))
        low, high = (middle, high) if abs(gap(first.sum(axis=0), second.sum(axis=0))) < points else (low, middle)
    first, second = draw(kind, 2_000_000, middle, np.random.default_rng(2))
    return middle, float(gap(first.sum(axis=0), second.sum(axis=0)))


def alternatives(first: Sums, second: Sums, draws: int, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """95 % intervals by other ways: normal, plain percentiles, BCa, and the one that takes the models for unpaired."""
    n = len(first)
    value, error = float(gap(first.sum(axis=0), second.sum(axis=0))), difference_error(first, second) or 0.0
    chosen = rng.integers(0, n, (draws, n))
    sums = [np.stack([column.take(chosen).sum(axis=1) for column in table.T.copy()], axis=1) for table in (first, second)]
    drawn = gap(*sums)
    left_out = gap(first.sum(axis=0) - first, second.sum(axis=0) - second)
    pull = left_out.mean() - left_out
    skew = float((pull**3).sum() / (6 * (pull @ pull) ** 1.5)) if pull.any() else 0.0
    below = float(np.clip((np.mean(drawn < value) + np.mean(drawn <= value)) / 2, 1 / draws, 1 - 1 / draws))
    shifted = ndtri(below) + np.array([-Z, Z])
    low, high = np.quantile(drawn, ndtr(ndtri(below) + shifted / (1 - skew * shifted)))
    apart = Z * unpaired_error(first, second)
    plain = np.quantile(drawn, [0.025, 0.975])
    return {
        "normal": (value - Z * error, value + Z * error),
        "percentile": (float(plain[0]), float(plain[1])),
        "BCa": (float(low), float(high)),
        "unpaired": (value - apart, value + apart),
    }


def unpaired_error(first: Sums, second: Sums) -> float:
    """Standard error of a difference of two models as if each had its own items."""
    nothing = np.stack([np.zeros(len(first)), np.ones(len(first))], axis=1)
    return float(np.hypot(difference_error(nothing, first) or 0.0, difference_error(nothing, second) or 0.0))


def rejects_unpaired(first: Sums, second: Sums) -> bool:
    """The z-test that most harnesses have: two values, two standard errors."""
    return bool(abs(gap(first.sum(axis=0), second.sum(axis=0))) > Z * unpaired_error(first, second))


def simulate(kind: str, items: int, simulations: int, draws: int, seed: int) -> tuple[list[str], list[str]]:
    """A line of coverages, and one of sizes and powers."""
    gain, truth = gain_of(kind, GAIN)
    rng = np.random.default_rng(seed)
    covered: Counter[str] = Counter()
    found: Counter[str] = Counter()
    detectable = []
    for at in range(simulations):
        first, second = draw(kind, items, gain, rng)
        ours = difference(first, second, at, draws)
        intervals = {"ours": (ours.low or 0.0, ours.high or 0.0), **alternatives(first, second, draws, rng)}
        covered.update(name for name, (low, high) in intervals.items() if low - 1e-9 <= truth <= high + 1e-9)
        detectable.append(ours.detectable or 0.0)
        found["power"] += ours.p <= 0.05
        found["unpaired power"] += rejects_unpaired(first, second)
        # In the null world the second model is as good as the first.
        first, second = draw(kind, items, 0.0, rng)
        found["size"] += difference(first, second, at, draws).p <= 0.05
        found["unpaired size"] += rejects_unpaired(first, second)
    print(kind, items, "done", file=sys.stderr)
    share = [f"{100 * covered[name] / simulations:.1f}" for name in ("ours", "normal", "percentile", "BCa", "unpaired")]
    rates = [f"{100 * found[name] / simulations:.1f}" for name in ("size", "unpaired size", "power", "unpaired power")]
    scale, digits = (1, 3) if kind == "loss" else (100, 1)
    return [kind, str(items), *share], [kind, str(items), *rates, f"{np.mean(detectable) * scale:.{digits}f}"]


def at_detectable(kind: str, items: int, simulations: int, draws: int) -> list[str]:
    """The difference that is said to be found in 80 of 100 cases, and in how many it is."""
    rng = np.random.default_rng(items)
    said = np.mean([POWER_80 * (difference_error(*draw(kind, items, 0.1, rng)) or 0.0) for _ in range(simulations)])
    gain, truth = gain_of(kind, float(said))
    found = sum(difference(*draw(kind, items, gain, rng), at, draws).p <= 0.05 for at in range(simulations))
    scale, digits = (1, 3) if kind == "loss" else (100, 1)
    return [kind, str(items), f"{abs(truth) * scale:.{digits}f}", f"{100 * found / simulations:.1f}"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--detectable", action="store_true", help="only the power at the detectable difference")
    options = parser.parse_args()
    watch = Watch()
    if options.detectable:
        rows = [at_detectable(kind, n, options.simulations, options.draws) for kind in KINDS for n in SIZES[:2]]
        print(machine() + "\n" + markdown(["items", "n", "true difference", "power, %"], rows))
        return
    lines = [simulate(kind, n, options.simulations, options.draws, n) for kind in KINDS for n in SIZES]
    print(machine())
    seconds = watch.cost().processor
    print(f"{options.simulations:,} simulations a line, {options.draws:,} draws each; {seconds:.0f} processor seconds.\n")
    head = ["items", "n", "ours", "normal", "percentile", "BCa", "unpaired"]
    print("Coverage of 95 % intervals at a difference of five points, %\n\n" + markdown(head, [line for line, _ in lines]))
    head = ["items", "n", "size, ours", "size, unpaired z", "power, ours", "power, unpaired z", "detectable, mean"]
    print("\nTests at 5 %: size, power at five points, %\n\n" + markdown(head, [line for _, line in lines]))


if __name__ == "__main__":
    main()

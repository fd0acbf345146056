"""Packing beside best-fit-decreasing and first-fit-decreasing, item by item: bins, fill, seconds; and what a change moves.

    python benchmarks/packing.py [--run runs/real-bilingual]

Synthetic lengths are lognormal, up to 2,048. Of a finished run the lengths of each stream's samples are used, bucket by
bucket. From synthetic samples 50 products are taken away to see how many bins stay as they were. One core, one process.
"""

from __future__ import annotations

import argparse
import json
import time
from bisect import bisect_left, insort
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from ecomct.packing.bins import best_fit_decreasing, lower_bound, plan_bins
from ecomct.packing.cells import pack_samples
from ecomct.seeded import mix64

CAPACITY = 2048


def best_fit(lengths: np.ndarray) -> int:
    """Bins of best-fit-decreasing, one item after the other: sorted rooms and a binary search."""
    rooms: list[int] = []
    bins = 0
    for length in np.sort(lengths)[::-1].tolist():
        place = bisect_left(rooms, length)
        if place == len(rooms):
            bins, room = bins + 1, CAPACITY
        else:
            room = rooms.pop(place)
        insort(rooms, room - length)
    return bins


def first_fit(lengths: np.ndarray) -> int:
    """Bins of first-fit-decreasing, one item after the other: a tree of the largest room below each node."""
    leaves = 1 << max(1, len(lengths).bit_length())
    tree = [CAPACITY] * (2 * leaves)
    bins = 0
    for length in np.sort(lengths)[::-1].tolist():
        node = 1
        while node < leaves:
            node = 2 * node if tree[2 * node] >= length else 2 * node + 1
        bins = max(bins, node - leaves + 1)
        tree[node] -= length
        while node > 1:
            node //= 2
            tree[node] = max(tree[2 * node], tree[2 * node + 1])
    return bins


def timed(function: Callable[[], int]) -> tuple[int, float]:
    """A number of bins and the CPU seconds it took."""
    begin = time.process_time()
    bins = function()
    return bins, time.process_time() - begin


def compare(name: str, histograms: list[np.ndarray], item_by_item: bool) -> None:
    """Print one line for each method over some buckets."""
    tokens = sum(int((histogram * np.arange(len(histogram))).sum()) for histogram in histograms)
    bound = sum(lower_bound(histogram, CAPACITY) for histogram in histograms)
    methods: dict[str, Callable[[], int]] = {
        "ecomct": lambda: sum(p.bins for h in histograms for p in plan_bins(h, CAPACITY)),
        "best fit, histogram": lambda: sum(p.bins for h in histograms for p in best_fit_decreasing(h, CAPACITY)),
    }
    if item_by_item:
        lengths = [np.repeat(np.arange(len(h)), h) for h in histograms]
        methods["best fit, item by item"] = lambda: sum(map(best_fit, lengths))
        methods["first fit, item by item"] = lambda: sum(map(first_fit, lengths))
    print(f"{name}: {sum(int(h.sum()) for h in histograms):,} items, at least {bound:,} bins")
    ours = 0.0
    for method, function in methods.items():
        bins, seconds = timed(function)
        ours = ours or seconds
        fill = tokens / CAPACITY / bins
        print(
            f"  {method:<25}{bins:>13,} bins{bins / bound:>10.6f} x bound{fill:>9.5f} full{seconds:>9.3f} s{seconds / ours:>8.1f}"
        )


def of_run(folder: Path) -> None:
    """The samples of a finished run, stream by stream."""
    for stream in sorted((folder / "sequences/packed").iterdir()):
        buckets = []
        for file in sorted(stream.glob("*.arrow")):
            with pa.memory_map(str(file)) as source:
                table = pa.ipc.open_file(source).read_all()
            buckets.append(table["segments"].to_pylist())
        lengths = [np.concatenate([np.diff(ends, prepend=0) for ends in bucket]) for bucket in buckets if bucket]
        compare(stream.name, [np.bincount(one, minlength=CAPACITY + 1) for one in lengths], True)


def change(samples: int) -> None:
    """Take 50 products from synthetic samples of one bucket, packed in cells: bins that change, and the fill."""
    rng = np.random.default_rng(1)
    home = mix64(rng.integers(0, samples // 4, samples).astype(np.uint64), 3)
    identity = mix64(np.arange(samples, dtype=np.uint64), 4)
    tokens = np.clip(rng.lognormal(3.7, 0.8, samples).astype(int), 4, CAPACITY)
    keep = ~np.isin(home, rng.choice(np.unique(home), 50, replace=False))
    found = []
    for chosen in (np.ones(samples, dtype=bool), keep):
        members, first = pack_samples(home[chosen], identity[chosen], tokens[chosen], CAPACITY)
        found.append({frozenset(one.tolist()) for one in np.split(identity[chosen][members], first[1:-1])})
    touched = sum(not one.isdisjoint(identity[~keep].tolist()) for one in found[0])
    bins, changed = len(found[0]), len(found[0] - found[1])
    print(f"{samples:,} samples in cells: {bins:,} bins, {tokens.sum() / CAPACITY / bins:.5f} full")
    print(f"  without 50 products {changed / bins:.3f} of the bins change; {touched / bins:.3f} held one of them")


def main() -> None:
    """Print all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="folder of a run that is packed at length 2,048")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    counts = np.bincount(np.clip(rng.lognormal(6, 0.7, 10**6).astype(int), 1, CAPACITY), minlength=CAPACITY + 1)
    compare("synthetic", [counts], True)
    compare("synthetic, a thousand times", [counts * 1000], False)
    change(100_000)
    if options.run:
        if json.loads((options.run / "sequences/measures.json").read_text())["length"] != CAPACITY:
            parser.error(f"{options.run}: sequences.length is not {CAPACITY:,}")
        of_run(options.run)


if __name__ == "__main__":
    main()

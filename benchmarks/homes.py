"""Homes of rows of several products: exact matching, one pass, and "the first named", side by side.

    python benchmarks/homes.py [--links 10000000]

Synthetic articles name 1.5, 3 or 6 products on average, drawn by Zipf's law (0.8) from as many products as there are
articles; products have room for 1 row or more, by a heavy tail. With ECOMCT_SHARED set, also the real dialogues and articles
that name several. Coverage is rows that found room, as a share of the most that can.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecomct.linking.matching import I64, expanded_links, place_exactly, place_streaming


class Articles(NamedTuple):
    """Products of rows, and the room of products, as in `matching`."""

    first: I64
    column: I64
    room: I64


def synthetic(rows: int, mean: float, seed: int = 0) -> Articles:
    """Articles of `mean` products each (at least one), Zipf 0.8 over as many products as rows."""
    rng = np.random.default_rng(seed)
    weight = np.cumsum(np.arange(1, rows + 1) ** -0.8)
    count = 1 + rng.poisson(mean - 1, rows)
    owner = np.repeat(np.arange(rows), count)
    product = np.searchsorted(weight, rng.random(len(owner)) * weight[-1])
    # The order in which an article names its products is kept.
    _, kept = np.unique(owner * rows + product, return_index=True)
    kept.sort()
    first = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=rows))])
    return Articles(first, product[kept], 1 + np.minimum(rng.pareto(1.1, rows) / 16, 20).astype(np.int64))


def real(pattern: Path, column: str) -> Articles:
    """Rows of JSON lines that name several products; room for one row each."""
    files = sorted(pattern.parent.glob(pattern.name))
    lists = [list(dict.fromkeys(json.loads(line)[column])) for file in files for line in file.read_text().splitlines()]
    lists = [one for one in lists if len(one) > 1]
    names, number = np.unique(np.array(list(chain(*lists))), return_inverse=True)
    first = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    return Articles(first, number, np.ones(len(names), dtype=np.int64))


def first_named(first: I64, column: I64, room: I64) -> I64:
    """The obvious rule; who comes to a full product is not placed."""
    named = column[first[:-1]]
    order = np.argsort(named, kind="stable")
    rank = np.arange(len(named)) - np.searchsorted(named[order], named[order])
    placed = np.full(len(named), -1, dtype=np.int64)
    fits = order[rank < room[named[order]]]
    placed[fits] = named[fits]
    return placed


def measured(place: Callable[[I64, I64, I64], I64], articles: Articles) -> tuple[int, float, float]:
    """Rows placed, seconds, and peak bytes a link beyond the input (NumPy and SciPy both report to tracemalloc)."""
    begin = time.perf_counter()
    placed = place(*articles)
    seconds = time.perf_counter() - begin
    tracemalloc.start()
    place(*articles)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return int((placed >= 0).sum()), seconds, peak / max(1, len(articles.column))


def compare(name: str, articles: Articles) -> None:
    """Print one line a method."""
    found = {place.__name__: measured(place, articles) for place in (place_exactly, place_streaming, first_named)}
    most = found["place_exactly"][0]
    expanded = expanded_links(articles.column, articles.room)
    print(f"{name}: {len(articles.first) - 1:,} rows, {len(articles.column):,} links ({expanded:,} with room), {most:,} at most")
    for method, (covered, seconds, size) in found.items():
        print(f"    {method:<16}{covered / most:>8.4f}{seconds:>9.2f} s{size:>8.0f} bytes a link")


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=1_000_000, help="about so many links a synthetic case")
    options = parser.parse_args()
    for mean in (1.5, 3, 6):
        compare(f"zipf 0.8, {mean} products a row", synthetic(int(options.links / mean), mean))
    if folder := os.environ.get("ECOMCT_SHARED"):
        catalogue = Path(folder) / "data/catalogue"
        compare("travel dialogues", real(catalogue / "zh_travel/dialogues_*.jsonl", "entities"))
        compare("pqa articles", real(catalogue / "en_amazon_pqa/articles.jsonl", "asins"))


if __name__ == "__main__":
    main()

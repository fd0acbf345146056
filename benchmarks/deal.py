"""The deal beside the paper's words taken literally: rows planned a second, and coverage.

    python benchmarks/deal.py [--rows 50000]

The literal reading (EcomGPT-CT, 3.2) on a networkx graph: rows are nodes, rows of one product are connected;
while rows are left, grow a connected cluster that takes a new source where it can, then any neighbour, up to the
largest size; remove it. Both plan the same rows in one process on one core.
"""

from __future__ import annotations

import argparse
import random
import time
from itertools import combinations

import networkx as nx
import numpy as np

from ecomct.mixing.deal import deal
from ecomct.seeded import mix64

LARGEST, SOURCES = 16, 5


def catalogue(rows: int, rng: random.Random) -> list[tuple[int, int]]:
    """(product, source) of each row: most products have a few rows, some have many reviews."""
    found: list[tuple[int, int]] = []
    product = 0
    while len(found) < rows:
        counts = [1, 1, rng.randrange(2), min(200, int(rng.paretovariate(1.1))), rng.randrange(4)]
        found += [(product, source) for source, count in enumerate(counts) for _ in range(count)]
        product += 1
    return found[:rows]


def literal(rows: list[tuple[int, int]], rng: random.Random) -> list[list[int]]:
    """Clusters by iterative selection on the graph of rows."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(rows)))
    by_product: dict[int, list[int]] = {}
    for node, (product, _) in enumerate(rows):
        by_product.setdefault(product, []).append(node)
    for nodes in by_product.values():
        graph.add_edges_from(combinations(nodes, 2))
    clusters = []
    order = list(graph.nodes)
    rng.shuffle(order)
    for seed in order:
        if seed not in graph:
            continue
        cluster, covered, frontier = [seed], {rows[seed][1]}, list(graph.neighbors(seed))
        rng.shuffle(frontier)
        for new_source in (True, False):
            for node in frontier:
                if len(cluster) < LARGEST and node not in cluster and (not new_source or rows[node][1] not in covered):
                    cluster.append(node)
                    covered.add(rows[node][1])
        graph.remove_nodes_from(cluster)
        clusters.append(cluster)
    return clusters


def main() -> None:
    """Print both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    options = parser.parse_args()
    rng = random.Random(0)
    rows = catalogue(options.rows, rng)

    begin = time.perf_counter()
    clusters = literal(rows, rng)
    slow = time.perf_counter() - begin
    theirs = [cluster for cluster in clusters if len(cluster) > 1]
    their_mixed = sum(len(c) for c in theirs if len({rows[node][1] for node in c}) > 1)

    product = np.array([row[0] for row in rows], dtype=np.uint64)
    source = np.array([row[1] for row in rows], dtype=np.int64)
    tokens, tie = np.ones(len(rows), dtype=np.int64), mix64(np.arange(len(rows), dtype=np.uint64), 0)
    begin = time.perf_counter()
    dealt = deal(product, source, tokens, tie, 2, LARGEST, 10**9)
    fast = time.perf_counter() - begin
    pairs = np.unique(np.stack([dealt.cluster, source]), axis=1)
    covered = np.bincount(pairs[0][pairs[0] >= 0])
    our_mixed = int((covered[dealt.cluster[dealt.cluster >= 0]] > 1).sum())

    print(f"{len(rows):,} rows, clusters of 2 to {LARGEST} rows, {SOURCES} sources")
    print(f"{'':<24}{'rows/s':>12}{'clusters':>10}{'rows with another source':>26}")
    print(f"{'literal, networkx':<24}{len(rows) / slow:>12,.0f}{len(theirs):>10,}{their_mixed / len(rows):>26.3f}")
    print(f"{'deal':<24}{len(rows) / fast:>12,.0f}{len(covered):>10,}{our_mixed / len(rows):>26.3f}")
    print(f"{'ratio':<24}{slow / fast:>12,.0f}")


if __name__ == "__main__":
    main()

"""Planning the mixture three ways on the same rows: the deal, the paper's words taken literally, and SQL.

    python benchmarks/plan.py [--rows 50000] [--large 2000000]

The literal reading (EcomGPT-CT, 3.2) on a networkx graph: rows are nodes, rows of one product are connected;
while rows are left, grow a connected cluster that takes a new source where it can, then any neighbour, up to the
largest size; remove it. The SQL is the deal as window functions in DuckDB, which lives in the toolkits' own
environment (`make bench-toolkits`). All plan in memory; the literal greedy is
too slow for the large table. Rows/s/core are rows by processor seconds, of all threads.
"""

from __future__ import annotations

import argparse
import random
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from _figures import Cost, Watch, machine, markdown, run_toolkit

from ecomct.mixing.deal import deal
from ecomct.mixing.rows import Limits, Rows
from ecomct.seeded import mix64

SMALLEST, LARGEST, SOURCES = 2, 16, 5
I64 = npt.NDArray[np.int64]


def catalogue(rows: int, rng: np.random.Generator) -> pa.Table:
    """Rows (product, source, tie) in random order: most products have a few rows, some have many reviews."""
    products = rows // 4 + SOURCES
    counts = np.stack(
        [
            np.ones(products, dtype=np.int64),
            np.ones(products, dtype=np.int64),
            rng.integers(0, 2, products),
            np.minimum(200, 1 + rng.pareto(1.1, products).astype(np.int64)),
            rng.integers(0, 4, products),
        ],
        axis=1,
    ).reshape(-1)
    pair = rng.permutation(np.repeat(np.arange(len(counts)), counts)[:rows])
    product = mix64((pair // SOURCES).astype(np.uint64), 1)
    return pa.table({"product": product, "source": pair % SOURCES, "tie": mix64(np.arange(len(pair), dtype=np.uint64), 0)})


def literal(product: list[int], source: list[int], rng: random.Random) -> list[int]:
    """Cluster of each row by iterative selection on the graph of rows."""
    graph = nx.Graph()
    graph.add_nodes_from(range(len(product)))
    by_product: dict[int, list[int]] = {}
    for node, key in enumerate(product):
        by_product.setdefault(key, []).append(node)
    for nodes in by_product.values():
        graph.add_edges_from(combinations(nodes, 2))
    cluster = [-1] * len(product)
    order = list(graph.nodes)
    rng.shuffle(order)
    for number, seed in enumerate(order):
        if seed not in graph:
            continue
        taken, covered, frontier = {seed}, {source[seed]}, list(graph.neighbors(seed))
        rng.shuffle(frontier)
        for new_source in (True, False):
            for node in frontier:
                if len(taken) < LARGEST and node not in taken and (not new_source or source[node] not in covered):
                    taken.add(node)
                    covered.add(source[node])
        graph.remove_nodes_from(taken)
        if len(taken) >= SMALLEST:
            for node in taken:
                cluster[node] = number
    return cluster


def coverage(cluster: I64, source: I64) -> tuple[int, int, float]:
    """Sources covered, summed over clusters; clusters; share of all rows that stand beside another source."""
    _, dense = np.unique(cluster[cluster >= 0], return_inverse=True)
    pairs = np.unique(dense * SOURCES + source[cluster >= 0])
    covered = np.bincount(pairs // SOURCES)
    return len(pairs), len(covered), float((covered[dense] > 1).sum()) / len(cluster)


def by_deal(rows: pa.Table) -> tuple[Cost, I64]:
    """Cost and clusters of the deal."""
    product, source, tie = (rows[name].to_numpy() for name in ("product", "source", "tie"))
    tokens = np.ones(len(product), dtype=np.int64)
    watch = Watch()
    dealt = deal(Rows(product, source, tokens, tie, np.full(len(product), 10**9)), Limits(SMALLEST, LARGEST))
    return watch.cost(), dealt.cluster


def by_literal(rows: pa.Table) -> tuple[Cost, I64]:
    """Cost and clusters of the literal greedy."""
    product, source = rows["product"].to_pylist(), rows["source"].to_pylist()
    watch = Watch()
    cluster = literal(product, source, random.Random(0))
    return watch.cost(), np.array(cluster)


def by_sql(rows: pa.Table, threads: int | None) -> tuple[Cost, I64, int] | str:
    """Cost, clusters and threads of DuckDB, or why it did not run."""
    with TemporaryDirectory() as folder:
        pq.write_table(rows.append_column("row", pa.array(np.arange(rows.num_rows))), Path(folder) / "rows.parquet")
        facts: Any = run_toolkit("duckdb_deal.py", Path(folder), str(SMALLEST), str(LARGEST), str(threads or 0))
        if isinstance(facts, str):
            return facts
        cost = Cost(facts["seconds"], facts["processor"])
        return cost, pq.read_table(Path(folder) / "plan.parquet")["cluster"].to_numpy(), facts["threads"]


def compare(rows: pa.Table, with_literal: bool) -> tuple[list[list[str]], dict[str, tuple[int, int]]]:
    """Lines of the table, and what each that ran covered."""
    source = rows["source"].to_numpy()
    best = min((by_deal(rows) for _ in range(3)), key=lambda one: one[0].processor)
    runs: list[tuple[str, Cost, I64]] = [("deal", *best)]
    if with_literal:
        runs.append(("literal greedy, networkx", *by_literal(rows)))
    skipped = []
    for threads in (1, None):
        found = by_sql(rows, threads)
        if isinstance(found, str):
            skipped.append([f"{rows.num_rows:,}", f"DuckDB: skipped, {found}"])
            break
        runs.append((f"DuckDB, {found[2]} thread{'s' if found[2] > 1 else ''}", found[0], found[1]))
    lines, covered = [], {}
    for name, cost, cluster in runs:
        total, clusters, beside = coverage(cluster, source)
        covered[name] = total, clusters
        line = [f"{rows.num_rows:,}", name, f"{cost.seconds:.3f}", f"{rows.num_rows / cost.processor:,.0f}"]
        line += [f"{cost.processor / best[0].processor:,.1f}", f"{cost.seconds / best[0].seconds:,.1f}"]
        lines.append([*line, f"{clusters:,}", f"{total:,}", f"{beside:.4f}"])
    return lines + skipped, covered


def main() -> None:
    """Print the table of both sizes; fail where SQL and the deal differ in coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="rows of the small table")
    parser.add_argument("--large", type=int, default=2_000_000, help="rows of the large table")
    options = parser.parse_args()
    lines = []
    for count in (options.rows, options.large):
        found, covered = compare(catalogue(count, np.random.default_rng(0)), with_literal=count == options.rows)
        lines += found
        for name in covered:
            assert not name.startswith("DuckDB") or covered[name] == covered["deal"], f"{name} covers {covered}"
    head = ["rows", "way", "seconds", "rows/s/core", "times the deal a core", "on the clock"]
    print(machine())
    print(markdown([*head, "clusters", "sources covered", "rows beside another source"], lines))


if __name__ == "__main__":
    main()

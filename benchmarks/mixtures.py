"""Every mixing strategy on every linked set of a recipe: measures, their bounds and the time, in one process.

    python benchmarks/mixtures.py [RECIPE] [--runs runs] [--max-rows 16] [--edges all] [--samples 0]

The recipe is run up to its tokens first (finished stages are skipped). A linked set is a group of sources that
refer to each other. `--samples N` also prints N clusters of each set as the deal makes them, to be read.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from ecomct.mixing.measure import measure, summarise
from ecomct.mixing.plan import fitting_homes
from ecomct.mixing.rows import Clusters, Limits, Rows
from ecomct.mixing.strategies import STRATEGIES
from ecomct.pipeline import run_recipe
from ecomct.recipe import Recipe, load_recipe
from ecomct.run_folder import RunFolder
from ecomct.seeded import combine, hash_text, mix64
from ecomct.tokens.pieces import read_bucket

EXAMPLE = Path(__file__).parent.parent / "examples" / "shop" / "recipe.yaml"


def linked_sets(recipe: Recipe) -> list[list[str]]:
    """Domain sources that refer to each other, those without a partner left out."""
    graph = nx.Graph()
    graph.add_edges_from((name, r.to) for name, source in recipe.sources.items() for r in source.references)
    order = list(recipe.sources)
    return sorted((sorted(group, key=order.index) for group in nx.connected_components(graph)), key=lambda g: order.index(g[0]))


def keyed_pieces(run: RunFolder) -> pa.Table:
    """Ids of all pieces of domain rows that have a product."""
    facts = run.facts(run.tokens)
    columns = ["row", "piece", "source", "home", "product", "keyed", "tokens"]
    tables = [read_bucket(run.tokens / "shards", facts["groups"], bucket, columns) for bucket in range(facts["buckets"])]
    table = pa.concat_tables(tables)
    domain = np.array(run.domain)[table["source"].to_numpy().astype(np.int64)]
    return table.filter(pa.array(domain & table["keyed"].to_numpy()))


def main() -> None:
    """Print one table a linked set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--max-rows", type=int, default=16)
    parser.add_argument("--edges", choices=["all", "cross"], default="all")
    parser.add_argument("--samples", type=int, default=0)
    options = parser.parse_args()
    recipe = load_recipe(options.recipe)
    run = run_recipe(recipe, options.runs, "tokenize", workers=2)
    table, limits = keyed_pieces(run), Limits(2, options.max_rows, separator=1, edges=options.edges)
    source = table["source"].to_numpy().astype(np.int64)
    for group in linked_sets(recipe):
        mine = table.filter(pa.array(np.isin(source, [run.sources.index(name) for name in group])))
        rows = rows_of(mine, limits, recipe)
        print(f"\n{', '.join(group)}: {len(rows.product):,} rows, clusters of 2 to {options.max_rows}, {options.edges} edges")
        print(
            "| strategy | samples | sources a sample | ratio | rows beside another source | ratio | tokens | coverage | krows/s |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for name, strategy in STRATEGIES.items():
            begin = time.perf_counter()
            clusters = strategy(rows, limits)
            print(line(name, rows, clusters, limits, time.perf_counter() - begin))
        if options.samples:
            show(run, mine, STRATEGIES["deal"](rows, limits), options.samples)


def rows_of(table: pa.Table, limits: Limits, recipe: Recipe) -> Rows:
    """Rows of a linked set as the mix stage makes them."""
    room = recipe.sequences.length - 1
    home, tokens = table["home"].to_numpy(), table["tokens"].to_numpy().astype(np.int64)
    tie = mix64(
        combine(table["row"].to_numpy(), table["piece"].to_numpy().astype(np.uint64)), hash_text("deal", recipe.seed) >> 1
    )
    product = fitting_homes(home, table["product"].to_numpy(), tokens, limits, room)
    return Rows(product, table["source"].to_numpy().astype(np.int64), tokens, tie, np.full(len(tokens), room))


def line(name: str, rows: Rows, clusters: Clusters, limits: Limits, seconds: float) -> str:
    """One strategy's measures."""
    nothing = {"rows_without_key": 0, "tokens_without_key": 0, "neighbours_of_two_sources_expected": 0.0}
    sums: dict[str, Any] = measure(rows, clusters, limits) | nothing
    measures = summarise([sums])
    sources, beside, tokens, covered = (
        measures[key] for key in ("mean_sources_per_sample", "multi_source_rows", "multi_source_tokens", "coverage")
    )
    return (
        f"| {name} | {measures['clusters']:,} | {sources['value']:.3f} | {sources['ratio']:.4f} | {beside['value']:,} "
        f"| {beside['ratio']:.4f} | {tokens['ratio']:.4f} | {covered['ratio']:.4f} | {len(rows.product) / seconds / 1000:,.0f} |"
    )


def show(run: RunFolder, table: pa.Table, clusters: Clusters, count: int) -> None:
    """Texts of a few clusters, chosen by hash."""
    numbers = np.unique(clusters.cluster[clusters.cluster >= 0])
    chosen = numbers[np.argsort(mix64(numbers.astype(np.uint64), 5))[:count]]
    texts = ds.dataset(sorted((run.documents / "shards").glob("*.parquet")))
    for cluster in chosen.tolist():
        rows = table["row"].to_numpy()[clusters.cluster == cluster]
        found = texts.to_table(columns=["source", "file", "line", "keys", "text"], filter=ds.field("row").isin(pa.array(rows)))
        print(f"\n--- cluster {cluster}")
        for row in found.to_pylist():
            print(f"[{row['source']} {Path(row['file']).name}:{row['line']} {' '.join(row['keys'])}] {row['text'][:160]!r}")


if __name__ == "__main__":
    main()

"""Near-duplicates: precision and recall on labelled pairs of real rows, beside three toolkits; speed and memory.

    python benchmarks/near_duplicates.py [--seed 17]      real data through ECOMCT_SHARED

All rows of all pairs are one corpus and one scope, so that neither products nor roles help; a pair counts as merged
where both its rows are in one cluster. Every toolkit reads the same cleaned text.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from _figures import machine, markdown, run_toolkit
from _near_pairs import Pair, build

from ecomct.duplicates.candidates import candidate_pairs
from ecomct.duplicates.cluster import cluster
from ecomct.duplicates.fields import Row
from ecomct.duplicates.signature import near_column
from ecomct.duplicates.verify import verify
from ecomct.recipe import load_recipe
from ecomct.recipe.duplicates import Duplicates

RECIPE = Path(__file__).parent.parent / "recipes/real-bilingual.yaml"
SPEED_ROWS = 20_000
# The signatures of others are timed on fewer rows.
THEIR_ROWS = 2_000


def our_clusters(rows: list[Row], folder: Path) -> dict[str, str]:
    """The cluster of each row: bands, candidates, verification and stars, as the stage does it."""
    near = pa.array([[] for _ in rows], pa.list_(pa.uint64())).to_pylist()
    for kind, group in groupby(sorted(range(len(rows)), key=lambda at: rows[at].kind), key=lambda at: rows[at].kind):
        members = list(group)
        column = near_column([rows[at].text for at in members], kind, [rows[at].spans for at in members])
        for at, bands in zip(members, column.to_pylist(), strict=True):
            near[at] = bands
    pq.write_table(pa.table({"near": pa.array(near, pa.list_(pa.uint64()))}), folder / "near.parquet")
    scope, every = np.zeros(len(rows), dtype=np.uint64), np.ones(len(rows), dtype=bool)
    settings = Duplicates()
    found = candidate_pairs([folder / "near.parquet"], every, (scope, scope), settings.bucket_rows).pairs
    verdicts = list(verify(rows, list(zip(found.first.tolist(), found.second.tolist(), strict=True)), settings))
    same = np.flatnonzero([not verdict.reason for verdict in verdicts])
    similarity = np.array([verdict.similarity for verdict in verdicts], dtype=np.float32)[same]
    pairs = found._replace(first=found.first[same], second=found.second[same])
    leaders = cluster(len(rows), pairs, similarity, settings.max_cluster).leader
    return {str(at): str(leader) for at, leader in enumerate(leaders.tolist())}


def scores(pairs: list[Pair], clusters: Mapping[str, str]) -> dict[str, list[str]]:
    """By category, the pairs, those merged and the errors; and the totals."""
    merged = [clusters[str(2 * number)] == clusters[str(2 * number + 1)] for number in range(len(pairs))]
    found: dict[str, Counter[bool]] = {}
    for pair, is_merged in zip(pairs, merged, strict=True):
        name = f"{pair.category} ({'same' if pair.same else 'different'})"
        found.setdefault(name, Counter())[is_merged] += 1
    lines = {name: [f"{counts[True]:,}"] for name, counts in found.items()}
    hits = sum(pair.same and is_merged for pair, is_merged in zip(pairs, merged, strict=True))
    precision, recall = hits / max(sum(merged), 1), hits / sum(pair.same for pair in pairs)
    titles = [m for p, m in zip(pairs, merged, strict=True) if not p.same and p.first.kind == "title"]
    lines["**precision**"] = [f"{precision:.3f}"]
    lines["**recall**"] = [f"{recall:.3f}"]
    lines["**F1**"] = [f"{2 * precision * recall / max(precision + recall, 1e-9):.3f}"]
    lines["**distinct titles merged**"] = [f"{sum(titles):,} of {len(titles):,}"]
    return lines


def our_rate(texts: list[str]) -> float:
    """Signatures a second on one core, in batches as ingest makes them."""
    near_column(texts[:100], "review", [[(0, len(text))] for text in texts[:100]])
    begin = time.perf_counter()
    for start in range(0, len(texts), 4096):
        part = texts[start : start + 4096]
        near_column(part, "review", [[(0, len(text))] for text in part])
    return len(texts) / (time.perf_counter() - begin)


def compare(pairs: list[Pair], folder: Path, texts: list[str]) -> tuple[str, list[str]]:
    """The table of all toolkits, and lines on their speed."""
    rows = [row for pair in pairs for row in (pair.first, pair.second)]
    _write(folder / "rows.jsonl", {str(at): row.text for at, row in enumerate(rows)})
    _write(folder / "speed.jsonl", {str(at): text for at, text in enumerate(texts[:THEIR_ROWS])})
    columns = {"ecomct": scores(pairs, our_clusters(rows, folder))}
    speeds = [["ecomct", f"{our_rate(texts):,.0f}"]]
    others = {
        "datatrove": ("datatrove_dedup.py", []),
        "Data-Juicer": ("data_juicer_dedup.py", ["space"]),
        "Data-Juicer, character": ("data_juicer_dedup.py", ["character"]),
        "text-dedup": ("text_dedup_dedup.py", []),
    }
    for name, (script, arguments) in others.items():
        out = folder / name.replace(" ", "-")
        out.mkdir()
        facts = run_toolkit(script, out, str(folder / "rows.jsonl"), str(folder / "speed.jsonl"), *arguments)
        if isinstance(facts, str):
            speeds.append([name, facts])
            continue
        columns[f"{name} {facts['version']}"] = scores(pairs, {str(at): str(at) for at in range(len(rows))} | facts["clusters"])
        speeds.append([name, f"{facts['signatures_per_second']:,.0f}"])
    counts = Counter(f"{pair.category} ({'same' if pair.same else 'different'})" for pair in pairs)
    lines = [[name, f"{counts[name]:,}" if name in counts else ""] for name in columns["ecomct"]]
    table = [[*line, *(column[line[0]][0] for column in columns.values())] for line in lines]
    return markdown(["pairs merged", "pairs", *columns], table), [markdown(["toolkit", "signatures/s/core"], speeds)]


def memory(rows: int) -> float:
    """MiB that candidates of `rows` made-up rows take at the peak, in a process of their own."""
    made = subprocess.run([sys.executable, __file__, "--memory", str(rows)], capture_output=True, text=True, check=True)
    return float(made.stdout)


def _measure_memory(rows: int, folder: Path) -> None:
    """Print the growth of this process while it seeks the candidates of `rows` rows, of which a tenth are repeats."""
    draw = np.random.default_rng(1)
    shards = []
    for start in range(0, rows, 200_000):
        count = min(200_000, rows - start)
        bands = draw.integers(0, 1 << 59, (count, 16), dtype=np.uint64)
        bands[: count // 10] = bands[-(count // 10) :]
        flat = (bands << np.uint64(5) | np.arange(16, dtype=np.uint64)).reshape(-1)
        table = pa.table({"near": pa.ListArray.from_arrays(pa.array(np.arange(0, flat.size + 1, 16, dtype=np.int32)), flat)})
        shards.append(folder / f"{start:010d}.parquet")
        pq.write_table(table, shards[-1], row_group_size=4096)
        del bands, flat, table
    pa.default_memory_pool().release_unused()
    scope, every = np.zeros(rows, dtype=np.uint64), np.ones(rows, dtype=bool)
    before = psutil.Process().memory_info().rss
    candidate_pairs(shards, every, (scope, scope), 16)
    import resource

    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20)


def _write(path: Path, texts: Mapping[str, str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--memory", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.memory:
            _measure_memory(given.memory, Path(folder))
            return
        if "ECOMCT_SHARED" not in os.environ:
            print("no ECOMCT_SHARED: the pairs are built from real rows; see the head of recipes/real-bilingual.yaml")
            return
        shared = Path(os.environ["ECOMCT_SHARED"])
        pairs = build(shared, load_recipe(RECIPE), given.seed)
        reviews = [pair.first.text for pair in pairs if pair.first.kind == "review" and 30 <= len(pair.first.text) <= 40]
        texts = random.Random(given.seed).choices(reviews, k=SPEED_ROWS)
        table, speeds = compare(pairs, Path(folder), texts)
        print(machine(), table, *speeds, sep="\n\n")
        sizes = {rows: memory(rows) for rows in (200_000, 2_000_000)}
        print("\n" + ", ".join(f"candidates of {rows:,} rows: {peak:,.0f} MiB" for rows, peak in sizes.items()))


if __name__ == "__main__":
    main()

"""The documents kept apart from training, for held-out loss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.documents.ingest import iter_shard
from ecomct.seeded import hash_text


class HeldOutDocument(NamedTuple):
    """A document no arm was trained on; `row` is its row number."""

    source: str
    language: str
    row: int
    text: str


def held_out_documents(documents: Path, links: Path, shards: list[str], most: int, seed: int) -> list[HeldOutDocument]:
    """At most `most` documents for each source and language, chosen by seeded hash, sorted by row.

    Memory: the chosen texts and the ids of the held-out rows.
    """
    by_group: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for _, held in _held(documents, links, shards, ["row", "source", "language"]):
        for row, source, language in zip(*(held[name].to_pylist() for name in ("row", "source", "language")), strict=True):
            by_group.setdefault((source, language), []).append((hash_text(f"held out {row}", seed), row))
    chosen = {row for group in by_group.values() for _, row in sorted(group)[:most]}
    found = []
    for _, held in _held(documents, links, shards, ["row", "source", "language", "text"]):
        found += [
            HeldOutDocument(d["source"], d["language"], d["row"], d["text"]) for d in held.to_pylist() if d["row"] in chosen
        ]
    return sorted(found, key=lambda document: document.row)


def _held(documents: Path, links: Path, shards: list[str], columns: list[str]) -> Iterator[tuple[str, pa.Table]]:
    for shard in shards:
        fate = np.asarray(pq.read_table(links / f"{shard}.parquet", columns=["fate"])["fate"].to_pylist(), dtype=object)
        position = 0
        for table in iter_shard(documents / f"{shard}.parquet", columns):
            mask = fate[position : position + table.num_rows] == "held_out"
            position += table.num_rows
            if mask.any():
                yield shard, table.filter(pa.array(mask))

"""Texts of chosen rows, read from the shards that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.duplicates.fields import Row
from ecomct.duplicates.shingles import Index
from ecomct.recipe.source import Kind


def text_sizes(shards: Sequence[Path]) -> Index:
    """Bytes of UTF-8 of each row's text, over all shards. Memory: a row group of text and 8 bytes a row."""
    sizes = [np.zeros(0, dtype=np.int64)]
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            for group in range(file.num_row_groups):
                for chunk in file.read_row_group(group, columns=["text"])["text"].chunks:
                    sizes.append(pc.binary_length(chunk).to_numpy(zero_copy_only=False).astype(np.int64))
    return np.concatenate(sizes)


def read_rows(shards: Sequence[Path], positions: Index, kinds: Mapping[str, Kind]) -> list[Row]:
    """The rows at sorted `positions` (counted over all shards); `kinds` by source.

    Only row groups with one of them are read, one at a time. Memory: a row group and the texts asked for.
    """
    rows: list[Row] = []
    start = 0
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                low, high = np.searchsorted(positions, [start, start + count])
                if low < high:
                    table = file.read_row_group(group, columns=["source", "text", "title_chars", "spans"])
                    rows += _rows(table.take(pa.array(positions[low:high] - start)), kinds)
                start += count
    return rows


def _rows(table: pa.Table, kinds: Mapping[str, Kind]) -> list[Row]:
    spans = table["spans"].combine_chunks()
    stretches = spans.flatten()
    starts, ends = (stretches.field(name).to_pylist() for name in ("start", "end"))
    bounds = np.concatenate([[0], np.cumsum(spans.value_lengths().to_numpy(zero_copy_only=False))]).tolist()
    columns = [table[name].to_pylist() for name in ("source", "text", "title_chars")]
    return [
        Row(kinds[source], text, list(zip(starts[low:high], ends[low:high], strict=True)), title_chars)
        for source, text, title_chars, low, high in zip(*columns, bounds[:-1], bounds[1:], strict=True)
    ]

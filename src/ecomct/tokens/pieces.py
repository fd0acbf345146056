"""Pieces: documents, or stretches of long ones, as token ids; how they lie on disk.

Shards keep pieces sorted by (bucket, row, piece) with one row group a bucket, so that a bucket can be
read from all shards without touching the rest: the only wide operation that text takes part in.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

PIECES = pa.schema(
    [
        ("row", pa.uint64()),
        ("piece", pa.uint32()),
        ("source", pa.uint16()),
        ("language", pa.dictionary(pa.int8(), pa.string())),
        ("home", pa.uint64()),
        ("keyed", pa.bool_()),
        ("product", pa.uint64()),  # the row's own; home is the group after products were joined
        ("text", pa.uint64()),  # xxh3 of the document's text
        # Of the whole document: characters, letters and digits, characters of placeholders of personal data.
        ("chars", pa.int32()),
        ("letters", pa.int32()),
        ("masked", pa.int32()),
        ("repeated", pa.uint32()),  # leading tokens that repeat the document's title
        ("tokens", pa.uint32()),
        ("ids", pa.list_(pa.int32())),
    ]
)
COUNTS = ("chars", "letters", "masked")
# What pieces repeat of the links.
LINKED = ("home", "keyed", "product")
# What may stand between two documents of one sample. The first that is a single token is used: then a
# cluster has as many tokens as its rows have as samples of their own, and arms differ in nothing but order.
SEPARATORS = ("\n\n", "\n", " ")


def bucket_of(home: npt.NDArray[np.uint64], buckets: int) -> npt.NDArray[np.int64]:
    """Bucket of each home product, by its hash."""
    return (home % np.uint64(buckets)).astype(np.int64)


def group_digests(shard: Path) -> list[str]:
    """Digest of each row group's bytes in a shard: what of a bucket came from it, comparable without decoding."""
    digests = []
    with pq.ParquetFile(shard) as file, open(shard, "rb") as handle:
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            columns = [group.column(index) for index in range(group.num_columns)]
            starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
            handle.seek(min(starts))
            # A group's columns stand one after the other.
            digests.append(xxhash.xxh3_128_hexdigest(handle.read(sum(column.total_compressed_size for column in columns))))
    return digests


def read_bucket(folder: Path, groups: dict[str, list[int]], bucket: int, columns: list[str]) -> pa.Table:
    """All pieces of one bucket, sorted by (row, piece). `groups`: shard -> bucket of each of its row groups."""
    tables = [PIECES.empty_table().select(columns)]
    for shard in sorted(groups):
        if bucket in groups[shard]:
            with pq.ParquetFile(folder / f"{shard}.parquet") as file:
                tables.append(file.read_row_group(groups[shard].index(bucket), columns=columns))
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()

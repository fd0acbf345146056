"""Columns of the document, reject and link tables."""

from __future__ import annotations

import pyarrow as pa

DOCUMENTS = pa.schema(
    [
        ("row", pa.uint64()),
        ("source", pa.dictionary(pa.int16(), pa.string())),
        ("file", pa.dictionary(pa.int32(), pa.string())),
        ("line", pa.int64()),
        # Products the row belongs to, as "source/key", and their 64-bit hashes.
        ("keys", pa.list_(pa.string())),
        ("entities", pa.list_(pa.uint64())),
        # Further keys (recipe: related) as hashes: those the row holds, and those of other rows that it points at.
        ("related", pa.list_(pa.uint64())),
        ("points_to", pa.list_(pa.uint64())),
        ("language", pa.dictionary(pa.int8(), pa.string())),
        # What the text is written in, found by looking: zh-Hans, zh-Hant, zh, en, mixed, another code, und (no letters).
        ("script", pa.dictionary(pa.int8(), pa.string())),
        ("text", pa.string()),
        # Leading characters that are the title and the break after it; 0 where the text has no title.
        ("title_chars", pa.int32()),
        ("spans", pa.list_(pa.struct([("field", pa.string()), ("start", pa.int32()), ("end", pa.int32())]))),
        # Equal digests are duplicates (the scope is part of the digest); text_hash is of the text alone.
        ("digest", pa.binary(16)),
        ("text_hash", pa.uint64()),
        # What cleaning did to the row, by kind: mask:phone, line:boilerplate, reformulated:json, ...
        ("flags", pa.list_(pa.string())),
        # Band hashes: rows that share one may be near-duplicates.
        ("near", pa.list_(pa.uint64())),
    ]
)
REJECTED = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("rule", pa.string()),  # profile.rule, with what was measured; "" for other reasons
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.string()),
        ("raw", pa.string()),  # without personal columns, masked; empty where the row was forgotten
        ("keys", pa.list_(pa.string())),  # of rows that could be parsed
    ]
)
# One line for each document of the shard of the same name, in the same order.
LINKS = pa.schema(
    [
        ("row", pa.uint64()),
        ("fate", pa.dictionary(pa.int8(), pa.string())),  # train, held_out, duplicate, held_out_repeat, contaminated
        ("duplicate_of", pa.uint64()),
        ("home", pa.uint64()),  # what it is mixed with: its product, or the group that its product or row was joined to
        ("keyed", pa.bool_()),
        ("product", pa.uint64()),
    ]
)

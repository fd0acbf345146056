"""Documents to token ids: one shard of documents in, one shard of pieces out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from ecomct.atomic import atomic_path
from ecomct.documents.ingest import iter_shard
from ecomct.tokens.cut import cut
from ecomct.tokens.pieces import PIECES, bucket_of, group_digests
from ecomct.tokens.tokenizer import load_tokenizer
from ecomct.units import file_digest

_BATCH = 128
# What pieces repeat of the links.
_LINKED = ("home", "keyed", "product")


@dataclass(frozen=True)
class EncodeTask:
    """What a worker needs to encode a shard."""

    documents: Path
    links: Path
    out: Path
    tokenizer: Path
    max_tokens: int  # of one piece: a sequence less its end-of-text token
    buckets: int


def encode_shard(task: EncodeTask, shard: str) -> dict[str, Any]:
    """Encode the training rows of one shard; return counts by source and language.

    Ids are those of the tokenizer for each document's text alone, whatever its neighbours.
    """
    tokenizer, _ = _open(task.tokenizer, file_digest(task.tokenizer / "tokenizer.json"))
    links = pq.read_table(task.links / f"{shard}.parquet", columns=["fate", *_LINKED])
    train = np.asarray(links["fate"].to_pylist(), dtype=object) == "train"
    parts: list[pa.Table] = []
    counts: dict[str, dict[str, dict[str, int]]] = {}
    position = 0
    for table in iter_shard(task.documents / f"{shard}.parquet", ["row", "source", "language", "text", "title_chars"]):
        chosen = np.flatnonzero(train[position : position + table.num_rows])
        rows = table.take(pa.array(chosen))
        where = position + chosen
        position += table.num_rows
        for start in range(0, rows.num_rows, _BATCH):
            batch = slice(start, start + _BATCH)
            parts.append(_encode_batch(tokenizer, rows.slice(start, _BATCH), links.take(pa.array(where[batch])), task, counts))
    pieces = pa.concat_tables([PIECES.empty_table(), *parts]).unify_dictionaries().combine_chunks()
    offsets = _write_by_bucket(pieces, task, shard)
    return {"counts": counts, "buckets": offsets, "digests": group_digests(task.out / f"{shard}.parquet")}


@lru_cache(maxsize=1)
def _open(folder: Path, digest: str) -> tuple[Tokenizer, int]:
    # By content: one process may run twice with a tokenizer trained anew between.
    return load_tokenizer(folder)


def _encode_batch(
    tokenizer: Tokenizer,
    rows: pa.Table,
    links: pa.Table,
    task: EncodeTask,
    counts: dict[str, dict[str, dict[str, int]]],
) -> pa.Table:
    texts = rows["text"].to_pylist()
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    numbers, sources, languages = rows["row"].to_pylist(), rows["source"].to_pylist(), rows["language"].to_pylist()
    titles = rows["title_chars"].to_pylist()
    owner, number, repeated, ids = [], [], [], []
    for index, (encoding, text) in enumerate(zip(encodings, texts, strict=True)):
        tally = counts.setdefault(sources[index], {}).setdefault(languages[index], {})
        pieces = cut(encoding, text, task.max_tokens, titles[index])
        again = sum(piece.repeated for piece in pieces)
        counted = {"documents": 1, "tokens": len(encoding.ids) + again, "repeated": again}
        for key, amount in (counted | {"characters": len(text), "pieces": len(pieces)}).items():
            tally[key] = tally.get(key, 0) + amount
        for piece in pieces:
            owner.append(index)
            number.append(piece.number)
            repeated.append(piece.repeated)
            ids.append(encoding.ids[: piece.repeated] + encoding.ids[piece.start : piece.stop])
    row = np.array(numbers, dtype=np.uint64)[owner]
    return pa.table(
        [
            pa.array(row),
            pa.array(number, pa.uint32()),
            pa.array((row >> np.uint64(52)).astype(np.uint16)),
            pa.array([languages[index] for index in owner]).dictionary_encode().cast(PIECES.field("language").type),
            *(links[name].combine_chunks().take(pa.array(owner, pa.int64())) for name in _LINKED),
            pa.array(repeated, pa.uint32()),
            pa.array([len(one) for one in ids], pa.uint32()),
            pa.array(ids, pa.list_(pa.int32())),
        ],
        schema=PIECES,
    )


def _write_by_bucket(pieces: pa.Table, task: EncodeTask, shard: str) -> list[int]:
    """Write the pieces bucket by bucket; return the bucket of each row group."""
    bucket = bucket_of(pieces["home"].to_numpy(), task.buckets)
    order = np.lexsort((pieces["piece"].to_numpy(), pieces["row"].to_numpy(), bucket))
    pieces = pieces.take(pa.array(order))
    present, begins = np.unique(bucket[order], return_index=True)
    ends = [*begins[1:], len(order)][: len(present)]  # a shard may have nothing to train on
    with atomic_path(task.out / f"{shard}.parquet") as path, pq.ParquetWriter(path, PIECES, compression="zstd") as file:
        for begin, end in zip(begins, ends, strict=True):
            file.write_table(pieces.slice(begin, end - begin), row_group_size=end - begin)
    return [int(one) for one in present]

"""Documents to token ids: one shard of documents in, one shard of pieces out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.documents.ingest import iter_shard
from ecomct.seeded import hash_text, mix64
from ecomct.tokens.encoder import FAST, Encoder, Ids, InexactError, Offsets
from ecomct.tokens.pieces import PIECES, bucket_of

_SENTENCE_END = re.compile(r"[。！？!?；;]+[”’」』\"')）]*|\.(?=\s)|\n+")
_SPACE = re.compile(r"\s+")
_COUNTS = ("documents", "tokens", "characters", "bytes", "pieces")


@dataclass(frozen=True)
class EncodeTask:
    """What a worker needs to encode a shard."""

    documents: Path
    links: Path
    out: Path
    tokenizer: Path
    max_tokens: int  # of one piece: a sequence less its end-of-text token
    buckets: int
    encoder: str  # FAST or REFERENCE
    verify: float  # share of the rows that Hugging Face encodes as well
    seed: int


class Piece(NamedTuple):
    """Tokens [start, stop) of a document, and its number within it."""

    number: int
    start: int
    stop: int


def encode_shard(task: EncodeTask, shard: str) -> dict[str, Any]:
    """Encode the training rows of one shard; return counts by source and language, or where the fast encoder is not exact.

    Ids are those of the tokenizer for each document's text alone, whatever its neighbours. With a `fault`
    ({"row", "reason"}) nothing is written.
    """
    links = pq.read_table(task.links / f"{shard}.parquet", columns=["fate", "home", "keyed"])
    train = pc.equal(links["fate"].cast(pa.string()), "train").to_numpy()
    home, keyed = links["home"].to_numpy(), links["keyed"].to_numpy()
    parts: list[pa.Table] = []
    counts: dict[str, dict[str, dict[str, int]]] = {}
    position = verified = 0
    row: int | None = None
    try:
        encoder = _open(task.tokenizer, task.encoder)
        for table in iter_shard(task.documents / f"{shard}.parquet", ["row", "source", "language", "text"]):
            chosen = np.flatnonzero(train[position : position + table.num_rows])
            rows = table.take(pa.array(chosen)).combine_chunks()
            where = position + chosen
            position += table.num_rows
            texts = rows["text"].to_pylist()
            ids, offsets = encoder.encode(texts)
            if task.encoder == FAST:
                sample = _sample(rows["row"].to_numpy(), task)
                verified += len(sample)
                if (wrong := encoder.first_difference(texts, ids, offsets, sample)) is not None:
                    row = rows["row"][wrong].as_py()
                    raise InexactError(f"row {row} has other ids than Hugging Face gives")
            begins, owner, number = _cut_all(encoder, texts, ids, offsets, task.max_tokens)
            _count(rows, offsets, owner, counts)
            parts.append(_table(rows, ids, begins, owner, number, home[where], keyed[where]))
    except InexactError as error:
        return {"encoder": task.encoder, "fault": {"row": row, "reason": str(error)}}
    pieces = pa.concat_tables([PIECES.empty_table(), *parts]).unify_dictionaries().combine_chunks()
    buckets = _write_by_bucket(pieces, task, shard)
    return {"counts": counts, "buckets": buckets, "encoder": task.encoder, "verified": verified}


def cut(starts: npt.NDArray[np.int64], text: str, limit: int) -> list[Piece]:
    """Pieces of at most `limit` tokens, cut after a sentence where there is one, else after a space, else anywhere.

    `starts`: the character that each token of the text begins in. Together the pieces are exactly the document's
    tokens, in order.
    """
    count = len(starts)
    if count <= limit:
        return [Piece(0, 0, count)]
    # Token t begins a new stretch where its first character follows a mark.
    marks = [
        np.searchsorted(starts, np.array([match.end() for match in kind.finditer(text)], dtype=np.int64))
        for kind in (_SENTENCE_END, _SPACE)
    ]
    pieces: list[Piece] = []
    begin = 0
    while count - begin > limit:
        end = begin + limit
        for tokens in marks:
            last = int(np.searchsorted(tokens, end, side="right")) - 1
            if last >= 0 and tokens[last] > begin + limit // 4:
                end = int(tokens[last])
                break
        pieces.append(Piece(len(pieces), begin, end))
        begin = end
    return [*pieces, Piece(len(pieces), begin, count)]


@lru_cache(maxsize=1)
def _open(folder: Path, name: str) -> Encoder:
    return Encoder(folder, name)


def _sample(rows: npt.NDArray[np.uint64], task: EncodeTask) -> npt.NDArray[np.int64]:
    """Which of the rows are verified: a share by seeded hash."""
    drawn = mix64(rows, hash_text("verify", task.seed) >> 1) >> np.uint64(11)  # 53 bits: exact as float
    return np.flatnonzero(drawn.astype(np.float64) < task.verify * 2.0**53)


def _cut_all(
    encoder: Encoder, texts: list[str], ids: Ids, offsets: Offsets, limit: int
) -> tuple[Offsets, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pieces of all texts: where each begins in `ids` (and the last ends), its text, its number within it."""
    lengths = np.diff(offsets)
    pieces = np.ones(len(texts), dtype=np.int64)
    begins = [offsets[:1]]
    done = 0
    for index in np.flatnonzero(lengths > limit).tolist():
        begin, end = offsets[index], offsets[index + 1]
        found = cut(encoder.starts(texts[index], ids[begin:end]), texts[index], limit)
        begins += [offsets[done + 1 : index + 1], begin + np.array([piece.stop for piece in found])]
        pieces[index], done = len(found), index + 1
    owner = np.repeat(np.arange(len(texts)), pieces)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.concatenate([*begins, offsets[done + 1 :]]), owner, number


def _count(rows: pa.Table, offsets: Offsets, owner: npt.NDArray[np.int64], counts: dict[str, dict[str, dict[str, int]]]) -> None:
    """Add the volumes of `rows` to `counts` by source and language."""
    volumes = pa.table(
        {
            "source": rows["source"].cast(pa.string()),
            "language": rows["language"].cast(pa.string()),
            "documents": np.ones(rows.num_rows, dtype=np.int64),
            "tokens": np.diff(offsets),
            "characters": pc.utf8_length(rows["text"]),
            "bytes": pc.binary_length(rows["text"]),
            "pieces": np.bincount(owner, minlength=rows.num_rows),
        }
    )
    for group in volumes.group_by(["source", "language"]).aggregate([(name, "sum") for name in _COUNTS]).to_pylist():
        tally = counts.setdefault(group["source"], {}).setdefault(group["language"], dict.fromkeys(_COUNTS, 0))
        for name in _COUNTS:
            tally[name] += group[f"{name}_sum"]


def _table(
    rows: pa.Table,
    ids: Ids,
    begins: Offsets,
    owner: npt.NDArray[np.int64],
    number: npt.NDArray[np.int64],
    home: npt.NDArray[np.uint64],
    keyed: npt.NDArray[np.bool_],
) -> pa.Table:
    """The pieces of `rows` as PIECES; ids are not copied."""
    row = rows["row"].to_numpy()[owner]
    language = rows["language"].cast(pa.string()).take(pa.array(owner)).combine_chunks()
    return pa.table(
        [
            pa.array(row),
            pa.array(number, pa.uint32()),
            pa.array((row >> np.uint64(52)).astype(np.uint16)),
            language.dictionary_encode().cast(PIECES.field("language").type),
            pa.array(home[owner]),
            pa.array(keyed[owner]),
            pa.array(np.diff(begins), pa.uint32()),
            pa.ListArray.from_arrays(pa.array(begins, pa.int32()), pa.array(ids)),
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

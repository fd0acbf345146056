"""Documents to token ids: one shard of documents in, one shard of pieces out."""

from __future__ import annotations

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
from ecomct.rules.sample import row_counts
from ecomct.seeded import U64, hash_text, mix64
from ecomct.tokens.cut import cut
from ecomct.tokens.encoder import FAST, Encoder, Ids, InexactError, Offsets
from ecomct.tokens.known import KnownPieces
from ecomct.tokens.pieces import LINKED, PIECES, bucket_of, group_digests
from ecomct.units import file_digest

_COUNTS = ("documents", "tokens", "repeated", "characters", "bytes", "pieces")


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
    known: frozenset[str] = frozenset()  # shards whose earlier pieces were made in the same way


class Cut(NamedTuple):
    """Pieces of some texts: the text of each, its number within it, its stretch of the ids, and title tokens before it."""

    owner: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    begin: Offsets
    end: Offsets
    repeated: npt.NDArray[np.int64]


def encode_shard(task: EncodeTask, shard: str) -> dict[str, Any]:
    """Encode the training rows of one shard; return counts by source and language, or where the fast encoder is not exact.

    Ids are those of the tokenizer for each document's text alone, whatever its neighbours. Rows of a `known` shard whose
    text is what it was keep their pieces. With a `fault` ({"row", "reason"}) nothing is written.
    """
    links = pq.read_table(task.links / f"{shard}.parquet", columns=["fate", *LINKED]).combine_chunks()
    train = pc.equal(links["fate"].cast(pa.string()), "train").to_numpy()
    known = KnownPieces(task.out / f"{shard}.parquet" if shard in task.known else None)
    parts: list[pa.Table] = [PIECES.empty_table()]
    counts: dict[str, dict[str, dict[str, int]]] = {}
    position = verified = 0
    for table in iter_shard(task.documents / f"{shard}.parquet", ["row", "source", "language", "text", "title_chars"]):
        chosen = np.flatnonzero(train[position : position + table.num_rows])
        rows = table.take(pa.array(chosen)).combine_chunks()
        linked = links.take(pa.array(position + chosen))
        position += table.num_rows
        texts = np.array([hash_text(text) for text in rows["text"].to_pylist()], dtype=np.uint64)
        old = known.has(rows["row"].to_numpy(), texts)
        try:
            new = _encode_rows(task, rows.filter(pa.array(~old)), linked.filter(pa.array(~old)), texts[~old])
        except InexactError as error:
            return {"encoder": task.encoder, "fault": {"row": error.row, "reason": str(error)}}
        both = pa.concat_tables([known.pieces(rows["row"].to_numpy()[old], linked.filter(pa.array(old))), new])
        verified += len(_sample(rows["row"].to_numpy(), task))
        _count(rows, both, counts)
        parts.append(both)
    pieces = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    facts: dict[str, Any] = {"buckets": _write_by_bucket(pieces, task, shard)}
    facts["digests"] = group_digests(task.out / f"{shard}.parquet")
    return facts | {"counts": counts, "encoder": task.encoder, "verified": verified}


def _encode_rows(task: EncodeTask, rows: pa.Table, links: pa.Table, digests: U64) -> pa.Table:
    """The pieces of some rows; InexactError where the fast encoder fails or differs."""
    if not rows.num_rows:
        return PIECES.empty_table()
    encoder = _open(task.tokenizer, task.encoder, file_digest(task.tokenizer / "tokenizer.json"))
    texts = rows["text"].to_pylist()
    ids, offsets = encoder.encode(texts)
    sample = _sample(rows["row"].to_numpy(), task)
    if len(sample) and (wrong := encoder.first_difference(texts, ids, offsets, sample)) is not None:
        row = rows["row"][wrong].as_py()
        raise InexactError(f"row {row} has other ids than Hugging Face gives", row)
    pieces = _cut_all(encoder, texts, rows["title_chars"].to_numpy(), ids, offsets, task.max_tokens)
    return _table(rows, links, digests, ids, offsets, pieces)


@lru_cache(maxsize=1)
def _open(folder: Path, name: str, digest: str) -> Encoder:
    # By content: one process may run twice with a tokenizer trained anew between.
    return Encoder(folder, name)


def _sample(rows: npt.NDArray[np.uint64], task: EncodeTask) -> npt.NDArray[np.int64]:
    """Which of the rows are verified: a share by seeded hash; none where Hugging Face encodes anyway."""
    if task.encoder != FAST:
        return np.zeros(0, dtype=np.int64)
    drawn = mix64(rows, hash_text("verify", task.seed) >> 1) >> np.uint64(11)  # 53 bits: exact as float
    return np.flatnonzero(drawn.astype(np.float64) < task.verify * 2.0**53)


def _cut_all(encoder: Encoder, texts: list[str], titles: npt.NDArray[np.int32], ids: Ids, offsets: Offsets, limit: int) -> Cut:
    """Pieces of all texts, in order; those that fit are one."""
    whole = np.ones(len(texts), dtype=np.int64)
    ends, repeated = [offsets[:0]], [offsets[:0]]
    done = 0
    for index in np.flatnonzero(np.diff(offsets) > limit).tolist():
        begin, end = offsets[index], offsets[index + 1]
        found = cut(encoder.spans(texts[index], ids[begin:end]), texts[index], limit, int(titles[index]))
        ends += [offsets[done + 1 : index + 1], begin + np.array([piece.stop for piece in found])]
        repeated += [np.zeros(index - done, dtype=np.int64), np.array([piece.repeated for piece in found])]
        whole[index], done = len(found), index + 1
    end = np.concatenate([*ends, offsets[done + 1 :]])
    again = np.concatenate([*repeated, np.zeros(len(texts) - done, dtype=np.int64)])
    owner = np.repeat(np.arange(len(texts)), whole)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(whole) - whole, whole)
    return Cut(owner, number, np.concatenate([offsets[:1], end[:-1]])[: len(end)], end, again)


def _count(rows: pa.Table, pieces: pa.Table, counts: dict[str, dict[str, dict[str, int]]]) -> None:
    """Add the volumes of `rows` to `counts` by source and language; tokens count as often as they stand in pieces."""
    owner = np.searchsorted(rows["row"].to_numpy(), pieces["row"].to_numpy())
    tokens, repeated, number = (
        np.bincount(owner, weights=weights, minlength=rows.num_rows).astype(np.int64)
        for weights in (pieces["tokens"].to_numpy(), pieces["repeated"].to_numpy(), None)
    )
    volumes = pa.table(
        {
            "source": rows["source"].cast(pa.string()),
            "language": rows["language"].cast(pa.string()),
            "documents": np.ones(rows.num_rows, dtype=np.int64),
            "tokens": tokens,
            "repeated": repeated,
            "characters": pc.utf8_length(rows["text"]),
            "bytes": pc.binary_length(rows["text"]),
            "pieces": number,
        }
    )
    for group in volumes.group_by(["source", "language"]).aggregate([(name, "sum") for name in _COUNTS]).to_pylist():
        tally = counts.setdefault(group["source"], {}).setdefault(group["language"], dict.fromkeys(_COUNTS, 0))
        for name in _COUNTS:
            tally[name] += group[f"{name}_sum"]


def _table(rows: pa.Table, links: pa.Table, digests: U64, ids: Ids, offsets: Offsets, pieces: Cut) -> pa.Table:
    """The pieces of `rows` as PIECES; ids are copied only where titles are repeated."""
    owner = pa.array(pieces.owner)
    row = rows["row"].to_numpy()[pieces.owner]
    language = rows["language"].cast(pa.string()).take(owner).combine_chunks()
    tokens = pieces.repeated + pieces.end - pieces.begin
    begins = np.concatenate([[0], np.cumsum(tokens)])
    counts = np.array([row_counts(text) for text in rows["text"].to_pylist()], dtype=np.int64).T
    return pa.table(
        [
            pa.array(row),
            pa.array(pieces.number, pa.uint32()),
            pa.array((row >> np.uint64(52)).astype(np.uint16)),
            language.dictionary_encode().cast(PIECES.field("language").type),
            *(links[name].combine_chunks().take(owner) for name in LINKED),
            pa.array(digests[pieces.owner]),
            *(pa.array(count[pieces.owner], pa.int32()) for count in counts),
            pa.array(pieces.repeated, pa.uint32()),
            pa.array(tokens, pa.uint32()),
            pa.ListArray.from_arrays(pa.array(begins, pa.int32()), pa.array(_with_titles(ids, offsets, pieces))),
        ],
        schema=PIECES,
    )


def _with_titles(ids: Ids, offsets: Offsets, pieces: Cut) -> Ids:
    """The ids with each repeated title before its piece."""
    stretches, position = [], 0
    for index in np.flatnonzero(pieces.repeated).tolist():
        title = offsets[pieces.owner[index]]
        stretches += [ids[position : pieces.begin[index]], ids[title : title + pieces.repeated[index]]]
        position = pieces.begin[index]
    return np.concatenate([*stretches, ids[position:]]) if stretches else ids


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

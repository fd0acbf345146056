"""From a bucket's pieces to packed sequences, one file for each stream.

A sample is a cluster's pieces joined by a separator, or one piece, and ends with the end-of-text
token. Whole samples are packed into sequences; none is cut, because pieces and clusters were bounded
by the sequence length before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.mixing.budget import HomeBudget
from ecomct.packing.bins import lower_bound
from ecomct.packing.cells import pack_samples
from ecomct.packing.layout import Layout, Samples, expand, lay_out, spans_of
from ecomct.packing.sequence import LANGUAGES, packed_schema
from ecomct.seeded import U64, combine
from ecomct.tokens.pieces import read_bucket

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
# Tokens that are gathered at once; the gather holds their 64-bit places a few times over.
_GATHER = 1 << 20


@dataclass(frozen=True)
class PackTask:
    """What a worker needs to pack a bucket."""

    tokens: Path
    groups: dict[str, list[int]]
    mixture: Path
    out: Path
    domain: tuple[bool, ...]  # by source index
    streams: tuple[str, ...]
    length: int
    eos: int
    separator: tuple[int, ...]
    budget: HomeBudget
    seed: int


class Pieces(NamedTuple):
    """The pieces of a bucket, sorted by (row, piece): piece i has the ids flat[offsets[i]:offsets[i + 1]]."""

    row: U64
    piece: npt.NDArray[np.uint32]
    domain: npt.NDArray[np.bool_]
    language: npt.NDArray[np.object_]
    home: U64
    flat: I32
    offsets: I64


def pack_bucket(task: PackTask, bucket: int) -> dict[str, Any]:
    """Write `packed/<stream>/bucket-NNNNN.arrow` for each stream; return their facts by stream.

    Memory: the bucket's ids twice (pieces and sequences, 4 bytes a token each), and about 100 bytes a sample.
    """
    pieces = _read(task, bucket)
    return {stream: _pack(task, bucket, stream, pieces, _samples(task, bucket, stream, pieces)) for stream in task.streams}


def _read(task: PackTask, bucket: int) -> Pieces:
    table = read_bucket(task.tokens, task.groups, bucket, ["row", "piece", "source", "language", "home", "ids"])
    ids = table["ids"].combine_chunks() if table.num_rows else pa.array([], pa.list_(pa.int32()))
    offsets = ids.offsets.to_numpy().astype(np.int64) if len(ids) else np.zeros(1, dtype=np.int64)
    return Pieces(
        row=table["row"].to_numpy(),
        piece=table["piece"].to_numpy(),
        domain=np.array(task.domain, dtype=bool)[table["source"].to_numpy().astype(np.int64)],
        language=np.asarray(table["language"].to_pylist(), dtype=object),
        home=table["home"].to_numpy(),
        flat=ids.flatten().to_numpy(zero_copy_only=False).astype(np.int32, copy=False),
        offsets=offsets - offsets[0],
    )


def _samples(task: PackTask, bucket: int, stream: str, pieces: Pieces) -> Samples:
    """The samples of one stream."""
    if stream.startswith("domain-mixed"):
        return _planned(task.mixture / "plan" / f"bucket-{bucket:05d}.parquet", _pass_of(stream), pieces)
    if stream == "domain-separate":
        chosen = pieces.domain & task.budget.holds(pieces.home, task.seed)
    else:
        chosen = ~pieces.domain & (pieces.language == stream.removeprefix("general-"))
    mine = np.flatnonzero(chosen)
    identity = combine(pieces.row[mine], pieces.piece[mine].astype(np.uint64))
    return Samples(mine, np.arange(len(mine) + 1), identity, pieces.home[mine])


def _planned(path: Path, epoch: int, pieces: Pieces) -> Samples:
    """The clusters and single pieces that the plan has for one pass over the domain."""
    plan = pq.read_table(path, columns=["epoch", "sample", "row", "piece", "home"])
    plan = plan.filter(pc.equal(plan["epoch"], epoch))
    sample, home = plan["sample"].to_numpy(), plan["home"].to_numpy()
    # Pieces of a row stand together and in order, so a row's first position plus the number is the piece.
    mine = np.searchsorted(pieces.row, plan["row"].to_numpy()) + plan["piece"].to_numpy().astype(np.int64)
    starts = np.flatnonzero(sample[1:] != sample[:-1]) + 1
    first = np.concatenate([[0], starts, [len(sample)]]) if len(sample) else np.zeros(1, dtype=np.int64)
    return Samples(mine, first, sample[first[:-1]], home[first[:-1]])


def _pass_of(stream: str) -> int:
    """Which pass over the domain a mixed stream is: domain-mixed is the first, domain-mixed-2 the second."""
    return int(stream.removeprefix("domain-mixed").removeprefix("-") or 1)


def _pack(task: PackTask, bucket: int, stream: str, pieces: Pieces, samples: Samples) -> dict[str, Any]:
    """Pack the samples of a stream into sequences and write them."""
    spans = spans_of(samples, np.diff(pieces.offsets), len(task.separator))
    tokens = np.add.reduceat(spans, samples.first[:-1]) if len(spans) else np.zeros(0, dtype=np.int64)
    bins = pack_samples(samples.home, samples.identity, tokens, task.length)
    layout = lay_out(samples, spans, bins, task.seed, stream)
    _write(task, bucket, stream, pieces, layout)
    return {
        "sequences": len(layout.identity),
        "samples": len(tokens),
        "tokens": int(tokens.sum()),
        "bound": lower_bound(np.bincount(tokens, minlength=task.length + 1), task.length),
    }


def input_ids(pieces: Pieces, layout: Layout, length: int, separator: tuple[int, ...], eos: int) -> I32:
    """Tokens of the sequences, (sequences, length): pieces, what joins them, end-of-text, and padding by the same."""
    matrix = np.full((len(layout.identity), length), eos, dtype=np.int32)
    flat = matrix.reshape(-1)
    start = layout.ends - layout.spans + np.repeat(np.arange(len(matrix)) * length, np.diff(layout.piece_first))
    size = np.diff(pieces.offsets)[layout.pieces]
    source = pieces.offsets[layout.pieces]
    reach = np.cumsum(size)
    begin = 0
    while begin < len(size):
        end = max(begin + 1, int(np.searchsorted(reach, reach[begin] + _GATHER)))
        stretch = slice(begin, end)
        flat[expand(start[stretch], size[stretch])] = pieces.flat[expand(source[stretch], size[stretch])]
        begin = end
    joined = np.ones(len(size), dtype=bool)
    joined[layout.last] = False
    for offset, token in enumerate(separator):
        flat[(start + size)[joined] + offset] = token
    return matrix


def _write(task: PackTask, bucket: int, stream: str, pieces: Pieces, layout: Layout) -> None:
    schema = packed_schema(task.length)
    ids = input_ids(pieces, layout, task.length, task.separator, task.eos)
    by_sample, by_piece = layout.sample_first, layout.piece_first
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(ids.reshape(-1)), task.length),
        pa.array(layout.length, pa.int32()),
        _lists(layout.ends[layout.last], by_sample, pa.int32()),
        _lists(pieces.row[layout.pieces], by_piece, pa.uint64()),
        _lists(pieces.piece[layout.pieces], by_piece, pa.uint32()),
        _lists(layout.ends, by_piece, pa.int32()),
        _lists(_codes(pieces.language)[layout.pieces], by_piece, pa.uint8()),
        pa.array(layout.identity),
    ]
    table = pa.table(columns, schema=schema)
    # One batch a file: a memory-mapped reader takes single sequences without a copy of the rest.
    with (
        atomic_path(task.out / "packed" / stream / f"bucket-{bucket:05d}.arrow") as path,
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        writer.write_table(table, max_chunksize=max(1, table.num_rows))


def _codes(languages: npt.NDArray[np.object_]) -> npt.NDArray[np.uint8]:
    """Each piece's place in LANGUAGES."""
    codes = np.zeros(len(languages), dtype=np.uint8)
    for code, name in enumerate(LANGUAGES):
        codes[languages == name] = code
    return codes


def _lists(values: npt.NDArray[Any], first: I64, kind: pa.DataType) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(first, pa.int32()), pa.array(values, kind))

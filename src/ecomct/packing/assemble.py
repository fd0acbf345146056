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
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.mixing.budget import HomeBudget
from ecomct.packing.bins import fill, plan_bins
from ecomct.seeded import U64, combine, order
from ecomct.tokens.pieces import read_bucket

I64 = npt.NDArray[np.int64]


def sequence_schema(length: int) -> pa.Schema:
    """Columns of packed sequences (docs/artefacts.md)."""
    return pa.schema(
        [
            ("input_ids", pa.list_(pa.int32(), length)),
            ("length", pa.int32()),
            ("segments", pa.list_(pa.int32())),
            ("rows", pa.list_(pa.uint64())),
            ("row_ends", pa.list_(pa.int32())),
        ]
    )


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


class Samples(NamedTuple):
    """Samples as runs over a list of pieces: sample i is pieces[first[i]:first[i + 1]]."""

    pieces: I64
    first: I64


def pack_bucket(task: PackTask, bucket: int) -> dict[str, Any]:
    """Write `packed/<stream>/bucket-NNNNN.arrow` for each stream; return their facts by stream."""
    table = read_bucket(task.tokens, task.groups, bucket, ["row", "piece", "source", "language", "home", "ids"])
    ids = table["ids"].combine_chunks() if table.num_rows else pa.array([], pa.list_(pa.int32()))
    flat = ids.flatten().to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    offsets = ids.offsets.to_numpy().astype(np.int64) if len(ids) else np.zeros(1, dtype=np.int64)
    offsets = offsets - offsets[0]
    row, piece = table["row"].to_numpy(), table["piece"].to_numpy()
    source = table["source"].to_numpy().astype(np.int64)
    facts = {}
    for stream in task.streams:
        samples = _samples(task, bucket, stream, table, row, source)
        facts[stream] = _pack(task, bucket, stream, samples, row, piece, source, flat, offsets)
    return facts


def _samples(task: PackTask, bucket: int, stream: str, table: pa.Table, row: U64, source: I64) -> Samples:
    """The samples of one stream."""
    domain = np.array(task.domain, dtype=bool)[source]
    if stream == "domain-mixed":
        plan = pq.read_table(task.mixture / "plan" / f"bucket-{bucket:05d}.parquet", columns=["sample", "row", "piece"])
        # Pieces of a row stand together and in order, so a row's first position plus the number is the piece.
        pieces = np.searchsorted(row, plan["row"].to_numpy()) + plan["piece"].to_numpy().astype(np.int64)
        sample = plan["sample"].to_numpy()
        first = (
            np.flatnonzero(np.concatenate([[True], sample[1:] != sample[:-1], [True]]))
            if len(sample)
            else np.zeros(1, dtype=np.int64)
        )
        return Samples(pieces, first)
    if stream == "domain-separate":
        chosen = domain & task.budget.holds(table["home"].to_numpy(), task.seed)
    else:
        language = np.asarray(table["language"].to_pylist(), dtype=object)
        chosen = ~domain & (language == stream.removeprefix("general-"))
    pieces = np.flatnonzero(chosen)
    return Samples(pieces, np.arange(len(pieces) + 1))


def _pack(
    task: PackTask,
    bucket: int,
    stream: str,
    samples: Samples,
    row: U64,
    piece: Any,
    source: I64,
    flat: npt.NDArray[np.int32],
    offsets: I64,
) -> dict[str, Any]:
    """Pack the samples of a stream into sequences and write them."""
    size = np.diff(offsets)[samples.pieces]
    members = np.diff(samples.first)
    tokens = np.add.reduceat(size, samples.first[:-1]) if len(size) else np.zeros(0, dtype=np.int64)
    tokens = tokens + (members - 1) * len(task.separator) + 1
    # Samples enter the plan in seeded order, so that equal lengths are not neighbours by product.
    identity = combine(row[samples.pieces], piece[samples.pieces].astype(np.uint64))[samples.first[:-1]]
    shuffled = order(identity, task.seed, f"pack {stream}")
    items: dict[int, list[int]] = {}
    for sample, length in zip(shuffled.tolist(), tokens[shuffled].tolist(), strict=True):
        items.setdefault(length, []).append(sample)
    bins = fill(plan_bins(np.bincount(tokens, minlength=task.length + 1), task.length), items)

    matrix = np.full((len(bins), task.length), task.eos, dtype=np.int32)
    separator = np.array(task.separator, dtype=np.int32)
    columns: dict[str, list[Any]] = {"length": [], "segments": [], "rows": [], "row_ends": []}
    for sequence, chosen in enumerate(bins):
        end, segments, rows, row_ends = 0, [], [], []
        for sample in sorted(chosen, key=lambda one: int(identity[one])):
            pieces = samples.pieces[samples.first[sample] : samples.first[sample + 1]].tolist()
            for place, index in enumerate(pieces, 1):
                start, end = end, end + int(offsets[index + 1] - offsets[index])
                matrix[sequence, start:end] = flat[offsets[index] : offsets[index + 1]]
                # What joins a piece to the next belongs to the piece before it.
                if place < len(pieces):
                    matrix[sequence, end : end + len(separator)] = separator
                    end += len(separator)
                else:
                    end += 1
                rows.append(int(row[index]))
                row_ends.append(end)
            segments.append(end)
        for name, value in (("length", end), ("segments", segments), ("rows", rows), ("row_ends", row_ends)):
            columns[name].append(value)
    _write(task, bucket, stream, matrix, columns)
    return {"sequences": len(bins), "samples": len(members), "tokens": int(tokens.sum())}


def _write(task: PackTask, bucket: int, stream: str, matrix: npt.NDArray[np.int32], columns: dict[str, list[Any]]) -> None:
    schema = sequence_schema(task.length)
    ids = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), task.length)
    others = [pa.array(columns[name], schema.field(name).type) for name in ("length", "segments", "rows", "row_ends")]
    table = pa.table([ids, *others], schema=schema)
    with (
        atomic_path(task.out / "packed" / stream / f"bucket-{bucket:05d}.arrow") as path,
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        writer.write_table(table, max_chunksize=max(1, table.num_rows))

"""Encoded examples to packed sequences, epoch after epoch, in the form that training reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecomct.atomic import atomic_path, write_json
from ecomct.packing.arms import file_name
from ecomct.packing.bins import plan_bins
from ecomct.seeded import order
from ecomct.stage import file_digest
from ecomct.tuning.encode import Encoded

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Packed:
    """Which examples share which sequence, in training order: `members` end at `ends`."""

    members: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[npt.NDArray[np.int64]]:
        return iter(np.split(self.members, self.ends[:-1]))

    def seen(self, sequences: int) -> set[int]:
        """Examples in the first `sequences`."""
        return set(self.members[: self.ends[min(sequences, len(self)) - 1]].tolist())


def pack_epochs(lengths: Sequence[int], identities: U64, length: int, epochs: int, seed: int) -> Packed:
    """Pack all examples once an epoch into sequences of `length`, by length and whole (`plan_bins`).

    Which examples of equal length meet, and the order of sequences and of examples inside them, come from seeded
    hashes of `identities`, anew in every epoch.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    patterns = plan_bins(np.bincount(sizes, minlength=length + 1), length)
    members: list[list[int]] = []
    for epoch in range(epochs):
        shuffled = order(identities, seed, f"tuning epoch {epoch}")
        of_length = {size: shuffled[sizes[shuffled] == size].tolist() for size in np.unique(sizes).tolist()}
        bins = [
            [of_length[size].pop() for size, copies in pattern.lengths for _ in range(copies)]
            for pattern in patterns
            for _ in range(pattern.bins)
        ]
        rank = np.empty(len(shuffled), dtype=np.int64)
        rank[shuffled] = np.arange(len(shuffled))
        bins = [sorted(one, key=rank.__getitem__) for one in bins]
        # The first of each is a draw of its own: bins of one pattern are not neighbours.
        members += sorted(bins, key=lambda one: int(rank[one[0]]))
    ends = np.cumsum([len(one) for one in members])
    return Packed(np.array([example for one in members for example in one], dtype=np.int64), ends)


def write_sequences(folder: Path, packed: Packed, encoded: Sequence[Encoded], identities: U64, length: int, eos: int) -> None:
    """Write a Hugging Face dataset: input_ids, length, segments, trained, examples (identities); equal inputs, equal bytes."""
    rows = []
    for one in packed:
        parts = [encoded[example] for example in one.tolist()]
        starts = np.cumsum([0, *(len(part.ids) for part in parts)]).tolist()
        ids = [token for part in parts for token in part.ids]
        rows.append(
            {
                "input_ids": ids + [eos] * (length - len(ids)),
                "length": len(ids),
                "segments": starts[1:],
                "trained": [start + end for start, part in zip(starts, parts, strict=False) for end in part.ends],
                "examples": identities[one].tolist(),
            }
        )
    table = pa.Table.from_pylist(rows, schema=_schema(length))
    name = file_name(0, 1)
    with (
        atomic_path(folder / name) as path,
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=64)
    features = datasets.Features.from_arrow_schema(table.schema)
    write_json(folder / "dataset_info.json", {"citation": "", "description": "", "features": features.to_dict()})
    state: dict[str, Any] = {
        "_data_files": [{"filename": name}],
        "_fingerprint": file_digest(folder / name),
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_json(folder / "state.json", state)


def _schema(length: int) -> pa.Schema:
    return pa.schema(
        [
            ("input_ids", pa.list_(pa.int32(), length)),
            ("length", pa.int32()),
            ("segments", pa.list_(pa.int32())),
            ("trained", pa.list_(pa.int32())),
            ("examples", pa.list_(pa.uint64())),
        ]
    )

"""The artefacts of the duplicates stage: which row repeats which, and which held-out row training nearly has."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.seeded import U64

# One line a duplicate, sorted by row; the row it repeats stays.
DUPLICATES = pa.schema(
    [
        ("row", pa.uint64()),
        ("duplicate_of", pa.uint64()),
        ("how", pa.dictionary(pa.int8(), pa.string())),  # exact, near
        ("similarity", pa.float32()),
    ]
)
# One line a held-out row that nearly repeats a row outside of the held-out ones, whatever the scope, sorted.
REPEATS = pa.schema([("row", pa.uint64()), ("repeats", pa.uint64()), ("similarity", pa.float32())])
HOW = ("exact", "near")


class Repeated(NamedTuple):
    """By position: the row it repeats (itself where it repeats none), and whether it is held out and nearly trained on."""

    first: npt.NDArray[np.int64]
    nearly_trained: npt.NDArray[np.bool_]


def write_table(path: Path, schema: pa.Schema, columns: list[pa.Array]) -> None:
    """Write one of the tables."""
    with atomic_path(path) as hidden:
        pq.write_table(pa.table(columns, schema=schema), hidden, compression="zstd")


def read_repeated(folder: Path, row: U64) -> Repeated:
    """What the stage found, by position in `row` (sorted)."""
    first = np.arange(len(row))
    table = pq.read_table(folder / "duplicates.parquet", columns=["row", "duplicate_of"])
    at, of = (np.searchsorted(row, table[name].to_numpy()) for name in ("row", "duplicate_of"))
    first[at] = of
    nearly = np.zeros(len(row), dtype=bool)
    nearly[np.searchsorted(row, pq.read_table(folder / "repeats.parquet", columns=["row"])["row"].to_numpy())] = True
    return Repeated(first, nearly)

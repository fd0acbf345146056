"""Pieces that an earlier run of the same tokenizer left: a row whose text is what it was is not encoded again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.seeded import U64
from ecomct.tokens.pieces import LINKED, PIECES


class KnownPieces:
    """The pieces of a shard by row. Memory: the shard's ids, twice while it is opened."""

    def __init__(self, shard: Path | None) -> None:
        """Open a shard of pieces; None: nothing is known."""
        table = PIECES.empty_table() if shard is None else pq.read_table(shard, schema=PIECES)
        order = np.lexsort((table["piece"].to_numpy(), table["row"].to_numpy()))
        self._table = table.take(pa.array(order)).unify_dictionaries().combine_chunks()
        self._rows, self._first = np.unique(self._table["row"].to_numpy(), return_index=True)
        self._text = self._table["text"].to_numpy()[self._first]
        self._end = np.append(self._first[1:], self._table.num_rows)[: len(self._first)]

    def has(self, rows: U64, texts: U64) -> npt.NDArray[np.bool_]:
        """Which of these rows are known with just this text (its xxh3)."""
        if not len(self._rows):
            return np.zeros(len(rows), dtype=bool)
        place = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        return (self._rows[place] == rows) & (self._text[place] == texts)

    def pieces(self, rows: U64, links: pa.Table) -> pa.Table:
        """The pieces of known rows, with what `links`, a line for each row, says of them now."""
        place = np.searchsorted(self._rows, rows)
        count = self._end[place] - self._first[place]
        owner = pa.array(np.repeat(np.arange(len(rows)), count))
        starts = np.cumsum(count) - count
        table = self._table.take(pa.array(np.arange(len(owner)) + np.repeat(self._first[place] - starts, count)))
        for name in LINKED:
            table = table.set_column(table.schema.get_field_index(name), PIECES.field(name), links[name].take(owner))
        return table

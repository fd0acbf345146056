"""Rows of the sequence data as batches of tensors, packed or unrolled: the same predictions either way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch

from ecomct.errors import InputError
from ecomct.training.loss import IGNORED
from ecomct.training.packing import Packing

Row = dict[str, Any]
Batch = dict[str, torch.Tensor]
_COLUMNS = ("input_ids", "length", "segments")


class Sequences(torch.utils.data.Dataset[Row]):
    """`count` rows of the sequence data in its stored order, round and round.

    One item: input_ids int[length of a sequence], length (real tokens), segments (end offsets).
    """

    def __init__(self, folder: Path) -> None:
        """Open the dataset in `folder` (memory-mapped)."""
        if not (folder / "state.json").is_file():
            raise InputError(f"{folder}: no sequence data here; the pack stage writes it")
        table = datasets.load_from_disk(folder, keep_in_memory=False)
        if missing := [name for name in _COLUMNS if name not in table.column_names]:
            raise InputError(f"{folder}: the sequence data lacks the column {missing[0]}")
        self.folder = folder
        self._table = table.select_columns(list(_COLUMNS)).with_format("numpy")
        self.rows = len(table)
        self.count = self.rows
        self.fingerprint = table._fingerprint
        lengths = np.asarray(self._table["length"][:], dtype=np.int64) if self.rows else np.zeros(0, np.int64)
        self._tokens = np.concatenate([[0], np.cumsum(lengths)])

    def tokens(self, sequences: int) -> int:
        """Return the real tokens of the first `sequences` items, every time round counted."""
        rounds, rest = divmod(sequences, self.rows)
        return int(rounds * self._tokens[-1] + self._tokens[rest])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Row:
        return self._table[index % self.rows]


def _parts(row: Row) -> tuple[np.ndarray, int, np.ndarray]:
    """Return the ids, the number of real tokens and the segment bounds (0, ends..., length)."""
    ids, length = np.asarray(row["input_ids"], dtype=np.int64), int(row["length"])
    bounds = np.concatenate([[0], np.asarray(row["segments"], dtype=np.int64)])
    if bounds[-1] != length or length > len(ids) or bool((np.diff(bounds) <= 0).any()):
        raise InputError(f"sequence data: segment ends {bounds[1:].tolist()[:8]} do not rise to the length {length}")
    return ids, length, bounds


def packed_batch(rows: Sequence[Row]) -> Batch:
    """Return input_ids, position_ids and labels, each (rows, sequence length).

    Positions restart at every segment, and at the padding, which is a segment of its own. The label
    of every segment's first token is -100: it would be predicted from the segment before. So is the
    row's own first label, which nothing predicts; the number of labels over -100 is then the number
    of predictions, whether or not the one who counts shifts them.
    """
    out: dict[str, list[np.ndarray]] = {"input_ids": [], "position_ids": [], "labels": []}
    for row in rows:
        ids, length, bounds = _parts(row)
        starts = bounds if length < len(ids) else bounds[:-1]
        position = np.arange(len(ids))
        labels = ids.copy()
        labels[length:] = IGNORED
        labels[starts] = IGNORED
        out["input_ids"].append(ids)
        out["position_ids"].append(position - starts[np.searchsorted(starts, position, side="right") - 1])
        out["labels"].append(labels)
    return {name: torch.from_numpy(np.stack(arrays)) for name, arrays in out.items()}


def unrolled_batch(rows: Sequence[Row]) -> Batch:
    """Return input_ids, attention_mask and labels, each (segments of all rows, longest segment).

    One segment a row, padded on the right; labels are -100 on the padding and on the first token.
    """
    segments = []
    for row in rows:
        ids, _, bounds = _parts(row)
        segments += [ids[start:end] for start, end in pairwise(bounds.tolist())]
    shape = (len(segments), max(len(segment) for segment in segments))
    ids, mask, labels = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, IGNORED, np.int64)
    for index, segment in enumerate(segments):
        ids[index, : len(segment)] = segment
        mask[index, : len(segment)] = 1
        labels[index, 1 : len(segment)] = segment[1:]
    return {
        name: torch.from_numpy(array)
        for name, array in zip(("input_ids", "attention_mask", "labels"), (ids, mask, labels), strict=True)
    }


COLLATORS: dict[Packing, Callable[[Sequence[Row]], Batch]] = {"packed": packed_batch, "unrolled": unrolled_batch}

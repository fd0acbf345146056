"""A packed sequence: its columns, and the source, the language and the sample of every token from their run-lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# The source's position in the recipe is in the high bits of a row number.
SOURCE_SHIFT = 52
# Languages a row counts as in the blend; a piece's language is a place in this list.
LANGUAGES = ("zh", "en")
# What padding has instead of a source, of a language and of a segment.
NO_SOURCE = np.iinfo(np.uint16).max
NO_LANGUAGE = np.iinfo(np.uint8).max
NO_SEGMENT = -1


def sequence_schema(length: int) -> pa.Schema:
    """Columns of sequences of `length` tokens (docs/artefacts.md)."""
    return pa.schema(
        [
            ("input_ids", pa.list_(pa.int32(), length)),
            ("length", pa.int32()),
            ("segments", pa.list_(pa.int32())),
            ("rows", pa.list_(pa.uint64())),
            ("pieces", pa.list_(pa.uint32())),
            ("row_ends", pa.list_(pa.int32())),
            ("languages", pa.list_(pa.uint8())),
        ]
    )


def packed_schema(length: int) -> pa.Schema:
    """Columns of packed streams: those of sequences and the identity by which they are put into order."""
    return sequence_schema(length).append(pa.field("identity", pa.uint64()))


def row_source(rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Source index of row numbers."""
    return (np.asarray(rows, dtype=np.uint64) >> np.uint64(SOURCE_SHIFT)).astype(np.int64)


def token_sources(record: Mapping[str, Any]) -> npt.NDArray[np.uint16]:
    """Source index of each token of one sequence (a record with `input_ids`, `rows`, `row_ends`); padding has NO_SOURCE.

    What joins a row to the next, or ends the sample, belongs to the row before it.
    """
    sources = np.full(len(record["input_ids"]), NO_SOURCE, dtype=np.uint16)
    _spread(sources, record["row_ends"], row_source(record["rows"]))
    return sources


def token_languages(record: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """Place in LANGUAGES of each token's row, as `token_sources` (a record with `languages` too); padding has NO_LANGUAGE."""
    languages = np.full(len(record["input_ids"]), NO_LANGUAGE, dtype=np.uint8)
    _spread(languages, record["row_ends"], record["languages"])
    return languages


def segment_ids(record: Mapping[str, Any]) -> npt.NDArray[np.int32]:
    """Number of the sample of each token of one sequence (a record with `input_ids`, `segments`); padding has NO_SEGMENT."""
    segments = np.full(len(record["input_ids"]), NO_SEGMENT, dtype=np.int32)
    _spread(segments, record["segments"], np.arange(len(record["segments"])))
    return segments


def _spread(tokens: npt.NDArray[Any], ends: npt.ArrayLike, values: npt.ArrayLike) -> None:
    """Give the tokens up to each end, from the end before it, the value of that stretch."""
    stops = np.asarray(ends, dtype=np.int64)
    if len(stops):
        tokens[: stops[-1]] = np.repeat(np.asarray(values), np.diff(stops, prepend=0))

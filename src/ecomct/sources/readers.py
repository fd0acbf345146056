"""Rows of a unit, one at a time, and what could not be read as a row.

A reader yields `Row(line, data)` or `Row(line, reason=..., detail=..., raw=...)`; it never stops at a bad
row and never skips one, so that every line of a file is accounted for. Blank lines are not rows.
"""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
import pyarrow.parquet as pq
import zstandard

from ecomct.errors import InputError
from ecomct.sources.files import MAX_LINES, Unit, open_bytes

csv.field_size_limit(64 << 20)
# orjson reads longer integers as floats, which would corrupt keys; such lines go to the slower parser.
_LONG_INTEGER = re.compile(rb"\d{19}")


class Row(NamedTuple):
    """A parsed row, or a reason why there is none. `raw` is cut to 2,000 characters."""

    line: int
    data: dict[str, Any] | None
    reason: str = ""
    detail: str = ""
    raw: str = ""


def read_rows(unit: Unit, encodings: list[str], limit: int | None = None) -> Iterator[Row]:
    """Rows of `unit` in file order, from the first `limit` lines of the file.

    Raises InputError where the file as a whole cannot be read (torn archive, not Parquet, vanished).
    """
    rows = {"jsonl": _json_rows, "csv": _table_rows, "tsv": _table_rows, "parquet": _parquet_rows}[unit.format](unit, encodings)
    try:
        for row in rows:
            if limit is not None and row.line > limit:
                return
            if row.line >= MAX_LINES:
                raise InputError(f"{unit.file}: more than {MAX_LINES} lines; split the file")
            yield row
    except (EOFError, zlib.error, zstandard.ZstdError, OSError) as error:
        place = f"sources.{unit.source}: {unit.file}"
        raise InputError(f"{place} cannot be read to its end ({error}); repair or remove it") from error


def _lines(unit: Unit) -> Iterator[tuple[int, bytes]]:
    with open_bytes(unit.path) as handle:
        if unit.start:
            handle.seek(unit.start)
        left = unit.stop - unit.start if unit.stop >= 0 else None
        for number, line in enumerate(handle, unit.first_line):
            if left is not None:
                if left <= 0:
                    return
                left -= len(line)
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _decode(line: bytes, encodings: list[str]) -> str | None:
    for encoding in encodings:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _shown(raw: bytes | str) -> str:
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    return text.rstrip("\r\n")[:2000]


def _json_rows(unit: Unit, encodings: list[str]) -> Iterator[Row]:
    for number, line in _lines(unit):
        if not line.strip():
            continue
        text = _decode(line, encodings)
        if text is None:
            yield Row(number, None, "bad_encoding", f"not {' or '.join(encodings)}", _shown(line))
            continue
        try:
            data = json.loads(text) if _LONG_INTEGER.search(line) else orjson.loads(text)
        except (ValueError, RecursionError) as error:
            if number == 1 and text.lstrip().startswith("[") and text.rstrip().rstrip(",") in ("[", "[{"):
                place = f"sources.{unit.source}: {unit.file}"
                raise InputError(f"{place} is one JSON array; write one object a line instead") from error
            yield Row(number, None, "malformed_json", str(error), _shown(text))
            continue
        if isinstance(data, dict):
            yield Row(number, data)
        else:
            yield Row(number, None, "not_an_object", f"a JSON {type(data).__name__} where an object is needed", _shown(text))


def _table_rows(unit: Unit, encodings: list[str]) -> Iterator[Row]:
    """CSV and TSV by the csv module; the first record names the columns. A row's line is where it begins."""
    rejected: list[Row] = []
    begin = 0  # first line of the record being read; 0 before its first line has come

    def texts() -> Iterator[str]:
        nonlocal begin
        for number, line in _lines(unit):
            text = _decode(line, encodings)
            if text is None:
                rejected.append(Row(number, None, "bad_encoding", f"not {' or '.join(encodings)}", _shown(line)))
            else:
                begin = begin or number
                yield text

    records = csv.reader(texts(), delimiter="\t" if unit.format == "tsv" else ",")
    header: list[str] | None = None
    while True:
        begin = 0
        try:
            record = next(records)
        except StopIteration:
            break
        except csv.Error as error:
            rejected.append(Row(begin, None, "malformed_row", str(error)))
            record = []
        yield from rejected
        rejected.clear()
        if not record:
            continue
        if header is None:
            header = [name.strip() for name in record]
            if len(set(header)) != len(header):
                raise InputError(f"sources.{unit.source}: {unit.file} names a column twice in its first line; rename one")
        elif len(record) != len(header):
            detail = f"{len(record)} fields where the first line names {len(header)}"
            yield Row(begin, None, "wrong_field_count", detail, _shown(("\t" if unit.format == "tsv" else ",").join(record)))
        else:
            yield Row(begin, dict(zip(header, record, strict=True)))
    yield from rejected


def _parquet_rows(unit: Unit, _: list[str]) -> Iterator[Row]:
    number = unit.first_line
    try:
        with pq.ParquetFile(unit.path) as file:
            for batch in file.iter_batches(batch_size=4096, row_groups=range(unit.start, unit.stop)):
                for data in batch.to_pylist():
                    yield Row(number, data)
                    number += 1
    except OSError as error:
        raise InputError(f"sources.{unit.source}: {unit.file} is a broken Parquet file near row {number} ({error})") from error

"""Rows of a unit, one at a time, and what could not be read as a row.

A reader yields `Row(line, data)` or `Row(line, reason=..., detail=..., raw=...)`; it never stops at a bad
row and never skips one, so that every line of a file is accounted for. Blank lines are not rows.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
import zlib
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from ecomct.errors import InputError
from ecomct.sources.files import MAX_LINES, Unit, open_bytes

csv.field_size_limit(64 << 20)
# orjson reads longer integers as floats, which would corrupt keys; such lines go to the slower parser.
_LONG_INTEGER = re.compile(r"[0-9]{19}")
# The same on bytes: with all digits made equal, `in` is ten times faster than the pattern.
_DIGITS, _LONG_RUN = bytes.maketrans(b"0123456789", b"0" * 10), b"0" * 19
# First line of a file that is one JSON array of objects, or one object over several lines.
_ONE_DOCUMENT = re.compile(r"\s*(\[\s*(\{|$)|\{\s*$)")


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
    first = unit.first_line == 1  # until the first line that is not blank
    is_utf8 = codecs.lookup(encodings[0]).name == "utf-8"
    for number, line in _lines(unit):
        if is_utf8 and not first and (data := _object(line)) is not None:
            yield Row(number, data)
            continue
        if not line.strip():
            continue
        text = _decode(line, encodings)
        if text is None:
            yield _not_decoded(number, encodings, line)
            continue
        if first and _ONE_DOCUMENT.match(text):
            place = f"sources.{unit.source}: {unit.file}"
            raise InputError(f"{place} is one JSON document; write one object a line, as `jq -c .[] FILE > FILE.jsonl` does")
        first = False
        try:
            data = _parse(text)
        except (ValueError, RecursionError) as error:
            yield Row(number, None, "malformed_json", str(error), _shown(text))
            continue
        if isinstance(data, dict):
            yield Row(number, data)
        else:
            yield Row(number, None, "not_an_object", f"a JSON {type(data).__name__} where an object is needed", _shown(text))


def _object(line: bytes) -> dict[str, Any] | None:
    """The object of a line that needs no second look; None where the line is anything else."""
    if _LONG_RUN in line.translate(_DIGITS):
        return None
    try:
        data = orjson.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _parse(text: str) -> Any:
    if not _LONG_INTEGER.search(text):
        return orjson.loads(text)
    data = json.loads(text)
    if "\\u" in text:
        # json lets halves of surrogate pairs pass, which no file can hold; orjson does not.
        json.dumps(data, ensure_ascii=False).encode()
    return data


def _not_decoded(number: int, encodings: list[str], raw: bytes | str) -> Row:
    return Row(number, None, "bad_encoding", f"not {' or '.join(encodings)}; name the file's encoding", _shown(raw))


class _Records:
    """Lines of a CSV or TSV file as the csv module reads them, remembering those of the record under way."""

    def __init__(self, unit: Unit, encodings: list[str]) -> None:
        self._lines, self._encodings = _lines(unit), encodings
        self._again: deque[tuple[int, str, bool]] = deque()
        self.record: list[tuple[int, str, bool]] = []  # line number, text, whether it could be decoded
        self.ended = False

    def __iter__(self) -> _Records:
        return self

    def __next__(self) -> str:
        if self._again:
            self.record.append(self._again.popleft())
        else:
            try:
                number, line = next(self._lines)
            except StopIteration:
                self.ended = True
                raise
            text = _decode(line, self._encodings)
            self.record.append((number, line.decode("utf-8", "backslashreplace") if text is None else text, text is not None))
        return self.record[-1][1]

    def begin(self) -> None:
        """Forget the record that was read."""
        self.record, self.ended = [], False

    def retry(self) -> None:
        """Give up the record's first line and read the others once more."""
        self._again.extendleft(reversed(self.record[1:]))


def _table_rows(unit: Unit, encodings: list[str]) -> Iterator[Row]:
    """CSV and TSV by the csv module; the first record names the columns. A row's line is where it begins.

    A quote that is never closed costs the row that opens it: the lines after it are read as rows again.
    """
    lines = _Records(unit, encodings)
    records = csv.reader(lines, delimiter="\t" if unit.format == "tsv" else ",")
    place = f"sources.{unit.source}: {unit.file}"
    header: list[str] | None = None
    while True:
        lines.begin()
        record, fault = None, ("open_quote", "a quote that opens in this row is never closed")
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            fault = ("malformed_row", str(error))
        number, raw = lines.record[0][0], "".join(text for _, text, _ in lines.record)
        if not all(decoded for _, _, decoded in lines.record):
            if header is None:
                raise InputError(f"{place}:{number} names the columns and is not {' or '.join(encodings)}; set encoding")
            yield _not_decoded(number, encodings, raw)
        elif record is None or lines.ended:
            if header is None:
                raise InputError(f"{place}:{number} cannot be read as the names of the columns ({fault[1]}); mend it")
            yield Row(number, None, *fault, _shown(lines.record[0][1]))
            lines.retry()
        elif not record or (len(record) == 1 and not record[0].strip()):
            continue
        elif header is None:
            header = [name.strip() for name in record]
            if twice := [name for name in header if header.count(name) > 1]:
                raise InputError(f"{place}:{number} names the column {twice[0]!r} twice; rename one")
        elif len(record) != len(header):
            yield Row(number, None, "wrong_field_count", f"{len(record)} fields, the first line names {len(header)}", _shown(raw))
        else:
            yield Row(number, dict(zip(header, record, strict=True)))


def _parquet_rows(unit: Unit, encodings: list[str]) -> Iterator[Row]:
    number = unit.first_line
    place = f"sources.{unit.source}: {unit.file}"
    try:
        with pq.ParquetFile(unit.path) as file:
            names = file.schema_arrow.names
            if twice := [name for name in names if names.count(name) > 1]:
                raise InputError(f"{place} names the column {twice[0]!r} twice; rename one")
            for batch in file.iter_batches(batch_size=4096, row_groups=range(unit.start, unit.stop)):
                yield from _batch_rows(batch, number, encodings)
                number += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{place} is a broken Parquet file near row {number} ({error}); write it anew") from error


def _batch_rows(batch: pa.RecordBatch, first: int, encodings: list[str]) -> Iterator[Row]:
    try:
        rows: list[Any] = batch.to_pylist()
    except (ValueError, OverflowError):
        rows = [None] * batch.num_rows
    for index, data in enumerate(rows):
        try:
            if data is None:
                # One value of the batch has no Python form, such as text that is not UTF-8: find its row.
                [data] = batch.slice(index, 1).to_pylist()
            yield Row(first + index, {name: _without_bytes(value, encodings) for name, value in data.items()})
        except (ValueError, OverflowError) as error:
            yield Row(first + index, None, "malformed_row", str(error))


def _without_bytes(value: Any, encodings: list[str]) -> Any:
    """`value` with byte strings as text: some writers leave out that a column is text."""
    if isinstance(value, bytes):
        text = _decode(value, encodings)
        if text is None:
            raise ValueError(f"bytes that are not {' or '.join(encodings)}")
        return text
    if isinstance(value, list | tuple):
        return [_without_bytes(item, encodings) for item in value]
    if isinstance(value, dict):
        return {name: _without_bytes(item, encodings) for name, item in value.items()}
    return value

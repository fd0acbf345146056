"""Bytes on disk: JSON lines, CSV, TSV and gzip, equal on every machine."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def json_line(row: dict[str, Any]) -> bytes:
    """Return a row as one UTF-8 JSON line without its line end."""
    return json.dumps(row, ensure_ascii=False).encode()


def table_line(values: Sequence[str], delimiter: str = ",") -> bytes:
    """Return a row as one CSV or TSV line without its line end."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(values)
    return out.getvalue().encode()


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines, each ended by a newline; a name that ends in .gz is compressed without a time or name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join(line + b"\n" for line in lines)
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as out:
            out.write(data)
        data = packed.getvalue()
    path.write_bytes(data)


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write one JSON document, indented."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n")

"""Sources to documents: a row-wise stream, so that no step sees more than a batch of rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.documents.linearise import Rejected, linearise, lookup
from ecomct.documents.schema import DOCUMENTS, REJECTED
from ecomct.recipe.model import Recipe, Source
from ecomct.seeded import digest_text, hash_text
from ecomct.sources.files import Unit, row_number
from ecomct.sources.readers import Row, read_rows

# Text of one shard; later stages hold one shard in memory at a time.
SHARD_BYTES = 32 << 20
_BATCH = 4096
_WHOLE = re.compile(r"\A(-?[0-9]+)\.0+\Z")


@dataclass(frozen=True)
class IngestTask:
    """What a worker needs besides its unit."""

    folder: Path
    name: str
    source: Source
    seed: int
    min_chars: int
    is_referred_to: bool


def ingest_task(recipe: Recipe, folder: Path, name: str) -> IngestTask:
    """The task of one source."""
    referred = any(reference.to == name for source in recipe.sources.values() for reference in source.references)
    return IngestTask(folder, name, recipe.sources[name], recipe.seed, recipe.cleaning.min_chars, referred)


def ingest_unit(task: IngestTask, unit: Unit) -> dict[str, Any]:
    """Write the documents and rejects of one unit; return its account and the names of its shards.

    Memory: the documents of one shard and a batch of rejects.
    """
    writer = _ShardWriter(task.folder / "shards", unit.name)
    reasons: Counter[str] = Counter()
    rows_in = 0
    source = task.source
    encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
    with _RejectWriter(task, unit) as rejects:
        for row in read_rows(unit, encodings, source.limit):
            rows_in += 1
            if row.data is None:
                fault = (row.reason, row.detail)
            else:
                try:
                    writer.add(_document(task, unit, row.line, row.data))
                    continue
                except Rejected as error:
                    fault = (error.reason, error.detail)
            reasons[fault[0]] += 1
            rejects.add(row, *fault)
        shards = writer.close()
    return {
        "account": {"rows_in": rows_in, "kept": writer.rows, "rejected": dict(sorted(reasons.items()))},
        "shards": shards,
        "text_bytes": writer.text_bytes,
    }


def _document(task: IngestTask, unit: Unit, line: int, data: dict[str, Any]) -> dict[str, Any]:
    """One row as a document (columns of DOCUMENTS); raises Rejected."""
    source = task.source
    # Only key-values are written in a form that is drawn.
    draw = hash_text(f"{unit.file}:{line}", task.seed) if source.kind == "attributes" else 0
    text, language, spans = linearise(data, source, draw)
    if len(text) < task.min_chars:
        raise Rejected("too_short", f"{len(text)} characters, cleaning.min_chars is {task.min_chars}")
    keys = row_keys(data, source, task.name, task.is_referred_to)
    row = row_number(unit.source_index, unit.file_index, line)
    plain = " ".join(text.casefold().split())
    return {
        "row": row,
        "source": task.name,
        "file": unit.file,
        "line": line,
        "keys": keys,
        "entities": [hash_text(key) for key in keys],
        "language": language,
        "text": text,
        "spans": spans,
        "digest": digest_text(*_duplicate_scope(source, keys, row), plain),
        "text_hash": hash_text(plain),
    }


def row_keys(data: dict[str, Any], source: Source, name: str, is_referred_to: bool) -> list[str]:
    """Products of a row as "source/key": its own key first if other sources refer to it, then its references."""
    keys = []
    if is_referred_to and source.primary_key and (own := canonical_key(lookup(data, source.primary_key))) is not None:
        keys.append(f"{name}/{own}")
    for reference in source.references:
        assert reference.field is not None
        value = lookup(data, reference.field)
        for item in value if isinstance(value, list) else [value]:
            if (key := canonical_key(item)) is not None:
                keys.append(f"{reference.to}/{key}")
    return list(dict.fromkeys(keys))


def canonical_key(value: Any) -> str | None:
    """A key as text, equal for 7, 7.0, "7.0" and " 7 "; None where there is no key."""
    if value is None or isinstance(value, bool | dict | list) or value != value:
        return None
    if isinstance(value, float | Decimal) and isfinite(value) and value == int(value):
        value = int(value)
    # pandas writes 7.0 for 7 where a column of whole numbers has a gap.
    return _WHOLE.sub(r"\1", str(value).strip()) or None


def _duplicate_scope(source: Source, keys: list[str], row: int) -> tuple[str, ...]:
    """What must agree, besides the text, for two rows to be duplicates.

    Catalogue facts repeat rightly from product to product ("number of items: 1"); what people write does not.
    """
    scope = source.duplicates
    if scope == "auto":
        scope = "product" if source.kind in ("title", "attributes", "description") else "corpus"
    if scope == "keep":
        return ("row", str(row))
    return ("product", *keys) if scope == "product" and keys else ("corpus", source.role)


class _ShardWriter:
    """Writes documents to `<unit>-000.parquet`, `-001`, ... of at most SHARD_BYTES of text each."""

    def __init__(self, folder: Path, unit: str) -> None:
        self.folder, self.unit = folder, unit
        self.rows = self.text_bytes = 0
        self.shards: list[str] = []
        self._batch: list[dict[str, Any]] = []
        self._bytes = 0
        self._tables: list[pa.Table] = []

    def add(self, document: dict[str, Any]) -> None:
        self.rows += 1
        # Arrow takes UTF-8 as it is; from a string it would make, and keep, a copy of its own.
        document["text"] = document["text"].encode()
        self._batch.append(document)
        size = len(document["text"])
        self.text_bytes, self._bytes = self.text_bytes + size, self._bytes + size
        if len(self._batch) >= _BATCH or self._bytes >= SHARD_BYTES:
            self._flush()
        if self._bytes >= SHARD_BYTES:
            self._finish_shard()

    def close(self) -> list[str]:
        self._flush()
        self._finish_shard()
        return self.shards

    def _flush(self) -> None:
        if self._batch:
            self._tables.append(pa.Table.from_pylist(self._batch, schema=DOCUMENTS))
            self._batch = []

    def _finish_shard(self) -> None:
        if not self._tables:
            return
        name = f"{self.unit}-{len(self.shards):03d}"
        # One row group a batch: readers stream, and dictionaries stay small.
        with atomic_path(self.folder / f"{name}.parquet") as path, pq.ParquetWriter(path, DOCUMENTS, compression="zstd") as file:
            for table in self._tables:
                file.write_table(table)
        self.shards.append(name)
        self._tables, self._bytes = [], 0


class _RejectWriter:
    """Writes rejects to `<unit>.parquet`, a batch at a time; no file where there are none."""

    def __init__(self, task: IngestTask, unit: Unit) -> None:
        self._path, self._place = task.folder / "rejected" / f"{unit.name}.parquet", (task.name, unit.file)
        self._batch: list[tuple[object, ...]] = []
        self._open = ExitStack()
        self._file: pq.ParquetWriter | None = None

    def add(self, row: Row, reason: str, detail: str) -> None:
        raw = row.raw or (json.dumps(row.data, ensure_ascii=False, default=str)[:2000] if row.data is not None else "")
        self._batch.append((*self._place, row.line, reason, detail[:2000], raw))
        if len(self._batch) >= _BATCH:
            self._flush()

    def __enter__(self) -> _RejectWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._flush()
        self._open.__exit__(kind, error, trace)

    def _flush(self) -> None:
        if self._batch:
            if self._file is None:
                path = self._open.enter_context(atomic_path(self._path))
                self._file = self._open.enter_context(pq.ParquetWriter(path, REJECTED, compression="zstd"))
            self._file.write_table(pa.table([list(column) for column in zip(*self._batch, strict=True)], schema=REJECTED))
            self._batch = []


def iter_shard(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """Row groups of a shard, one at a time, with only `columns` read."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=columns)

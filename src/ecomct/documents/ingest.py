"""Sources to documents: a row-wise stream, so that no step sees more than a batch of rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.documents.keys import FORGOTTEN, canonical_key, forgotten_keys, referred_to
from ecomct.documents.linearise import Rejected, linearise, lookup
from ecomct.documents.schema import DOCUMENTS, REJECTED
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Source
from ecomct.seeded import digest_text, hash_text
from ecomct.sources.files import Unit, row_number
from ecomct.sources.readers import Row, read_rows

# Text of one shard; later stages hold one shard in memory at a time.
SHARD_BYTES = 32 << 20
_BATCH = 4096


@dataclass(frozen=True)
class IngestTask:
    """What a worker needs besides its unit."""

    folder: Path
    name: str
    source: Source
    seed: int
    min_chars: int
    is_referred_to: bool
    is_pointed_at: bool
    forget: frozenset[str]
    permutes_fields: bool


def ingest_task(recipe: Recipe, folder: Path, name: str) -> IngestTask:
    """The task of one source."""
    sources = recipe.sources.values()
    referred = name in referred_to(recipe)
    pointed = not referred and any(related.to == name for source in sources for related in source.related)
    chars, forget = recipe.cleaning.min_chars, frozenset(forgotten_keys(recipe))
    permutes = recipe.mixing.fields == "permuted"
    return IngestTask(folder, name, recipe.sources[name], recipe.seed, chars, referred, pointed, forget, permutes)


def ingest_unit(task: IngestTask, unit: Unit) -> dict[str, Any]:
    """Write the documents and rejects of one unit; return its account and the names of its shards.

    Memory: the documents of one shard and a batch of rejects.
    """
    writer = _ShardWriter(task.folder / "shards", unit.name)
    reasons: Counter[str] = Counter()
    forgotten: set[str] = set()
    rows_in = 0
    source = task.source
    encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
    with _RejectWriter(task, unit) as rejects:
        for row in read_rows(unit, encodings, source.limit):
            rows_in += 1
            keys = row_keys(row.data, source, task.name, task.is_referred_to) if row.data is not None else []
            if listed := task.forget.intersection(keys):
                # Before any other reason: of a forgotten row only its place is kept.
                forgotten |= listed
                reasons[FORGOTTEN] += 1
                rejects.add(Row(row.line, None), FORGOTTEN, "", keys)
                continue
            if row.data is None:
                fault = (row.reason, row.detail)
            else:
                try:
                    writer.add(_document(task, unit, row.line, row.data, keys))
                    continue
                except Rejected as error:
                    fault = (error.reason, error.detail)
            reasons[fault[0]] += 1
            rejects.add(row, *fault, keys)
        shards = writer.close()
    return {
        "account": {"rows_in": rows_in, "kept": writer.rows, "rejected": dict(sorted(reasons.items()))},
        "shards": shards,
        "text_bytes": writer.text_bytes,
        "forgotten": sorted(forgotten),
    }


def _document(task: IngestTask, unit: Unit, line: int, data: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """One row as a document (columns of DOCUMENTS); raises Rejected."""
    source = task.source
    # Only key-values are written in a form that is drawn.
    draw = hash_text(f"{unit.file}:{line}", task.seed) if source.kind == "attributes" else 0
    text, language, spans, title_chars = linearise(data, source, draw, task.permutes_fields)
    if len(text) < task.min_chars:
        raise Rejected("too_short", f"{len(text)} characters, cleaning.min_chars is {task.min_chars}")
    related, points_to = further_keys(data, source, task.name, task.is_pointed_at)
    row = row_number(unit.source_index, unit.file_index, line)
    plain = " ".join(text.casefold().split())
    return {
        "row": row,
        "source": task.name,
        "file": unit.file,
        "line": line,
        "keys": keys,
        "entities": [hash_text(key) for key in keys],
        "related": related,
        "points_to": points_to,
        "language": language,
        "text": text,
        "title_chars": title_chars,
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
        keys += [f"{reference.to}/{key}" for key in _keys_in(lookup(data, reference.field))]
    return list(dict.fromkeys(keys))


def further_keys(data: dict[str, Any], source: Source, name: str, is_pointed_at: bool) -> tuple[list[int], list[int]]:
    """Hashes of the further keys that a row holds, and of those of other rows that it points at.

    A key of a source hashes as a product of it does. A row whose key is no product, since only further keys point at
    it (`is_pointed_at`), holds that key too.
    """
    held, pointed = [], []
    if is_pointed_at and source.primary_key and (own := canonical_key(lookup(data, source.primary_key))) is not None:
        held.append(hash_text(f"{name}/{own}"))
    for related in source.related:
        for key in _keys_in(lookup(data, related.field)):
            if related.to is not None:
                pointed.append(hash_text(f"{related.to}/{key}"))
            else:
                held.append(hash_text(key, hash_text(related.as_ or related.field) >> 1))
    return list(dict.fromkeys(held)), list(dict.fromkeys(pointed))


def _keys_in(value: Any) -> list[str]:
    """Keys of a column that holds one or a list of them."""
    return [key for item in (value if isinstance(value, list) else [value]) if (key := canonical_key(item)) is not None]


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

    def add(
        self,
        row: Row,
        reason: str,
        detail: str,
        keys: list[str],
        rule: tuple[str, float | None, float | None] = ("", None, None),
    ) -> None:
        raw = row.raw or (json.dumps(row.data, ensure_ascii=False, default=str)[:2000] if row.data is not None else "")
        self._batch.append((*self._place, row.line, reason, detail[:2000], *rule, raw, keys))
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

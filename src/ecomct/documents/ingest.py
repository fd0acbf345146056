"""Sources to documents: a row-wise stream, so that no step sees more than a batch of rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.documents.keys import FORGOTTEN, canonical_key, forgotten_keys, referred_to
from ecomct.documents.language import SURE, foreign, label
from ecomct.documents.linearise import Rejected, Span, linearise, lookup
from ecomct.documents.lines import Frequent
from ecomct.documents.privacy import mask, without_personal
from ecomct.documents.refine import Refine
from ecomct.documents.schema import DOCUMENTS, REJECTED
from ecomct.duplicates.signature import near_column
from ecomct.recipe.cleaning import Cleaning
from ecomct.recipe.model import Recipe
from ecomct.recipe.personal import masked_kinds
from ecomct.recipe.source import Kind, Source
from ecomct.rules.rule import Verdict
from ecomct.seeded import digest_text, hash_text
from ecomct.sources.files import Unit, row_number
from ecomct.sources.readers import Row, read_rows

# Kinds whose rows are prose, so that a language other than zh and en can be told with certainty.
_READ_AS_PROSE = ("review", "description", "article", "web")
_OWN = ("zh-Hans", "zh-Hant", "zh", "en", "mixed", "und")
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
    cleaning: Cleaning
    frequent: Mapping[str, Frequent]
    is_referred_to: bool
    is_pointed_at: bool
    forget: frozenset[str]
    permutes_fields: bool


def ingest_task(recipe: Recipe, folder: Path, name: str, frequent: Mapping[str, Frequent]) -> IngestTask:
    """The task of one source, whose lines in `frequent` (by slot) are boilerplate."""
    sources = recipe.sources.values()
    referred = name in referred_to(recipe)
    pointed = not referred and any(related.to == name for source in sources for related in source.related)
    forget, permutes = frozenset(forgotten_keys(recipe)), recipe.mixing.fields == "permuted"
    source, cleaning = recipe.sources[name], recipe.cleaning
    return IngestTask(folder, name, source, recipe.seed, cleaning, frequent, referred, pointed, forget, permutes)


def ingest_unit(task: IngestTask, unit: Unit) -> dict[str, Any]:
    """Write the documents and rejects of one unit; return its account and the names of its shards.

    Memory: the documents of one shard and a batch of rejects.
    """
    writer = _ShardWriter(task.folder / "shards", unit.name, task.source.kind)
    reasons: Counter[str] = Counter()
    edits: Counter[str] = Counter()
    forgotten: set[str] = set()
    rows_in = 0
    source = task.source
    encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
    masked = masked_kinds(task.cleaning, source)
    refine = Refine(task.cleaning, source.language, task.frequent, source.kind, masked)
    with _RejectWriter(task, unit) as rejects:
        for row in read_rows(unit, encodings, source.limit):
            rows_in += 1
            keys = row_keys(row.data, source, task.name, task.is_referred_to) if row.data is not None else []
            if listed := task.forget.intersection(keys):
                # Before any other reason: of a forgotten row only its place is kept.
                forgotten |= listed
                reasons[FORGOTTEN] += 1
                rejects.add(Row(row.line, None), Rejected(FORGOTTEN, ""), keys)
                continue
            if row.data is None:
                fault = Rejected(row.reason, row.detail)
            else:
                refine.place = f"{unit.file_index}:{row.line}"
                data = without_personal(row.data, source.personal) if source.personal else row.data
                try:
                    document = _document(task, unit, row.line, data, keys, refine)
                    writer.add(document)
                    edits.update(refine.take())
                    continue
                except Rejected as error:
                    refine.take()
                    row, fault = Row(row.line, data), error
            reasons[fault.reason] += 1
            rejects.add(row, fault, keys)
        shards = writer.close()
    return {
        "account": {"rows_in": rows_in, "kept": writer.rows, "rejected": dict(sorted(reasons.items()))},
        "edits": dict(sorted(edits.items())),
        "shards": shards,
        "text_bytes": writer.text_bytes,
        "forgotten": sorted(forgotten),
    }


def _document(task: IngestTask, unit: Unit, line: int, data: dict[str, Any], keys: list[str], refine: Refine) -> dict[str, Any]:
    """One row as a document (columns of DOCUMENTS); raises Rejected."""
    source = task.source
    # Only key-values are written in a form that is drawn.
    draw = hash_text(f"{unit.file}:{line}", task.seed) if source.kind == "attributes" else 0
    text, language, spans, title_chars = linearise(data, source, refine, draw, task.permutes_fields)
    script = _script(text, spans, source.kind)
    if script not in _OWN and source.kind in _READ_AS_PROSE and (found := foreign(text)):
        raise Rejected("foreign_language", f"{found[0]}: {text}", source.kind, Verdict("foreign_language", found[1], SURE))
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
        "script": script,
        "text": text,
        "title_chars": title_chars,
        "spans": spans,
        "digest": digest_text(*_duplicate_scope(source, keys, row), plain),
        "text_hash": hash_text(plain),
        "flags": sorted(refine.edits),
    }


def _script(text: str, spans: list[Span], kind: Kind) -> str:
    """What a text is written in. Names of columns are often English over Chinese values: of key-values these alone count."""
    if kind == "attributes" and spans and (script := label(" ".join(text[span.start : span.end] for span in spans))) != "und":
        return script
    return label(text)


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

    def __init__(self, folder: Path, unit: str, kind: Kind) -> None:
        self.folder, self.unit, self.kind = folder, unit, kind
        self.rows = self.text_bytes = 0
        self.shards: list[str] = []
        self._batch: list[dict[str, Any]] = []
        self._bytes = 0
        self._tables: list[pa.Table] = []

    def add(self, document: dict[str, Any]) -> None:
        self.rows += 1
        self._batch.append(document)
        size = len(document["text"].encode())
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
            texts = [document["text"] for document in self._batch]
            spans = [[(span.start, span.end) for span in document["spans"]] for document in self._batch]
            near = near_column(texts, self.kind, spans)
            for document in self._batch:
                # Arrow takes UTF-8 as it is; from a string it would make, and keep, a copy of its own.
                document["text"] = document["text"].encode()
            table = pa.Table.from_pylist(self._batch, schema=DOCUMENTS)
            self._tables.append(table.set_column(table.column_names.index("near"), "near", near))
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
        self._hides, self._kinds = bool(task.source.personal), masked_kinds(task.cleaning, task.source)
        self._batch: list[tuple[object, ...]] = []
        self._open = ExitStack()
        self._file: pq.ParquetWriter | None = None

    def add(self, row: Row, fault: Rejected, keys: list[str]) -> None:
        # Of a row that cannot be read nobody knows which part of it is personal.
        raw = row.raw if not self._hides else ""
        if row.data is not None:
            raw = json.dumps(row.data, ensure_ascii=False, default=str)
        # A long text is cut first: the rest of it would only be masked to be thrown away.
        shown = (mask(text[:2000], self._kinds)[0] for text in (fault.detail, raw))
        self._batch.append((*self._place, row.line, fault.reason, fault.rule, fault.value, fault.threshold, *shown, keys))
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

"""Benchmark files to records, whatever form they come in."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecomct.errors import InputError
from ecomct.recipe.decontamination import Benchmark

FORMATS = {".jsonl": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv", ".txt": "lines", ".conll": "conll"}


def read_records(file: Path, form: str, setting: Benchmark) -> Iterator[tuple[int, Any]]:
    """Records of a file with their numbers: the line that each begins on, or its place in one JSON document.

    Memory: the file. Raises InputError that names file and line for what is not of the form.
    """
    text = _decoded(file, setting)
    if form == "json":
        document = _document(file, text)
        if document is not None:
            yield from enumerate(_of_document(document), 1)
            return
        form = "jsonl"  # JSON lines by another name
    if form == "jsonl":
        yield from _json_lines(file, text)
    elif form in ("csv", "tsv"):
        yield from _table(file, text, "\t" if form == "tsv" else ",", setting)
    elif form == "conll":
        yield from _tagged(text)
    else:
        yield from ((number, {"text": line}) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _decoded(file: Path, setting: Benchmark) -> str:
    encodings = [setting.encoding] if isinstance(setting.encoding, str) else setting.encoding
    try:
        data = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    raise InputError(f"{file}: not {' or '.join(encodings)}; name the file's encoding")


def _document(file: Path, text: str) -> Any:
    """The one JSON document of a file; None where it holds several, one a line."""
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"{file}: not JSON: nested too deeply") from None
    except ValueError as error:
        if text.count("\n") and text.lstrip()[:1] == "{" and _is_json(text.lstrip().partition("\n")[0]):
            return None
        raise InputError(f"{file}: not JSON ({error})") from None


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _of_document(document: Any) -> Iterator[Any]:
    """Records of a JSON document: the elements of its list, or of its `data`; of articles in SQuAD's form, the paragraphs."""
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        document = document["data"]
    for record in document if isinstance(document, list) else [document]:
        if isinstance(record, dict) and isinstance(record.get("paragraphs"), list):
            yield from record["paragraphs"]
        else:
            yield record


def _json_lines(file: Path, text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{file}:{number}: not JSON ({error}); mend the line or set format") from None


def _table(file: Path, text: str, delimiter: str, setting: Benchmark) -> Iterator[tuple[int, Any]]:
    """Rows of a table by column, named by the first line where that looks like names, else by number from 1."""
    # Quotes in a tab-separated benchmark are text.
    names: list[str] | None = None
    lines = (f"{line}\n" for line in text.split("\n"))
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if delimiter == "\t" else csv.reader(lines)
    while True:
        number = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{file}:{number}: not a table ({error}); mend the line or set format") from None
        if not row:
            continue
        if names is None:
            named = {*setting.text, *setting.title, *setting.id} & set(row)
            is_header = bool(named) or (all(re.fullmatch(r"[A-Za-z_][\w .-]{0,40}", cell) for cell in row) and len(row) > 1)
            names = row if is_header else [str(column) for column in range(1, len(row) + 1)]
            if is_header:
                continue
        yield number, dict(zip(names, row, strict=False))


def _tagged(text: str) -> Iterator[tuple[int, Any]]:
    """Sentences of tagged text: a token and its tag a line, a blank line between sentences."""
    tokens: list[str] = []
    begin = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if parts := line.split():
            begin = begin if tokens else number
            tokens.append(parts[0])
        elif tokens:
            latin = sum(token.isascii() for token in tokens) > len(tokens) / 2
            yield begin, {"text": (" " if latin else "").join(tokens)}
            tokens = []

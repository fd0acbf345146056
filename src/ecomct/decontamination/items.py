"""Benchmark files to items: every text of a record with its part in it, and the keys of products that it names.

Nothing is asked of a record but that it holds text. What is known of the forms that benchmarks come in says which text is
a title and which an answer: EcomInstruct's templates, SQuAD's and CMRC's paragraphs, tagged text (CoNLL), plain tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ecomct.decontamination.records import FORMATS, read_records
from ecomct.documents.clean import clean_value
from ecomct.documents.keys import canonical_key
from ecomct.documents.linearise import lookup
from ecomct.errors import InputError
from ecomct.recipe.decontamination import Benchmark

Role = Literal["text", "title", "answer"]
TITLES = frozenset({"title", "name", "product_title", "product_name", "item_title", "short_title", "标题", "商品名称"})
_ANSWERS = re.compile(r"answer|span|output|response|target|label|term")
# Parts of a record that say something of the item and are none of its text.
_NO_TEXT = frozenset(
    {"id", "idx", "index", "label", "labels", "label_set", "label_desc", "label_des", "type", "genre", "level", "trace_id"}
)
# What EcomInstruct's `sentences` are made of.
_MATCHING = re.compile(r"\ATitle: (?P<title>.*?), Att\w{5,7}e: (?P<text>.*)\Z", re.DOTALL)
_ALIGNED = re.compile(r"\AItem 1: (?P<one>.*?),\s*\nItem 2: (?P<two>.*)\Z", re.DOTALL)
_PREFIX = re.compile(r"^(?:Query|Doc|Candidate Document|Context|Question|Title|Item [12]): ?", re.MULTILINE)
_PAIRS = "#:#"


class Text(NamedTuple):
    """One text of an item. Only a title, or a text that is not an answer, can say which product the item is about."""

    text: str
    role: Role


class Item(NamedTuple):
    """One record of a benchmark: `place` is FILE:NUMBER, a line, or a record's number where a file is one JSON document."""

    place: str
    texts: list[Text]
    keys: list[str]


def read_benchmark(files: Iterable[Path], setting: Benchmark, key_columns: frozenset[str]) -> Iterator[Item]:
    """Items of a benchmark's files, in order. Memory: one file.

    `key_columns`: names of columns that hold products' keys in the recipe's sources. Raises InputError for a file that cannot
    be read or a format that the name does not tell.
    """
    for file in files:
        form = FORMATS.get(file.suffix.lower()) if setting.format == "auto" else setting.format
        if form is None:
            raise InputError(f"{file}: no format is known for this name; set format")
        for number, record in read_records(file, form, setting):
            texts = list(_texts(record, setting))
            keys = list(_keys(record, setting.id, key_columns))
            if texts or keys:
                yield Item(f"{file.name}:{number}", list(dict.fromkeys(texts)), keys)


def task_item(place: str, record: dict[str, Any], writes_titles: bool, key_columns: frozenset[str]) -> Item:
    """The item of a record in EcomInstruct form; `writes_titles`: the answer is the title of a product."""
    texts = [*_parts(record["sentences"])]
    terms = [span["term"] for span in record.get("spans", ()) if isinstance(span, dict) and isinstance(span.get("term"), str)]
    texts += [Text(_plain(term), "title" if writes_titles else "answer") for term in terms]
    return Item(place, list(dict.fromkeys(texts)), list(_keys(record, [], key_columns)))


def _parts(sentences: str) -> Iterator[Text]:
    """A text by its known parts, together all of it; one text where it has none."""
    if match := _MATCHING.match(sentences):
        yield Text(_plain(match["title"]), "title")
        yield Text(_plain(match["text"]), "text")
    elif match := _ALIGNED.match(sentences):
        for item in (match["one"], match["two"]):
            title, text = _title_before_pairs(item, ", ")
            yield Text(_plain(title), "title")
            yield Text(_plain(text), "text")
    elif "\t" in sentences and _PAIRS in sentences:
        title, _, text = sentences.partition("\t")
        yield Text(_plain(title), "title")
        yield Text(_plain(text), "text")
    elif _PREFIX.match(sentences):
        for part in _PREFIX.split(sentences):
            yield Text(_plain(part), "text")
    else:
        yield Text(_plain(sentences), "text")


def _title_before_pairs(item: str, separator: str) -> tuple[str, str]:
    """`TITLE, key#:#value#;#...` cut at the separator that stands last before the first pair's value."""
    head = item.find(_PAIRS)
    cut = item.rfind(separator, 0, head) if head >= 0 else -1
    return (item[:cut], item[cut + len(separator) :]) if cut >= 0 else (item, "")


def _plain(text: str) -> str:
    """A text as documents are cleaned; one that is written with a space after each character, without these."""
    text = clean_value(text, keep_lines=True)
    words = text.split(" ", 2000)
    if len(words) > 8 and sum(len(word) == 1 for word in words) > 0.9 * len(words):
        text = text.replace(" ", "")
    return text


def _texts(record: Any, setting: Benchmark) -> Iterator[Text]:
    if setting.text or setting.title:
        for role, columns in (("title", setting.title), ("text", setting.text)):
            for column in columns:
                for text in _strings(lookup(record, column)):
                    yield from ([Text(_plain(text), "title")] if role == "title" else _parts(text))
        return
    yield from _every_text(record, "text", "")


def _every_text(value: Any, role: Role, name: str) -> Iterator[Text]:
    """Every text of a record. Depth is bounded by the JSON parser."""
    if isinstance(value, str):
        if role == "text" and name in TITLES:
            yield Text(_plain(value), "title")
        elif role == "text":
            yield from _parts(value)
        else:
            yield Text(_plain(value), role)
    elif isinstance(value, list):
        for item in value:
            yield from _every_text(item, role, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            lower = str(key).lower()
            if lower not in _NO_TEXT:
                yield from _every_text(item, "answer" if role == "answer" or _ANSWERS.search(lower) else "text", lower)


def _strings(value: Any) -> Iterator[str]:
    """Texts of a column that holds one or a list of them."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item


def _keys(record: Any, columns: list[str], key_columns: frozenset[str]) -> Iterator[str]:
    """Keys of products that a record names: in the columns given, else in those that are called as a source's key."""
    if not isinstance(record, dict):
        return
    for column in columns or sorted(key_columns & record.keys()):
        value = lookup(record, column)
        for item in value if isinstance(value, list) else [value]:
            if (key := canonical_key(item)) is not None:
                yield key

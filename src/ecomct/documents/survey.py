"""Boilerplate by frequency: lines and sentences that a source repeats from product to product, found in a sample.

Lists of stock phrases know other shops; the data knows this one. What counts is distinct rows, and products: a product's own
description in ten rows is no boilerplate, nor is an answer that many questions deserve ("yes, it fits"). Of what is found in
answers and descriptions, the first few rows keep it: no text of the shop is lost to the model altogether.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from ecomct.documents.answers import holds_figure, with_what_goes_with
from ecomct.documents.boilerplate import OF_SENTENCES, Found
from ecomct.documents.clean import clean_value
from ecomct.documents.ingest import row_keys
from ecomct.documents.keys import forgotten_keys, referred_to
from ecomct.documents.linearise import lookup
from ecomct.documents.lines import plain, readable, sentences
from ecomct.recipe.cleaning import Boilerplate
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Kind, Source
from ecomct.seeded import hash_text
from ecomct.sources.files import Unit
from ecomct.sources.readers import read_rows

# The slot of each kind that is surveyed. Titles and key-values are the catalogue's own; reviews are short speech.
SLOTS: dict[Kind, str] = {"qa": "answer", "description": "text", "article": "text", "dialogue": "text", "web": "text"}
# Of these a short line counts too where it stands in so large a share of the rows: an empty field of a page's head.
_OF_SHORT_LINES: frozenset[Kind] = frozenset({"article", "web"})
_SHORT, _SHORT_SHARE = 1.5, 0.2
# Characters of text that are cleaned and counted for one source, whatever its rows: bounds time and memory.
SAMPLE_CHARS = 2 << 20
_ENDS = 2000  # characters at either end of a longer text that are counted
# Units of a large source that are read, spread by hash, and how much more than the sample is read of each.
_UNITS, _READ = 16, 4
# Products that must share a line: a tenth of the sample's, within these bounds.
_SEVERAL = (3, 8)
# A line counts as apart from its text where it stands this near an end of it or another such line.
_NEAR = 3


@dataclass(frozen=True)
class SurveyTask:
    """What a worker needs to survey one source."""

    name: str
    source: Source
    seed: int
    boilerplate: Boilerplate
    is_referred_to: bool
    forget: frozenset[str]


class _Text(NamedTuple):
    """A sampled text as it was written: its place in the order of the sample, file index and line, product (or the row)."""

    order: int
    place: tuple[int, int]
    owner: str
    raw: str


@dataclass
class _Use:
    """How the sample uses a frequent piece: products, texts and rows that have it, how often apart, alone, beside others."""

    owners: set[str] = field(default_factory=set)
    texts: set[int] = field(default_factory=set)
    places: list[tuple[int, int]] = field(default_factory=list)
    beside: Counter[str] = field(default_factory=Counter)
    apart: int = 0
    alone: int = 0


def survey_task(recipe: Recipe, name: str) -> SurveyTask:
    """The task of one source."""
    forget = frozenset(forgotten_keys(recipe))
    return SurveyTask(name, recipe.sources[name], recipe.seed, recipe.cleaning.boilerplate, name in referred_to(recipe), forget)


def survey_source(task: SurveyTask, units: list[Unit]) -> dict[str, Any]:
    """Frequent lines of a source, and how many rows and characters were counted.

    The sample is those rows of least seeded hash that fit into `sample_rows` and SAMPLE_CHARS, forgotten rows left out: a
    row that is forgotten leaves the sample that a run from scratch would draw. Memory: the sample.
    """
    slot = SLOTS.get(task.source.kind)
    if slot is None or slot not in task.source.fields or not task.boilerplate.sample_rows:
        return {"rows": 0, "chars": 0, "found": []}
    sample = _sample(task, units, slot)
    found = _frequent(sample, task, slot)
    return {"rows": len(sample), "chars": sum(len(text.raw) for text in sample), "found": [one._asdict() for one in found]}


def _sample(task: SurveyTask, units: list[Unit], slot: str) -> list[_Text]:
    """The rows of least hash that fit, in the order of their hash."""
    chosen = sorted(units, key=lambda unit: hash_text(f"{unit.file_index}:{unit.first_line}", task.seed))[:_UNITS]
    sample: list[_Text] = []
    held = 0
    for unit in chosen:
        for text in _texts(task, unit, slot, _READ * task.boilerplate.sample_rows // len(chosen), len(chosen)):
            sample.append(text)
            held += len(text.raw)
            if len(sample) > 2 * task.boilerplate.sample_rows or held > 2 * SAMPLE_CHARS:
                sample = _least(sample, task.boilerplate.sample_rows)
                held = sum(len(one.raw) for one in sample)
    return _least(sample, task.boilerplate.sample_rows)


def _least(sample: list[_Text], rows: int) -> list[_Text]:
    """The longest beginning of the sample in hash order within its bounds: what falls out now would fall out later."""
    kept, held = [], 0
    for text in sorted(sample, key=lambda one: one.order)[:rows]:
        held += len(text.raw)
        if held > SAMPLE_CHARS:
            break
        kept.append(text)
    return kept


def _texts(task: SurveyTask, unit: Unit, slot: str, rows: int, units: int) -> Iterator[_Text]:
    """Texts of a unit's first rows and characters, forgotten rows left out."""
    source = task.source
    encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
    column = source.fields[slot]
    columns = [column] if isinstance(column, str) else column
    left = _READ * SAMPLE_CHARS // units
    for row in islice(read_rows(unit, encodings, source.limit), rows):
        if row.data is None:
            continue
        keys = row_keys(row.data, source, task.name, task.is_referred_to)
        if task.forget.intersection(keys):
            continue
        text = "\n".join([_raw(lookup(row.data, column)) for column in columns])
        place = f"{unit.file_index}:{row.line}"
        yield _Text(hash_text(place, task.seed), (unit.file_index, row.line), keys[0] if keys else place, text)
        left -= len(text)
        if left < 0:
            return


def _raw(value: Any) -> str:
    """The text of a column before cleaning: of a long one its beginning and end, where boilerplate stands."""
    if isinstance(value, list):
        value = "\n".join([item for item in value if isinstance(item, str)])
    if not isinstance(value, str):
        return ""
    return value if len(value) <= 2 * _ENDS else f"{value[:_ENDS]}\n{value[-_ENDS:]}"


def _frequent(sample: list[_Text], task: SurveyTask, slot: str) -> list[Found]:
    """Lines and sentences of the sample that are boilerplate, the most frequent first."""
    rules, kind = task.boilerplate, task.source.kind
    texts = [clean_value(text.raw, keep_lines=True) for text in sample]
    shortest = min(rules.min_chars, _SHORT) if kind in _OF_SHORT_LINES else rules.min_chars
    pieces = [_pieces(text, shortest, kind in OF_SENTENCES) for text in texts]
    rows = Counter(piece for row in pieces for piece in set(row))
    del rows[""]
    several = min(_SEVERAL[1], max(_SEVERAL[0], len({text.owner for text in sample}) // 10))
    least = max(rules.min_rows, rules.min_share * len(sample))
    least_short = max(least, _SHORT_SHARE * len(sample))
    often = {
        piece: _Use() for piece, count in rows.items() if count >= (least if _size(piece) >= rules.min_chars else least_short)
    }
    for one, text, row in zip(sample, texts, pieces, strict=True):
        if not often.keys().isdisjoint(row):
            _note(often, row, one, plain(text))
    stays = {piece for piece in often if kind in OF_SENTENCES and holds_figure(piece)}
    if kind == "qa":
        stays = with_what_goes_with(stays, {piece: use.beside for piece, use in often.items()}, rows)
    # A notice of a site says nothing of a product: none of it is kept.
    keep = rules.keep_rows if kind in OF_SENTENCES else 0
    found = [
        Found(slot, piece, rows[piece], round(rows[piece] / len(sample), 4), _first(use.places, keep))
        for piece, use in often.items()
        if len(use.owners) >= several
        and use.apart * 2 >= rows[piece]
        and piece not in stays
        and _is_of_the_shop(use, rows[piece], kind, several, _size(piece) >= 2 * rules.min_chars)
    ]
    return sorted(found, key=lambda one: (-one.rows, one.text))


def _first(places: list[tuple[int, int]], count: int) -> list[str]:
    """The first rows in the order of the files, whatever the order of the sample."""
    return [f"{file_index}:{line}" for file_index, line in sorted(places)[:count]]


def _is_of_the_shop(use: _Use, rows: int, kind: Kind, several: int, is_long: bool) -> bool:
    """Whether a frequent piece is the shop's or site's own, and not of what the texts are about."""
    if kind != "qa":
        # One description on fifty variants of a product is that product's; a notice stands in texts that differ.
        return len(use.texts) * 2 >= rows
    if use.alone * 2 >= rows:
        # A short answer that is all of the answer is one that many questions deserve.
        return is_long
    # A greeting goes with several answers; a sentence of one stock answer shares that answer's fate.
    return len(use.texts) >= several


def _pieces(text: str, min_chars: float, by_sentence: bool) -> list[str]:
    """Lines of a text and, where asked for, the sentences of those that have several, in plain form; short ones as ""."""
    found: list[str] = []
    for line in readable(text):
        found.append(plain(line))
        if by_sentence and len(parts := sentences(line)) > 1:
            found += map(plain, parts)
    return [piece if _size(piece) >= min_chars else "" for piece in found]


def _size(piece: str) -> float:
    """Length in characters that say as much as a Chinese one: two Latin letters are one."""
    return len(piece) / 2 if piece.isascii() else len(piece)


def _note(often: dict[str, _Use], row: list[str], one: _Text, text: str) -> None:
    """Note how a row uses each frequent piece that it has, once each; `text` is its plain form."""
    text_hash, places = hash_text(text), [index for index, piece in enumerate(row) if piece in often]
    apart: set[str] = set()
    for number, index in enumerate(places):
        beside = [other for other in places[max(0, number - 1) : number + 2] if row[other] != row[index]]
        if index < _NEAR or index >= len(row) - _NEAR or any(abs(other - index) <= _NEAR for other in beside):
            apart.add(row[index])
    pairs = {(row[index], row[index + 1]) for index in places if index + 1 < len(row) and row[index + 1] in often}
    for piece, other in pairs | {(other, piece) for piece, other in pairs}:
        often[piece].beside[other] += 1
    for piece in {row[index] for index in places}:
        use = often[piece]
        use.owners.add(one.owner)
        use.places.append(one.place)
        use.texts.add(text_hash)
        use.apart += piece in apart
        use.alone += piece == text

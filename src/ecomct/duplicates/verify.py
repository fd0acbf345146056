"""Whether two rows that share a band are one text: true similarity first, then what differs.

Similarity is Jaccard's, of the sets of shingles (of key-values: of the pairs). Every field must be alike on its own, so
that one answer to many questions is no repeat of a question. Long fields are judged by similarity alone: a date, a
footer or another headline does not make another article. In short ones `changes.difference` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ecomct.duplicates.changes import difference
from ecomct.duplicates.fields import Row, key_values, segments, strict
from ecomct.duplicates.shingles import JOINT, Plain, plain, shingles, widths
from ecomct.duplicates.signature import FEWEST, FEWEST_VALUES, LONG, LONG_FROM, SHORT
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.source import Kind

# Why a candidate pair is no repeat; "" for one that is.
REASONS = ("", "similarity", "field", "number", "fact", "words", "title", "pairs")
# Kinds that are compared as wholes: another letter is another title, another value another fact.
_WHOLE: frozenset[Kind] = frozenset({"title", "attributes"})
_WRITTEN: frozenset[Kind] = frozenset({"review", "qa", "article", "dialogue", "web"})
# Pairs judged together: the shingles of their rows are in memory.
_PAIRS = 4096


class Verdict(NamedTuple):
    """Similarity of a pair, and why it is no repeat ("" where it is one)."""

    similarity: float
    reason: str


class _Field(NamedTuple):
    """A field's text, its width and the set of its shingles of each length."""

    text: str
    plain: str
    width: int
    short: frozenset[int]
    long: frozenset[int]


def verify(rows: Sequence[Row], pairs: Sequence[tuple[int, int]], settings: Duplicates) -> Iterator[Verdict]:
    """A verdict for each pair of positions in `rows`.

    Time: linear in the texts of the pairs' rows; only short fields that are similar cost more (tokens squared / 64).
    Memory: the shingles of 4,096 pairs' rows.
    """
    for start in range(0, len(pairs), _PAIRS):
        part = pairs[start : start + _PAIRS]
        chosen = sorted({position for pair in part for position in pair})
        fields = _fields([rows[position] for position in chosen])
        of = dict(zip(chosen, fields, strict=True))
        for first, second in part:
            yield _judge(rows[first], rows[second], of[first], of[second], settings)


def _fields(rows: Sequence[Row]) -> Iterator[list[_Field]]:
    """The fields of each row; of rows that are compared as wholes none."""
    texts = [[] if row.kind in _WHOLE else segments(row) for row in rows]
    flat = [text for parts in texts for text in parts]
    whole = plain(flat)
    width = widths(whole).tolist()
    sets = {size: list(_sets(whole, size)) for size in (SHORT, LONG)}
    characters = "".join(map(chr, whole.code.tolist()))
    bounds = list(pairwise(whole.first.tolist()))
    position = 0
    for parts in texts:
        made = []
        for text in parts:
            start, end = bounds[position]
            made.append(_Field(text, characters[start:end], width[position], sets[SHORT][position], sets[LONG][position]))
            position += 1
        yield made


def _sets(text: Plain, size: int) -> Iterator[frozenset[int]]:
    found = shingles(text, size)
    values = found.value.tolist()
    for start, end in pairwise(found.first.tolist()):
        yield frozenset(values[start:end])


def _judge(first: Row, second: Row, one: list[_Field], two: list[_Field], settings: Duplicates) -> Verdict:
    if first.kind in _WHOLE or second.kind in _WHOLE:
        return _judge_whole(first, second, settings)
    written = first.kind in _WRITTEN and second.kind in _WRITTEN
    if len(one) != len(two):
        one, two = [_joined(one)], [_joined(two)]
    similarity = _similarity(_joined(one), _joined(two)) if len(one) > 1 else _similarity(one[0], two[0]) if one else 1.0
    if similarity < settings.similarity:
        return Verdict(similarity, "similarity")
    reasons = [_field(left, right, written, settings) for left, right in zip(one, two, strict=True)]
    if any(reasons) and _is_same_body(first, one, two, reasons, settings):
        return Verdict(similarity, "")
    reason = next((reason for reason in reasons if reason), "")
    return Verdict(similarity, "title" if reason and first.title_chars and reason == reasons[0] else reason)


def _field(one: _Field, two: _Field, written: bool, settings: Duplicates) -> str:
    """Why a field differs."""
    if one.plain == two.plain:
        return ""
    if min(len(one.short), len(two.short)) < FEWEST and not one.short == two.short != frozenset():
        return "field"
    similarity = _similarity(one, two)
    if similarity < settings.similarity:
        return "field"
    if min(one.width, two.width) >= settings.long_width:
        return "" if similarity >= settings.long_similarity else "field"
    return difference(one.text, two.text, written)


def _is_same_body(row: Row, one: list[_Field], two: list[_Field], reasons: list[str], settings: Duplicates) -> bool:
    """Whether only a headline differs: a long text after it is nearly the same."""
    if len(one) != 2 or not row.title_chars or reasons[1]:
        return False
    wide = min(one[1].width, two[1].width) >= 2 * settings.long_width
    return wide and _similarity(one[1], two[1]) >= (1 + settings.long_similarity) / 2


def _joined(fields: list[_Field]) -> _Field:
    """Several fields as one; shingles over their borders are left out."""
    if len(fields) == 1:
        return fields[0]
    short = frozenset[int]().union(*(field.short for field in fields))
    long = frozenset[int]().union(*(field.long for field in fields))
    text, together = JOINT.join(field.text for field in fields), JOINT.join(field.plain for field in fields)
    return _Field(text, together, sum(field.width for field in fields), short, long)


def _similarity(one: _Field, two: _Field) -> float:
    """Jaccard similarity of the shingles, long ones where both texts are long; 1 for equal texts of any length."""
    if one.plain == two.plain:
        return 1.0
    is_short = min(one.width, two.width) < LONG_FROM
    left, right = (one.short, two.short) if is_short else (one.long, two.long)
    common = len(left & right)
    return common / max(len(left) + len(right) - common, 1)


def _judge_whole(first: Row, second: Row, settings: Duplicates) -> Verdict:
    """Titles, and key-values by their names and values."""
    if first.kind != second.kind:
        return Verdict(0.0, "field")
    if first.kind == "title":
        equal = [strict(part) for part in segments(first)] == [strict(part) for part in segments(second)]
        return Verdict(float(equal), "" if equal else "title")
    one, two = key_values(first), key_values(second)
    if one == two:
        return Verdict(1.0, "")
    left, right = set(one), set(two)
    similarity = len(left & right) / len(left | right)
    if min(len(left), len(right)) < FEWEST_VALUES or similarity < (1 + settings.similarity) / 2:
        return Verdict(similarity, "pairs" if similarity >= settings.similarity else "similarity")
    # One row may have a few pairs more; a name that both have has the same value in both.
    smaller, larger = sorted((left, right), key=len)
    known = {name for name, _ in smaller}
    is_part = smaller <= larger and not any(name in known for name, _ in larger - smaller)
    return Verdict(similarity, "" if is_part else "pairs")

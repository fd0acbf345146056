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
from ecomct.duplicates.shingles import Plain, plain, shingles, widths
from ecomct.duplicates.signature import FEWEST, FEWEST_VALUES, LONG, LONG_FROM, SHORT, SHORT_BELOW
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.source import Kind

# Why a candidate pair is no repeat; "" for one that is.
REASONS = ("", "similarity", "field", "number", "fact", "words", "title", "pairs")
# Kinds that are compared as wholes: another letter is another title, another value another fact.
_WHOLE: frozenset[Kind] = frozenset({"title", "attributes"})
_WRITTEN: frozenset[Kind] = frozenset({"review", "qa", "article", "dialogue", "web"})
# Pairs judged together: the shingles of their rows are in memory.
_PAIRS = 4096
_CHARACTERS = 1 << 20
_NONE: frozenset[int] = frozenset()


class Verdict(NamedTuple):
    """Similarity of a pair, and why it is no repeat ("" where it is one)."""

    similarity: float
    reason: str


class _Field(NamedTuple):
    """A field's text, its width and the set of its shingles, of each length that its width has (signature.py)."""

    text: str
    plain: str
    width: int
    short: frozenset[int]
    long: frozenset[int]


def verify(rows: Sequence[Row], pairs: Sequence[tuple[int, int]], settings: Duplicates) -> Iterator[Verdict]:
    """A verdict for each pair of positions in `rows`.

    Time: linear in the texts of the pairs' rows; only short fields that are similar cost more (tokens squared / 64).
    Memory: the shingles of _CHARACTERS of text, or of one pair.
    """
    for part in _parts(rows, pairs):
        chosen = sorted({position for pair in part for position in pair})
        fields = dict(zip(chosen, _fields([rows[position] for position in chosen]), strict=True))
        for first, second in part:
            one, two = rows[first], rows[second]
            if one.kind in _WHOLE or two.kind in _WHOLE:
                yield _judge_whole(one, two, settings)
            else:
                yield _judge(one, two, fields[first], fields[second], settings)


def _parts(rows: Sequence[Row], pairs: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """The pairs in order, in parts of at most _PAIRS whose texts have at most _CHARACTERS together, or of one."""
    part: list[tuple[int, int]] = []
    held = 0
    for pair in pairs:
        size = len(rows[pair[0]].text) + len(rows[pair[1]].text)
        if part and (len(part) == _PAIRS or held + size > _CHARACTERS):
            yield part
            part, held = [], 0
        part.append(pair)
        held += size
    if part:
        yield part


def _fields(rows: Sequence[Row]) -> Iterator[list[_Field]]:
    """The fields of each row; of rows that are compared as wholes none."""
    texts = [[] if row.kind in _WHOLE else segments(row) for row in rows]
    flat = [text for parts in texts for text in parts]
    whole = plain(flat)
    width = widths(whole).tolist()
    characters = whole.code.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    bounds = whole.first.tolist()
    short = _sets(whole, SHORT, [one < SHORT_BELOW for one in width])
    long = _sets(whole, LONG, [one >= LONG_FROM for one in width])
    fields = [
        _Field(text, characters[bounds[at] : bounds[at + 1]], width[at], short[at], long[at]) for at, text in enumerate(flat)
    ]
    position = 0
    for parts in texts:
        yield fields[position : position + len(parts)]
        position += len(parts)


def _sets(text: Plain, size: int, wanted: list[bool]) -> list[frozenset[int]]:
    found = shingles(text, size)
    values, bounds = found.value, found.first.tolist()
    return [
        frozenset(values[start:end].tolist()) if is_wanted else _NONE
        for (start, end), is_wanted in zip(pairwise(bounds), wanted, strict=True)
    ]


def _judge(first: Row, second: Row, one: list[_Field], two: list[_Field], settings: Duplicates) -> Verdict:
    if len(one) != len(two):
        return Verdict(0.0, "field")
    alike = [_similarity(left, right) for left, right in zip(one, two, strict=True)]
    width = [min(left.width, right.width) for left, right in zip(one, two, strict=True)]
    lowest = min(alike, default=1.0)
    is_long = [one_width >= settings.long_width for one_width in width]
    least = [settings.long_similarity if is_long[at] else settings.similarity for at in range(len(alike))]
    unlike = [at for at, similarity in enumerate(alike) if similarity < least[at]]
    written = first.kind in _WRITTEN and second.kind in _WRITTEN
    if not unlike:
        # Long text is judged by similarity alone, short text by what differs.
        reasons = [
            difference(left.text, right.text, written, similarity == 1.0)
            for left, right, similarity, long in zip(one, two, alike, is_long, strict=True)
            if left.plain != right.plain and not long
        ]
        return Verdict(lowest, next((reason for reason in reasons if reason), ""))
    if len(one) == 1:
        return Verdict(lowest, "similarity")
    if len(one) == 2 and unlike == [0] and first.title_chars and second.title_chars:
        # The headline alone differs: the same article where it is long and nearly the same, else a page of one template.
        is_same = width[1] >= 2 * settings.long_width and alike[1] >= (1 + settings.long_similarity) / 2
        return Verdict(alike[1], "" if is_same else "title")
    return Verdict(lowest, "field")


def _similarity(one: _Field, two: _Field) -> float:
    """Jaccard similarity of the shingles, long ones where both texts are long; of very short texts 1 or 0.

    Text that only repeats itself ("good good good") has few different shingles, and equal sets say that it is the same.
    """
    if one.plain == two.plain:
        return 1.0
    left, right = (one.short, two.short) if min(one.width, two.width) < LONG_FROM else (one.long, two.long)
    if left == right:
        return 1.0 if left else 0.0
    common = len(left & right)
    return common / (len(left) + len(right) - common) if min(len(left), len(right)) >= FEWEST else 0.0


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

"""Whether two rows that share a band are one text: true similarity first, then what differs.

Similarity is Jaccard's, of the sets of shingles (of key-values: of the pairs). Every field must be alike on its own, so
that one answer to many questions is no repeat of a question. Long fields are judged by similarity alone: a date, a
footer or another headline does not make another article. In short ones `changes.difference` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ecomct.duplicates.changes import difference
from ecomct.duplicates.fields import Row, key_values, segments, strict
from ecomct.duplicates.parts import parts
from ecomct.duplicates.shingles import Plain, plain, shingles, widths
from ecomct.duplicates.signature import FEWEST, FEWEST_VALUES, LONG, LONG_FROM, SHORT, SHORT_BELOW
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.source import Kind
from ecomct.seeded import U64

# Why a candidate pair is no repeat; "" for one that is.
REASONS = ("", "similarity", "field", "number", "fact", "words", "title", "pairs")
# Kinds that are compared as wholes: another letter is another title, another value another fact.
_WHOLE: frozenset[Kind] = frozenset({"title", "attributes"})
_WRITTEN: frozenset[Kind] = frozenset({"review", "qa", "article", "dialogue", "web"})
# Pairs judged together, and the characters of their rows, whose shingles are in memory; characters shingled at once.
_PAIRS, _CHARACTERS, _AT_ONCE = 4096, 1 << 23, 1 << 18
_NONE: frozenset[int] = frozenset()


class Verdict(NamedTuple):
    """Similarity of a pair, and why it is no repeat ("" where it is one)."""

    similarity: float
    reason: str


class _Field(NamedTuple):
    """A field's text, its width and the set of its shingles, of each length that its width has (signature.py).

    Of long text they are a sorted array: 8 bytes each instead of 100, and five times faster to compare.
    """

    text: str
    plain: str
    width: int
    short: frozenset[int]
    long: U64


def verify(rows: Sequence[Row], pairs: Sequence[tuple[int, int]], settings: Duplicates) -> Iterator[Verdict]:
    """A verdict for each pair of positions in `rows`.

    Time: linear in the texts of the pairs' rows, 20 ns a character; only short fields that are similar cost more (tokens
    squared / 64). Memory: 60 bytes for each of _AT_ONCE characters, 20 for each of _CHARACTERS (or of those of one row,
    one pair), and 12 KB for each short row of _PAIRS pairs: 200 MB at most.
    """
    size = [len(row.text) for row in rows]
    for start, stop in parts([one for one, _ in pairs], [two for _, two in pairs], size, _PAIRS, _CHARACTERS):
        part = pairs[start:stop]
        chosen = sorted({position for pair in part for position in pair})
        fields = dict(zip(chosen, _all_fields([rows[position] for position in chosen]), strict=True))
        for first, second in part:
            one, two = rows[first], rows[second]
            if one.kind in _WHOLE or two.kind in _WHOLE:
                yield _judge_whole(one, two, settings)
            else:
                yield _judge(one, two, fields[first], fields[second], settings)


def _all_fields(rows: Sequence[Row]) -> Iterator[list[_Field]]:
    """The fields of each row, _AT_ONCE characters at a time."""
    start = held = 0
    for at, row in enumerate(rows):
        if held + len(row.text) > _AT_ONCE:
            yield from _fields(rows[start:at])
            start, held = at, 0
        held += len(row.text)
    yield from _fields(rows[start:])


def _fields(rows: Sequence[Row]) -> Iterator[list[_Field]]:
    """The fields of each row; of rows that are compared as wholes none."""
    texts = [[] if row.kind in _WHOLE else segments(row) for row in rows]
    flat = [text for mine in texts for text in mine]
    whole = plain(flat)
    width = widths(whole).tolist()
    characters = whole.code.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    bounds = whole.first.tolist()
    short = _short(whole, [one < SHORT_BELOW for one in width])
    long = _long(whole, [one >= LONG_FROM for one in width])
    fields = [
        _Field(text, characters[bounds[at] : bounds[at + 1]], width[at], short[at], long[at]) for at, text in enumerate(flat)
    ]
    position = 0
    for mine in texts:
        yield fields[position : position + len(mine)]
        position += len(mine)


def _short(text: Plain, wanted: list[bool]) -> list[frozenset[int]]:
    if not any(wanted):
        return [_NONE] * len(wanted)
    found = shingles(text, SHORT)
    values, bounds = found.value, found.first.tolist()
    return [
        frozenset(values[start:end].tolist()) if is_wanted else _NONE
        for (start, end), is_wanted in zip(pairwise(bounds), wanted, strict=True)
    ]


def _long(text: Plain, wanted: list[bool]) -> list[U64]:
    none = np.zeros(0, dtype=np.uint64)
    if not any(wanted):
        return [none] * len(wanted)
    found = shingles(text, LONG)
    values, bounds = found.value, found.first.tolist()
    return [
        _unique(values[start:end]) if is_wanted else none
        for (start, end), is_wanted in zip(pairwise(bounds), wanted, strict=True)
    ]


def _unique(values: U64) -> U64:
    """Sorted, without repetitions: `np.unique` goes by a hash table, in ten times the time."""
    values = np.sort(values)
    return values[np.concatenate([[True], values[1:] != values[:-1]])] if len(values) else values


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
    if min(one.width, two.width) < LONG_FROM:
        sizes, common = (len(one.short), len(two.short)), len(one.short & two.short)
    else:
        sizes, common = (len(one.long), len(two.long)), _common(one.long, two.long)
    if common == max(sizes):
        return 1.0 if common else 0.0
    return common / (sum(sizes) - common) if min(sizes) >= FEWEST else 0.0


def _common(one: U64, two: U64) -> int:
    """Members of both of two sorted arrays without repetitions; timsort merges them in linear time."""
    both = np.concatenate([one, two])
    both.sort(kind="stable")
    return int(np.count_nonzero(both[1:] == both[:-1]))


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

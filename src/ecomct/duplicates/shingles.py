"""Texts as they are compared: what carries meaning, and its shingles, for many texts at once.

Near-duplicates differ in case, white space, punctuation and emoji, so these go. A shingle is as long as a fixed
*width*: a Chinese character counts two, a letter or digit one, so that the same rule fits both scripts and mixed text
(two characters of Chinese and four letters of English say about as much). The length of the text picks the width.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.seeded import U64, mix64

# Between two field values; clean text holds no control characters.
JOINT = "\x1e"
# A sign that is kept though the others of its kind are not: 10% and C++ are not 10 and C.
_KEPT = frozenset("+%#&°" + JOINT)
_DROPPED = ("Z", "C", "P", "Sm", "Sk", "So", "Me")
_WIDE = [(0x2E80, 0x2FDF), (0x3041, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF)]
_TABLE_END, _ASTRAL_HAN, _TAGS = 0x20000, 0x20000, 0xE0000
_WEIGHT, _DIGIT = 3, 4
_MULTIPLIER = 0x9E3779B97F4A7C15
_INVERSE = pow(_MULTIPLIER, -1, 1 << 64)

Index = npt.NDArray[np.int64]


class Plain(NamedTuple):
    """Characters that count, of many texts: those of text i are `code[first[i]:first[i + 1]]`, `weight` likewise."""

    code: npt.NDArray[np.uint32]
    weight: npt.NDArray[np.uint8]
    first: Index


class Hashes(NamedTuple):
    """Lists of hashes: those of text i are `value[first[i]:first[i + 1]]`."""

    value: U64
    first: Index


@cache
def _table() -> npt.NDArray[np.uint8]:
    """By code point below the astral Han: weight (0: does not count) and whether it is a digit."""
    table = np.ones(_TABLE_END + 2, dtype=np.uint8)
    for code in range(_TABLE_END):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Nd":
            table[code] = 1 | _DIGIT
        elif (category.startswith(_DROPPED) and character not in _KEPT) or 0xFE00 <= code < 0xFE10:  # variation selectors
            table[code] = 0
    for low, high in _WIDE:
        table[low : high + 1] *= 2
    table[_TABLE_END:] = (2, 0)  # Han beyond the table; tags
    return table


def plain(texts: Sequence[str]) -> Plain:
    """What counts of each text, in lower case. Between two digits one sign stays: 3.5 is not 35, nor 1 0 10.

    Time and memory are linear in the characters, about 60 bytes each.

    >>> found = plain(["Ｔea, TEA!", "茶壶 3.5 L 😀"])
    >>> "".join(map(chr, found.code)), found.first.tolist(), found.weight.tolist()
    ('ｔeatea茶壶3.5l', [0, 6, 12], [1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1])
    """
    folded = [text.casefold() for text in texts]
    first = np.zeros(len(folded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in folded], out=first[1:])
    code = np.frombuffer("".join(folded).encode("utf-32-le", "surrogatepass"), "<u4")
    table = _table()
    # Beyond the table there are only Han, tags and private characters.
    facts = table[np.where(code < _TABLE_END, code, np.where(code < _TAGS, _TABLE_END, _TABLE_END + 1))]
    kept = facts > 0
    digit = facts >= _DIGIT
    at = np.flatnonzero(digit)
    # Digits with only signs between them, none of which is another text's: the last sign before the later digit stays.
    between = np.concatenate([[0], np.cumsum(kept)])
    apart = (at[1:] > at[:-1] + 1) & (between[at[1:]] == between[at[:-1] + 1]) if len(at) else np.zeros(0, dtype=bool)
    later = at[1:][apart]
    text_of = np.searchsorted(first, at, side="right")
    sign = later[text_of[1:][apart] == text_of[:-1][apart]] - 1 if len(at) else later
    kept[sign] = True
    weight = facts & np.uint8(_WEIGHT)
    weight[sign] = 1
    counted = np.concatenate([[0], np.cumsum(kept)])
    return Plain(code[kept], weight[kept], counted[first])


def widths(text: Plain) -> Index:
    """Total width of each text."""
    total = np.concatenate([[0], np.cumsum(text.weight, dtype=np.int64)])
    return np.diff(total[text.first])


def whole(text: Plain, ends: Index | None = None) -> U64:
    """One hash for each text (or, given `ends`, for each stretch between two of them); equal for equal characters."""
    prefix, _, undo = _prefix(text.code)
    ends = text.first if ends is None else ends
    with np.errstate(over="ignore"):
        value = (prefix[ends[1:]] - prefix[ends[:-1]]) * undo[ends[:-1]]
        return mix64(value + np.diff(ends).astype(np.uint64), 0)


def shingles(text: Plain, width: int) -> Hashes:
    """The hashes of each text's shingles of `width`, from left to right; none where the text is narrower."""
    prefix, _, undo = _prefix(text.code)
    reach = np.concatenate([[0], np.cumsum(text.weight, dtype=np.int64)])
    owner_end = np.repeat(reach[text.first[1:]], np.diff(text.first))
    start = np.flatnonzero(reach[:-1] + width <= owner_end)
    character = np.repeat(np.arange(len(text.code)), text.weight)
    stop = character[reach[start] + width - 1] + 1
    with np.errstate(over="ignore"):
        value = mix64((prefix[stop] - prefix[start]) * undo[start], width)
    return Hashes(value, np.searchsorted(start, text.first))


def _prefix(code: npt.NDArray[np.uint32]) -> tuple[U64, U64, U64]:
    """Sums of the codes times powers of a multiplier modulo 2**64, those powers, and their inverses.

    A difference of two sums times the inverse of the first power depends on the characters between alone.
    """
    power, undo = _powers(len(code))
    prefix = np.zeros(len(code) + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        np.cumsum((code.astype(np.uint64) + np.uint64(1)) * power[:-1], out=prefix[1:])
    return prefix, power, undo


_known_powers: list[U64] = []


def _powers(count: int) -> tuple[U64, U64]:
    """`count + 1` powers of the multiplier and of its inverse; the longest so far are remembered."""
    if not _known_powers or len(_known_powers[0]) <= count:
        size = 1 << (count + 1).bit_length()
        made = []
        for base in (_MULTIPLIER, _INVERSE):
            factors = np.full(size, base, dtype=np.uint64)
            factors[0] = 1
            with np.errstate(over="ignore"):
                made.append(np.cumprod(factors, dtype=np.uint64))
        _known_powers[:] = made
    return _known_powers[0][: count + 1], _known_powers[1][: count + 1]


def joined(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The stretches of `text` that come from fields, what templates added left out."""
    parts = [text[start:end] for start, end in spans]
    return JOINT.join(parts) if len(parts) != 1 else parts[0]

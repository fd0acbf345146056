"""Text as comparable tokens: what is left of it when case, script variant, white space, punctuation and layout are gone.

A token is one Han (or kana) character, one run of letters or one run of digits; "是", "the" and "is", which key-values
written as sentences bring in, are none. Everything is array arithmetic over a batch of texts: about 100 bytes and
0.1 us a character. A stretch of tokens or letters is named by a polynomial modulo 2^64 over well-mixed values, so that
hashes of stretches of any length come from one pass of prefix sums.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from opencc import OpenCC

from ecomct.seeded import U64, mix64

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

_GAP, _LETTER, _DIGIT, _HAN, _LINE, _STOP, _DOT = range(7)
# What ends a sentence or a pair of a list of key-values; a full stop does so where no letter or digit follows.
_STOPS, _LINES = "。！？!?；;|*…", "\n\r\t\x0b\x0c\u0085\u2028\u2029"
# Beyond: planes without text. One entry stands for them all.
_LAST = 0x33000
_WORD = 64  # letters of a word whose order counts
_BASE, _INVERSE = 0x9E3779B97F4A7C15, pow(0x9E3779B97F4A7C15, -1, 1 << 64)


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts, one after the other.

    `value` is the hash of each; `begin` and `end` are its characters in the batch, where text i is `text[i]:text[i + 1]` with
    one break at its end. Its tokens are `first[i]:first[i + 1]`. `sums` are prefix sums of the values, for `stretches`.
    `letters` is where each letter or digit stands, with prefix sums of its own: what is compared where texts must be equal
    as a whole. `breaks` are the positions of line ends, `stops` those of line and sentence ends.
    """

    text: I64
    value: U64
    begin: I64
    end: I64
    han: npt.NDArray[np.bool_]
    digit: npt.NDArray[np.bool_]
    first: I64
    sums: U64
    letters: I64
    letter_sums: U64
    breaks: I64
    stops: I64

    @property
    def owner(self) -> npt.NDArray[np.int32]:
        """Text of each token."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))


def tokenise(texts: Sequence[str]) -> Tokens:
    """The tokens of texts that are in NFKC; other forms are compared as they are."""
    kinds, values = _tables()
    codes = np.frombuffer("".join([*(f"{text}\n" for text in texts)]).encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.minimum(codes, _LAST)
    kind = kinds[codes]
    dots = np.flatnonzero(kind == _DOT)
    if len(dots):  # the batch ends with a break, so that a dot has a successor
        after = kind[dots + 1]
        kind[dots] = np.where((after >= _LETTER) & (after <= _HAN), _GAP, _STOP)
    letters = np.flatnonzero((kind >= _LETTER) & (kind <= _HAN))
    kind_of, value_of = kind[letters], values[codes[letters]]
    opens = np.ones(len(letters), dtype=bool)
    opens[1:] = (kind_of[1:] == _HAN) | (kind_of[1:] != kind_of[:-1]) | (np.diff(letters) > 1)
    starts = np.flatnonzero(opens)
    lengths = np.diff(np.append(starts, len(letters)))
    place = (np.arange(len(letters)) - np.repeat(starts, lengths)) % _WORD
    with np.errstate(over="ignore"):
        token = mix64(np.add.reduceat(value_of * _powers(_WORD)[0][place], starts), 3) if len(starts) else value_of
    the, is_, shi = _silent()
    kept = (token != the) & (token != is_) & (token != shi)
    token, starts, lengths = token[kept], starts[kept], lengths[kept]
    begin = letters[starts]
    text = np.concatenate([[0], np.cumsum(np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts)))])
    return Tokens(
        text=text,
        value=token,
        begin=begin,
        end=letters[starts + lengths - 1] + 1 if len(starts) else begin,
        han=kind_of[starts] == _HAN,
        digit=kind_of[starts] == _DIGIT,
        first=np.searchsorted(begin, text),
        sums=prefix_sums(token),
        letters=letters,
        letter_sums=prefix_sums(value_of),
        breaks=np.flatnonzero(kind == _LINE),
        stops=np.flatnonzero((kind == _LINE) | (kind == _STOP)),
    )


def stretches(sums: U64, start: I64, stop: I64) -> U64:
    """Hashes of [start, stop) of what `sums` are prefix sums of; equal stretches have equal hashes wherever they stand."""
    with np.errstate(over="ignore"):
        return np.asarray((sums[stop] - sums[start]) * _powers(len(sums))[1][start], dtype=np.uint64)


def windows(sums: U64, length: int) -> U64:
    """Hashes of all stretches of one length, by start."""
    with np.errstate(over="ignore"):
        return np.asarray((sums[length:] - sums[:-length]) * _powers(len(sums))[1][: max(0, len(sums) - length)], dtype=np.uint64)


def prefix_sums(values: U64) -> U64:
    """Prefix sums of which `stretches` and `windows` are taken."""
    with np.errstate(over="ignore"):
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(values * _powers(len(values))[0][: len(values)])])


def _powers(count: int) -> tuple[U64, U64]:
    """At least `count` powers of the base and of its inverse."""
    return _power_tables(1 << max(count, 1 << 16).bit_length())


@lru_cache(maxsize=1)
def _power_tables(count: int) -> tuple[U64, U64]:
    with np.errstate(over="ignore"):
        tables = [np.full(count, base, dtype=np.uint64) for base in (_BASE, _INVERSE)]
        for table in tables:
            table[0] = 1
            np.cumprod(table, out=table)
    return tables[0], tables[1]


@cache
def _silent() -> U64:
    """Hashes of the tokens that are none."""
    _, values = _tables()
    with np.errstate(over="ignore"):
        sums = [(values[[ord(c) for c in word]] * _powers(_WORD)[0][: len(word)]).sum(dtype=np.uint64) for word in _SILENT]
    return mix64(np.array(sums, dtype=np.uint64), 3)


_SILENT = ("the", "is", "是")


@cache
def _tables() -> tuple[U8, U64]:
    """Kind and value of each character; the values of characters that differ only in case or script variant are equal."""
    kinds = np.zeros(_LAST + 1, dtype=np.uint8)
    folded = np.arange(_LAST + 1, dtype=np.uint64)
    han = [*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xF900, 0xFB00), *range(0x20000, _LAST)]
    simple = OpenCC("t2s").convert("\n".join(map(chr, han))).split("\n")
    for code, character in zip(han, simple, strict=True):
        kinds[code] = _HAN
        folded[code] = ord(character) if len(character) == 1 else code
    for code in range(0x10000):
        character = chr(code)
        category = unicodedata.category(character)
        if kinds[code] or category[0] not in "LNM":
            continue
        lower = character.lower()
        folded[code] = ord(lower) if len(lower) == 1 else code
        spaceless = 0x3005 <= code <= 0x30FF or 0x0E00 <= code < 0x0EE0 or 0x1000 <= code < 0x10A0 or 0x1780 <= code < 0x1800
        kinds[code] = _HAN if spaceless else _DIGIT if category[0] == "N" else _LETTER
    for characters, kind in ((_LINES, _LINE), (_STOPS, _STOP), (".", _DOT)):
        kinds[[ord(character) for character in characters]] = kind
    return kinds, mix64(folded, 5)

"""Band hashes of documents: rows that share one may be near-duplicates, rows that share none are taken as different.

A band hash is a hash of `ROWS` slots of a MinHash sketch, its lowest five bits the number of the band. Two texts whose
shingles have Jaccard similarity s share none of `BANDS` bands with probability (1 - s**ROWS)**BANDS: 0.33 % at 0.75, the
lowest similarity that counts as a repeat. Band 0 is a hash of the whole plain text, whatever its length.

Shingles are hashed and sketched by NumPy for a batch of rows at once. The sketch is the classical one, a multiplication
for each shingle and slot: on 35 characters it takes a third of the time of rensa, whose sketch is faster but leaves as
Python lists, on long text it adds 0.04 us a character. It is arithmetic of whole numbers, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecomct.duplicates.shingles import Hashes, Index, Plain, joined, plain, shingles, whole, widths
from ecomct.recipe.source import Kind
from ecomct.seeded import U64, combine, mix64

ROWS, BANDS = 4, 15
LOWEST = 0.75
# Numbers of a row's bands are below this: 0, then those of short and those of long text.
NUMBERS = 32
# Widths (a Chinese character counts two) of a shingle of short and of long text; where long text begins, and short text ends.
SHORT, LONG, LONG_FROM, SHORT_BELOW = 4, 8, 96, 128
# Text with fewer shingles than this is compared as a whole only: one changed character changes too many of them.
FEWEST = 8
# Fewer values than this have no near-duplicate either, only equals.
FEWEST_VALUES = 10
# A longer text is known by its beginning; the verification sees it whole.
_LONGEST, _CHARACTERS = 1 << 16, 1 << 18
_FACTORS = (mix64(np.arange(ROWS * BANDS, dtype=np.uint64), 20) | np.uint64(1)).astype(np.uint32)

Spans = Sequence[tuple[int, int]]


def near_hashes(text: str, kind: Kind, spans: Spans) -> list[int]:
    """Band hashes of one row, by number; about 200 us, most of which `near_column` shares between rows."""
    hashes: list[int] = near_column([text], kind, [spans])[0].as_py()
    return hashes


def near_column(texts: Sequence[str], kind: Kind, spans: Sequence[Spans]) -> pa.ListArray:
    """Band hashes (list<uint64>) of rows of one kind; `spans` are each text's stretches [start, end) from fields.

    Words of templates do not count. Of key-values the values count as wholes, in any order. A text without a letter or
    digit has none. Time: 8 us for 35 Chinese characters, 0.1 us a character for long text. Memory: 30 MB.
    """
    parts = []
    start = 0
    while start < len(texts):
        stop, characters = start, 0
        while stop < len(texts) and (stop == start or characters + len(texts[stop]) <= _CHARACTERS):
            characters += len(texts[stop])
            stop += 1
        part = [text[:_LONGEST] for text in texts[start:stop]]
        parts.append(_values(part, spans[start:stop]) if kind == "attributes" else _texts(part, spans[start:stop]))
        start = stop
    value = np.concatenate([np.zeros(0, dtype=np.uint64), *(part.value for part in parts)])
    counts = np.concatenate([np.zeros(0, dtype=np.int64), *(np.diff(part.first) for part in parts)])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(value))


def _texts(texts: list[str], spans: Sequence[Spans]) -> Hashes:
    text = plain([joined(text, stretch) for text, stretch in zip(texts, spans, strict=True)])
    return _numbered(whole(text), widths(text), text)


def _numbered(equal: U64, width: Index, text: Plain) -> Hashes:
    """The hash of the whole of each text, then its bands as short text, as long text, or both near the border."""
    rows = np.flatnonzero(width)
    found = [(rows, (equal[rows] << np.uint64(5))[:, None])]
    for first, size, chosen in ((1, SHORT, width < SHORT_BELOW), (1 + BANDS, LONG, width >= LONG_FROM)):
        at = np.flatnonzero(chosen)
        if len(at):
            found.append(_bands(shingles(_chosen(text, chosen), size), at, first, FEWEST))
    return _merged(found, len(width))


def _values(texts: list[str], spans: Sequence[Spans]) -> Hashes:
    """Bands of key-values: the set of the values, each as a whole."""
    values = plain([text[start:end] for text, stretch in zip(texts, spans, strict=True) for start, end in stretch])
    counts = np.array([len(stretch) for stretch in spans], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    hashes = whole(values)
    # A sum does not depend on the order.
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(hashes, dtype=np.uint64)])
    rows = np.flatnonzero(np.diff(values.first[first]))
    equal = mix64(total[first[1:]] - total[first[:-1]], 1)[rows]
    bands = _bands(Hashes(hashes, first), np.arange(len(texts)), 1, FEWEST_VALUES)
    return _merged([(rows, (equal << np.uint64(5))[:, None]), bands], len(texts))


def _chosen(text: Plain, chosen: npt.NDArray[np.bool_]) -> Plain:
    """Some of the texts."""
    if chosen.all():
        return text
    counts = np.diff(text.first)
    stays = np.repeat(chosen, counts)
    return Plain(text.code[stays], text.weight[stays], np.concatenate([[0], np.cumsum(counts[chosen])]))


def _only(hashes: Hashes, rows: Index) -> Hashes:
    """The lists of some rows."""
    if len(rows) == len(hashes.first) - 1:
        return hashes
    counts = np.diff(hashes.first)[rows]
    first = np.concatenate([[0], np.cumsum(counts)])
    taken = np.arange(first[-1]) - np.repeat(first[:-1] - hashes.first[rows], counts)
    return Hashes(hashes.value[taken], first)


def _bands(hashes: Hashes, rows: Index, number: int, fewest: int) -> tuple[Index, U64]:
    """Those of `rows` that have enough hashes, and their bands from `number` on, one line each."""
    enough = np.flatnonzero(np.diff(hashes.first) >= fewest)
    if not len(enough):
        return rows[:0], np.zeros((0, BANDS), dtype=np.uint64)
    chosen = _only(hashes, enough)
    return rows[enough], _sketch(chosen) << np.uint64(5) | np.arange(number, number + BANDS, dtype=np.uint64)


def _sketch(hashes: Hashes) -> U64:
    """Hashes of the bands of lists of hashes, none of which is empty: an array (lists, BANDS)."""
    low, high = hashes.value.astype(np.uint32), (hashes.value >> np.uint64(32)).astype(np.uint32)
    least, shuffled = np.empty((ROWS, len(hashes.first) - 1), dtype=np.uint32), np.empty_like(low)
    bands = np.empty((len(hashes.first) - 1, BANDS), dtype=np.uint64)
    for band in range(BANDS):
        for row in range(ROWS):
            # Halves of one good hash: each odd factor orders them anew.
            np.multiply(low, _FACTORS[band * ROWS + row], out=shuffled)
            np.add(shuffled, high, out=shuffled)
            np.minimum.reduceat(shuffled, hashes.first[:-1], out=least[row])
        pairs = least[0::2].astype(np.uint64) << np.uint64(32) | least[1::2]
        bands[:, band] = combine(pairs[0], pairs[1])
    return bands


def _merged(found: list[tuple[Index, npt.NDArray[np.uint64]]], count: int) -> Hashes:
    """Lists of `count` rows from lines of hashes, in the order given."""
    lengths = np.zeros(count, dtype=np.int64)
    for rows, lines in found:
        lengths[rows] += lines.shape[1]
    first = np.concatenate([[0], np.cumsum(lengths)])
    value, filled = np.empty(first[-1], dtype=np.uint64), first[:-1].copy()
    for rows, lines in found:
        value[filled[rows][:, None] + np.arange(lines.shape[1])] = lines
        filled[rows] += lines.shape[1]
    return Hashes(value, first)

"""A batch of documents against the index: which needle each holds, whole or for the most part, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.decontamination.fold import I64, Tokens, prefix_sums, stretches, tokenise, windows
from ecomct.decontamination.index import Index
from ecomct.decontamination.segments import N, ranges
from ecomct.seeded import U64

EXACT, OVERLAP, TITLE, ID = range(4)
HOW = ("exact", "overlap", "title", "id")
# A document of which a needle holds this share is a part of it.
_PART = 0.8


class Matches(NamedTuple):
    """One entry a match: document of the batch, needle, how, the share of the needle, and characters of the document."""

    document: I64
    needle: I64
    how: npt.NDArray[np.int8]
    share: npt.NDArray[np.float32]
    start: I64
    end: I64


def match(index: Index, texts: Sequence[str], fields: I64, titles: bool) -> Matches:
    """All matches of a batch. Time: a pass over the tokens for each n in use, and a search for each probable hit.

    `fields` are lines of (document, start, end): characters that count as a whole besides lines and sentences. With `titles`
    a field is the title of a product: where it is that of an item, the match is by title. An overlap's characters are those
    from its needle's first n-gram on.
    """
    tokens = tokenise(texts)
    whole = _whole(index, tokens, fields, titles)
    overlap = _overlaps(index, tokens)
    # What is there as a whole is not said to be there in parts.
    known = np.isin(_pair(overlap.document, overlap.needle), _pair(whole.document, whole.needle))
    columns: Iterable[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = zip(whole, overlap, strict=True)
    return Matches._make(np.concatenate([one, other[~known]]) for one, other in columns)


def _pair(document: I64, needle: I64) -> I64:
    return document << 32 | needle


def _whole(index: Index, tokens: Tokens, fields: I64, titles: bool) -> Matches:
    """Documents, lines, sentences and fields that are a needle."""
    # Every text ends with a break.
    cuts = [np.concatenate([[0], breaks + 1]) for breaks in (tokens.breaks, tokens.stops)]
    pieces = [np.stack([edges[:-1], edges[1:]], axis=1) for edges in (tokens.text, *cuts)]
    spans = fields[:, 1:] + tokens.text[fields[:, 0]][:, None]
    piece = np.searchsorted(tokens.letters, np.concatenate([*pieces, spans]))
    is_title = np.zeros(len(piece), dtype=bool)
    is_title[len(piece) - len(spans) :] = titles
    some = piece[:, 0] < piece[:, 1]
    piece, is_title = piece[some], is_title[some]
    hashes = stretches(tokens.letter_sums, piece[:, 0], piece[:, 1])
    hit = index.probably(hashes)
    at, entry = _entries(index.whole, hashes[hit])
    piece, is_title, needle = piece[hit[at]], is_title[hit[at]], index.whole_needle[entry].astype(np.int64)
    begin, end = tokens.letters[piece[:, 0]], tokens.letters[piece[:, 1] - 1] + 1
    document = np.searchsorted(tokens.text, begin, side="right") - 1
    is_title &= index.title[needle] | index.text[needle]
    found = Matches(
        document,
        needle,
        np.where(is_title, TITLE, EXACT).astype(np.int8),
        np.ones(len(document), np.float32),
        begin - tokens.text[document],
        end - tokens.text[document],
    )
    return _first_of_each(found)


def _first_of_each(found: Matches) -> Matches:
    """One match of a document and a needle: the title before others, then the first."""
    order = np.lexsort((found.start, -found.how, found.needle, found.document))
    _, firsts = np.unique(_pair(found.document[order], found.needle[order]), return_index=True)
    return Matches._make(column[order[firsts]] for column in found)


def _overlaps(index: Index, tokens: Tokens) -> Matches:
    """Documents that hold enough of a needle."""
    document, needle, place = _pairs(index, tokens)
    known: dict[tuple[int, int], U64] = {}
    found = []
    for one, other, at in zip(document.tolist(), needle.tolist(), place.tolist(), strict=True):
        share = _share(index, tokens, one, other, known)
        if share:
            stop = min(at + int(index.tokens[other]), int(tokens.first[one + 1])) - 1
            base = int(tokens.text[one])
            found.append((one, other, OVERLAP, share, int(tokens.begin[at]) - base, int(tokens.end[stop]) - base))
    columns = zip(*found, strict=True) if found else ([] for _ in Matches._fields)
    types = (np.int64, np.int64, np.int8, np.float32, np.int64, np.int64)
    return Matches._make(np.array(column, dtype) for column, dtype in zip(map(list, columns), types, strict=True))


def _pairs(index: Index, tokens: Tokens) -> tuple[I64, I64, I64]:
    """Documents and needles that share an entry, and the first token of the first that they share."""
    ends = tokens.first[1:][tokens.owner]
    found = []
    for size in index.sizes:
        hashes = windows(tokens.sums, size)
        hit = index.probably(hashes)
        at, entry = _entries(index.entry, hashes[hit])
        place, stop = hit[at], hit[at] + index.check_size[entry]
        inside = (index.entry_size[entry] == size) & (stop <= ends[place])
        place, entry, stop = place[inside], entry[inside], stop[inside]
        same = stretches(tokens.sums, place, stop) == index.check[entry]
        found.append((place[same], index.entry_needle[entry[same]].astype(np.int64)))
    place = np.concatenate([np.zeros(0, np.int64), *(one for one, _ in found)])
    needle = np.concatenate([np.zeros(0, np.int64), *(one for _, one in found)])
    document = tokens.owner[place].astype(np.int64)
    order = np.lexsort((place, needle, document))
    _, firsts = np.unique(_pair(document[order], needle[order]), return_index=True)
    chosen = order[firsts]
    return document[chosen], needle[chosen], place[chosen]


def _share(index: Index, tokens: Tokens, document: int, needle: int, known: dict[tuple[int, int], U64]) -> float:
    """Share of the needle's tokens that stand in stretches which the document holds; 0 where these are too few.

    Stretches are the n-grams inside its segments, and shorter segments as they are; of a needle of which all is needed, the
    segments, so that no two halves from different places make one up. `known` keeps the document's hashes by length.
    """
    mine = slice(int(index.first[needle]), int(index.first[needle + 1]))
    value, segment = index.value[mine], index.segment[mine]
    sums, needed, counted = prefix_sums(value), int(index.needed[needle]), int(index.tokens[needle])
    first, last = int(tokens.first[document]), int(tokens.first[document + 1])
    opens = np.flatnonzero(np.diff(segment, prepend=-2))
    sizes = np.diff(np.append(opens, len(segment)))
    opens, sizes = opens[segment[opens] >= 0], sizes[segment[opens] >= 0]
    n = np.full(len(sizes), N[int(index.han[needle])])
    lengths = sizes if needed == counted else np.minimum(sizes, n)
    covered = np.zeros(len(value) + 1, dtype=np.int64)
    for length in np.unique(lengths).tolist():
        of_it = lengths == length
        starts = np.repeat(opens[of_it], sizes[of_it] - length + 1) + ranges(sizes[of_it] - length + 1)
        if (document, length) not in known:
            places = np.arange(first, max(first, last - length + 1))
            known[document, length] = np.sort(stretches(tokens.sums, places, places + length))
        there = known[document, length]
        hashes = stretches(sums, starts, starts + length)
        at = np.searchsorted(there, hashes)
        starts = starts[np.append(there, np.uint64(0))[at] == hashes] if len(there) else starts[:0]
        np.add.at(covered, starts, 1)
        np.add.at(covered, starts + length, -1)
    held = int(np.count_nonzero(np.cumsum(covered)))
    # A short document may be a part of a long item; some key-values of a list, or a name that it repeats, are no part of it.
    length = last - first
    is_part = held >= _PART * length and length >= int(index.enough[needle]) and 2 * needed <= counted
    return held / counted if held >= needed or is_part else 0.0


def _entries(keys: npt.NDArray[np.uint64], hashes: npt.NDArray[np.uint64]) -> tuple[I64, I64]:
    """Positions in `hashes` and in the sorted `keys` of all equal pairs."""
    first, last = np.searchsorted(keys, hashes, side="left"), np.searchsorted(keys, hashes, side="right")
    count = last - first
    at = np.repeat(np.arange(len(hashes)), count)
    return at, np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count) + first[at]

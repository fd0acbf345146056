"""A batch of documents against the index: which needle each holds, whole or for the most part, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.decontamination.fold import I64, Tokens, stretches, tokenise, windows
from ecomct.decontamination.index import Index, coverage

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
    cuts = [np.union1d(tokens.text, breaks) for breaks in (tokens.breaks, tokens.stops)]
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
    piece, is_title, needle = piece[hit[at]], is_title[hit[at]], np.asarray(index.whole_needle)[entry].astype(np.int64)
    begin, end = tokens.letters[piece[:, 0]], tokens.letters[piece[:, 1] - 1] + 1
    document = np.searchsorted(tokens.text, begin, side="right") - 1
    is_title &= np.asarray(index.title)[needle] | np.asarray(index.text)[needle]
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
    """Documents that hold enough of a needle's n-grams."""
    owner, parts = tokens.owner, []
    for size in index.sizes:
        hashes = windows(tokens.sums, size)
        hit = index.probably(hashes)
        hit = hit[owner[hit] == owner[hit + size - 1]]
        # An n-gram counts once a document, so that what repeats itself costs no more than its first time.
        _, firsts = np.unique(np.rec.fromarrays([owner[hit], hashes[hit]]), return_index=True)
        hit = hit[np.sort(firsts)]
        at, entry = _entries(index.gram, hashes[hit])
        same = np.asarray(index.gram_size)[entry] == size
        parts.append((hit[at[same]], entry[same]))
    none = np.zeros(0, np.int64)
    place = np.concatenate([none, *(one for one, _ in parts)])
    entry = np.concatenate([none, *(one for _, one in parts)])
    document, needle = owner[place].astype(np.int64), np.asarray(index.gram_needle)[entry].astype(np.int64)
    start, size_of = np.asarray(index.gram_start)[entry].astype(np.int64), np.asarray(index.gram_size)[entry].astype(np.int64)
    if not len(place):
        return Matches(none, none, none.astype(np.int8), none.astype(np.float32), none, none)
    documents, needles, held = coverage(document, needle, start, size_of)
    length, all_tokens = np.diff(tokens.first)[documents], np.asarray(index.tokens)[needles]
    pairs, count = np.unique(_pair(document, needle), return_counts=True)
    count = count[np.searchsorted(pairs, _pair(documents, needles))]
    enough = (held >= np.asarray(index.needed)[needles]) & (count >= np.asarray(index.grams)[needles])
    # A short document may be a part of a long item.
    enough |= (held >= _PART * length) & (held >= np.asarray(index.enough)[needles])
    documents, needles, held = documents[enough], needles[enough], held[enough]
    order = np.lexsort((place, start, needle, document))
    pairs, firsts = np.unique(_pair(document[order], needle[order]), return_index=True)
    begin = place[order[firsts]][np.searchsorted(pairs, _pair(documents, needles))]
    stop = np.minimum(begin + all_tokens[enough], tokens.first[documents + 1]) - 1
    return Matches(
        documents,
        needles,
        np.full(len(documents), OVERLAP, np.int8),
        (held / np.asarray(index.tokens)[needles]).astype(np.float32),
        tokens.begin[begin] - tokens.text[documents],
        tokens.end[stop] - tokens.text[documents],
    )


def _entries(keys: npt.NDArray[np.uint64], hashes: npt.NDArray[np.uint64]) -> tuple[I64, I64]:
    """Positions in `hashes` and in the sorted `keys` of all equal pairs."""
    first, last = np.searchsorted(keys, hashes, side="left"), np.searchsorted(keys, hashes, side="right")
    count = last - first
    at = np.repeat(np.arange(len(hashes)), count)
    return at, np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count) + first[at]

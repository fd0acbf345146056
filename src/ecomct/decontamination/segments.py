"""Needles cut into their segments, the sentences and key-values, with the hashes that an index is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ecomct.decontamination.fold import I64, stretches, tokenise
from ecomct.seeded import U64

Flags = npt.NDArray[np.bool_]
BATCH = 1 << 17  # characters looked at together
# Tokens of an n-gram, and of the shortest segment that counts: words, Han characters.
N, LEAST = (5, 8), (2, 3)
# A stretch of more needles does not lead to any one of them.
_POSTINGS = 64


@dataclass(frozen=True)
class Segments:
    """Segments of needles, by needle and place: first token in the needle, size and hash. `pieces` are their possible entries."""

    needle: I64
    start: I64
    size: I64
    hash: U64


def batches(texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Texts in batches, each with the number of its first."""
    begin = characters = 0
    for number, text in enumerate(texts):
        characters += len(text)
        if characters >= BATCH:
            yield begin, texts[begin : number + 1]
            begin, characters = number + 1, 0
    if begin < len(texts):
        yield begin, texts[begin:]


# Of needles: tokens, tokens that are no number, language, hash; of tokens: value; of segments: needle, start, size, hash; of
# pieces: segment of the part, hash.
TYPES = (np.int64, np.int64, bool, np.uint64, np.uint64, np.int64, np.int64, np.int64, np.uint64, np.int64, np.uint64)


def cut_part(first: int, texts: list[str]) -> tuple[npt.NDArray[Any], ...]:
    """What `TYPES` names, of a batch of needles. A segment of numbers alone is left out."""
    tokens = tokenise(texts)
    owner, size = tokens.owner.astype(np.int64), np.diff(tokens.first)
    words = np.bincount(owner, weights=~tokens.digit, minlength=len(texts)).astype(np.int64)
    han = 2 * np.bincount(owner, weights=tokens.han, minlength=len(texts)) >= np.maximum(size, 1)
    bounds = np.searchsorted(tokens.letters, tokens.text)
    whole = stretches(tokens.letter_sums, bounds[:-1], bounds[1:])
    cuts = np.unique(np.concatenate([tokens.first, np.searchsorted(tokens.begin, tokens.stops)]))
    start, stop = cuts[:-1], cuts[1:]
    wordy = np.concatenate([[0], np.cumsum(~tokens.digit)])
    is_han = han[owner[start]].astype(np.int64)
    kept = (stop - start >= np.take(LEAST, is_han)) & (wordy[stop] > wordy[start])
    start, stop, n = start[kept], stop[kept], np.take(N, is_han[kept])
    # Pieces: every n-th n-gram, or all of a shorter segment.
    pieces = np.maximum((stop - start) // n, 1)
    piece = np.repeat(np.arange(len(start)), pieces)
    begin = start[piece] + n[piece] * ranges(pieces)
    hashes = stretches(tokens.sums, begin, begin + np.minimum(n, stop - start)[piece])
    needle = owner[start]
    segments = (needle + first, start - tokens.first[needle], stop - start, stretches(tokens.sums, start, stop))
    return size, words, han, whole, tokens.value, *segments, piece, hashes


def ranges(counts: I64) -> I64:
    """0, 1, ... up to each count, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def offset_pieces(parts: list[tuple[npt.NDArray[Any], ...]]) -> I64:
    """Segment of each piece, numbered through all parts."""
    before = np.cumsum([0, *(len(part[5]) for part in parts)])
    return np.concatenate([np.zeros(0, np.int64), *(part[9] + offset for part, offset in zip(parts, before, strict=False))])


def is_rare(hashes: U64, needle: I64) -> tuple[Flags, Flags]:
    """Whether few needles have what each hash is of, and whether its own needle has it before."""
    order = np.lexsort((needle, hashes))
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.diff(hashes[order]) != 0
    other = new.copy()
    other[1:] |= np.diff(needle[order]) != 0
    group = np.cumsum(new) - 1
    rare, repeated = np.empty(len(order), dtype=bool), np.empty(len(order), dtype=bool)
    rare[order] = (np.bincount(group, weights=other) <= _POSTINGS)[group] if len(group) else False
    repeated[order] = ~other
    return rare, repeated

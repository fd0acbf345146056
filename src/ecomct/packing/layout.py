"""Which piece stands where: bins of samples as the arrays from which sequences are written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.packing.cells import Bins
from ecomct.seeded import U64, hash_text, mix64

I64 = npt.NDArray[np.int64]


class Samples(NamedTuple):
    """Samples as runs over a list of pieces: sample i is pieces[first[i]:first[i + 1]], of product home[i]."""

    pieces: I64
    first: I64
    identity: U64
    home: U64


class Layout(NamedTuple):
    """Sequence i holds the pieces of piece_first[i]:piece_first[i + 1], the samples of sample_first[i]:sample_first[i + 1].

    Of each piece: its place among the bucket's pieces, its tokens with what follows it, and its end in the sequence.
    Of each sample: its last piece, as an index into `pieces`. Of each sequence: its identity.
    """

    pieces: I64
    spans: I64
    ends: I64
    piece_first: I64
    last: I64
    sample_first: I64
    identity: U64

    @property
    def length(self) -> I64:
        """Real tokens of each sequence."""
        return self.ends[self.piece_first[1:] - 1]


def spans_of(samples: Samples, tokens: I64, separator: int) -> I64:
    """Tokens of each piece of the samples with what follows it: the separator, or one end-of-text token after the last.

    `tokens[p]` are the ids of the bucket's piece p.
    """
    spans = tokens[samples.pieces] + separator
    spans[samples.first[1:] - 1] += 1 - separator
    return spans


def lay_out(samples: Samples, spans: I64, bins: Bins, seed: int, purpose: str) -> Layout:
    """Put sequences in order of their identity, and the samples inside each in an order by `seed` and `purpose`.

    A sequence's identity is a hash of the identities of its samples, whatever their order: a sequence whose samples
    stay together keeps its bytes and its place before or after any other such sequence. Time O(n log n).
    """
    identity = mix64(_sums(mix64(samples.identity[bins.members], 1), bins.first), 2)
    arranged = np.argsort(identity, kind="stable")
    place = np.empty(len(arranged), dtype=np.int64)
    place[arranged] = np.arange(len(arranged))
    drawn = mix64(samples.identity[bins.members], hash_text(f"inside {purpose}", seed) >> 1)
    members = bins.members[np.lexsort((drawn, np.repeat(place, np.diff(bins.first))))]
    sample_first = _starts(np.diff(bins.first)[arranged])
    size = np.diff(samples.first)[members]
    piece_of = _starts(size)
    runs = expand(samples.first[members], size)
    piece_first = piece_of[sample_first]
    reach = _starts(spans[runs])
    ends = reach[1:] - np.repeat(reach[piece_first[:-1]], np.diff(piece_first))
    return Layout(samples.pieces[runs], spans[runs], ends, piece_first, piece_of[1:] - 1, sample_first, identity[arranged])


def expand(start: I64, size: I64) -> I64:
    """The runs start[i], start[i] + 1, ... of size[i] numbers, one after the other."""
    first = _starts(size)
    return np.repeat(start - first[:-1], size) + np.arange(first[-1])


def _starts(size: I64) -> I64:
    """Where each of some stretches begins, and where the last ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(size)])


def _sums(values: U64, first: I64) -> U64:
    """Sums modulo 2**64 of values[first[i]:first[i + 1]]; no stretch is empty."""
    return np.add.reduceat(values, first[:-1]) if len(values) else values

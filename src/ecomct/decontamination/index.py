"""The needles as sorted hashes, which a batch of documents is looked up in.

A needle is sought as a whole, and where it is long enough by its segments, the sentences and key-values in it, so that
what stands in one order in the needle may stand in any order in a document. Few stretches of a needle are entries of the
index; a document that holds one is compared with the needle.

Entries are chosen so that none is missed: of a needle of which all is needed, the beginning of its longest segment; of a
longer one, every n-th n-gram of its long segments (a run of twice n tokens holds one) and so many of the short ones that
what is left is less than is needed. A segment that many needles have is no entry: some other must be there too.

Memory: about 20 bytes a token of the benchmarks, twice that while it is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ecomct.decontamination.fold import I64
from ecomct.decontamination.needles import Needles
from ecomct.decontamination.segments import TYPES, Flags, N, Segments, batches, cut_part, is_rare, offset_pieces, ranges
from ecomct.recipe.decontamination import Decontamination
from ecomct.seeded import U64

I32 = npt.NDArray[np.int32]
# Share of a list of key-values that one document must hold: products of one kind have half of them in common.
_LISTED = 0.8


@dataclass(frozen=True)
class Index:
    """Arrays that may be memory maps.

    By needle: its tokens are `value[first[i]:first[i + 1]]`, with the number of the `segment` of each, -1 where it does not
    count; `tokens` that count (0: it is sought whole only), how many are `needed`, the `enough` of its language, whether it is
    Han, and whether it is a `title` or a `text` (an answer is neither).

    Entry i is the hash of `entry_size[i]` tokens that open a stretch of `check_size[i]` tokens with the hash `check[i]`.
    `whole` is the sorted hash of a needle's letters, `key` that of a product; `..._needle` say whose. `bloom` says of most
    hashes that are no entry and no whole needle that they are not.
    """

    first: I64
    value: U64
    segment: I32
    tokens: I32
    needed: I32
    enough: I32
    han: Flags
    title: Flags
    text: Flags
    entry: U64
    entry_size: I32
    check: U64
    check_size: I32
    entry_needle: I32
    whole: U64
    whole_needle: I32
    key: U64
    key_needle: I32
    bloom: npt.NDArray[np.uint8]

    def save(self, folder: Path) -> None:
        """Write each array to a file of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    @staticmethod
    def load(folder: Path) -> Index:
        """Map what `save` wrote."""
        # As plain arrays: the class of memory maps is slow to index.
        arrays = {field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(Index)}
        return Index(**{name: array.view(np.ndarray) for name, array in arrays.items()})

    def probably(self, hashes: U64) -> I64:
        """Positions of the hashes that may be an entry or a whole needle."""
        found = np.flatnonzero(self._is_set(hashes))
        return found[self._is_set(_second(hashes[found])).astype(bool)]

    def _is_set(self, hashes: U64) -> npt.NDArray[np.uint8]:
        place = hashes >> np.uint64(65 - (len(self.bloom) * 8).bit_length())
        return np.asarray((self.bloom[(place >> np.uint64(3)).view(np.int64)] >> (place.astype(np.uint8) & 7)) & 1)

    @cached_property
    def sizes(self) -> list[int]:
        """Lengths of entries in use."""
        return [int(size) for size in np.unique(self.entry_size)]


def build(needles: Needles, setting: Decontamination) -> Index:
    """The index of what is sought. Deterministic; time: sorts of the segments and entries."""
    parts = [cut_part(first, texts) for first, texts in batches(needles.texts)]
    size, words, han, whole, value, *segment = (
        np.concatenate([np.zeros(0, dtype), *(part[i] for part in parts)]) for i, dtype in enumerate(TYPES)
    )
    segments, piece, piece_hash = Segments(*segment[:4]), offset_pieces(parts), segment[5]
    is_key, title, text = (np.array([role in roles for roles in needles.roles], dtype=bool) for role in ("key", "title", "text"))
    # Numbers are no text. An answer that is short is a name, which any text may hold. A text of many items is the name of
    # a label, or a question that is asked of all.
    least = _by_language(han, setting.least)
    least = np.where(title, (least + 1) // 2, np.where(text, least, 2 * least))
    count = np.array([len(holders) for holders in needles.holders], dtype=np.int64)
    sought = ~is_key & (words >= least) & ((count <= setting.common_rows) | (words >= 2 * least))
    enough = _by_language(han, setting.enough)
    rare, repeated = is_rare(segments.hash, segments.needle)
    counts = (sought & (title | text | (size >= enough)))[segments.needle] & ~repeated
    tokens = _sum(segments, counts, len(size))
    # What is left of a list of words, or of one phrase again and again, does not stand for it.
    tokens[(tokens < enough // 2) | (2 * tokens < size)] = 0
    counts &= tokens[segments.needle] > 0
    short = counts & (segments.size < np.take(N, han.astype(np.int64))[segments.needle])
    listed = 2 * _sum(segments, short, len(size)) > tokens
    needed = np.minimum(tokens, np.maximum(enough, np.ceil(np.where(listed, _LISTED, setting.share) * tokens))).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(size)])
    chosen = np.flatnonzero(sought)
    by_whole = chosen[np.argsort(whole[chosen], kind="stable")]
    entries = _entries(segments, counts & rare, piece, piece_hash, tokens, needed, han)
    key = np.array(sorted(needles.keys), dtype=np.uint64)
    return Index(
        first=first,
        value=value,
        segment=_numbers(segments, counts, first),
        tokens=tokens.astype(np.int32),
        needed=needed.astype(np.int32),
        enough=enough.astype(np.int32),
        han=han,
        title=title,
        text=text,
        **entries,
        whole=whole[by_whole],
        whole_needle=by_whole.astype(np.int32),
        key=key,
        key_needle=np.array([needles.keys[one] for one in key.tolist()], dtype=np.int32),
        bloom=_bloom(np.concatenate([entries["entry"], whole[chosen]])),
    )


def _by_language(han: Flags, by: Mapping[Literal["zh", "en"], int]) -> I64:
    return np.where(han, by["zh"], by["en"]).astype(np.int64)


def _sum(segments: Segments, counts: Flags, needles: int) -> I64:
    return np.bincount(segments.needle[counts], weights=segments.size[counts], minlength=needles).astype(np.int64)


def _numbers(segments: Segments, counts: Flags, first: I64) -> I32:
    """Segment of each token, -1 where it does not count."""
    numbers = np.full(int(first[-1]), -1, dtype=np.int32)
    size, start = segments.size[counts], (first[segments.needle] + segments.start)[counts]
    numbers[np.repeat(start, size) + ranges(size)] = np.repeat(np.flatnonzero(counts), size)
    return numbers


def _entries(
    segments: Segments, counts: Flags, piece: I64, piece_hash: U64, tokens: I64, needed: I64, han: Flags
) -> dict[str, npt.NDArray[Any]]:
    """The entries, sorted by hash; what they are is said above."""
    # Segments of a needle, the longest first.
    order = np.flatnonzero(counts)
    order = order[np.lexsort((order, -segments.size[order], segments.needle[order]))]
    needle, size = segments.needle[order], segments.size[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = np.diff(needle) != 0
    before = np.cumsum(size) - size
    before -= np.maximum.accumulate(np.where(opens, before, 0))
    # What the entries so far leave out must be less than is needed, whatever the rest holds.
    chosen = np.zeros(len(counts), dtype=bool)
    chosen[order] = opens | (tokens[needle] - before >= needed[needle])
    whole = needed == tokens
    n = np.take(N, han.astype(np.int64))[segments.needle]
    is_first = np.ones(len(piece), dtype=bool)
    is_first[1:] = np.diff(piece) != 0
    kept = chosen[piece] & (is_first | ~whole[segments.needle[piece]])
    kept[kept], _ = is_rare(piece_hash[kept], segments.needle[piece[kept]])
    piece, piece_hash = piece[kept], piece_hash[kept]
    entry_size = np.minimum(n, segments.size)[piece]
    all_of_it = whole[segments.needle[piece]]
    by_hash = np.argsort(piece_hash, kind="stable")
    columns = {
        "entry": piece_hash,
        "entry_size": entry_size.astype(np.int32),
        "check": np.where(all_of_it, segments.hash[piece], piece_hash),
        "check_size": np.where(all_of_it, segments.size[piece], entry_size).astype(np.int32),
        "entry_needle": segments.needle[piece].astype(np.int32),
    }
    return {name: column[by_hash] for name, column in columns.items()}


def _bloom(hashes: U64) -> npt.NDArray[np.uint8]:
    """Two bits a hash, in a field of 32 to 64 bits for each: one other hash in 250 to 1,000 passes."""
    bits = max(16, int(32 * max(len(hashes), 1) - 1).bit_length())
    field = np.zeros(1 << bits, dtype=bool)
    for places in (hashes, _second(hashes)):
        field[places >> np.uint64(64 - bits)] = True
    return np.packbits(field, bitorder="little")


def _second(hashes: U64) -> U64:
    """Other bits of hashes, where `_bloom` looks a second time."""
    return np.asarray(hashes << np.uint64(32) | hashes >> np.uint64(32))

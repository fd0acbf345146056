"""The texts of all benchmarks as one sorted index of hashes, which a batch of documents is looked up in.

A needle is a distinct text of an item, or a product's key. It is sought as a whole, and, where it is long enough, by
n-grams inside its sentences and key-values: 8 characters or 6 words of a long text, 5 or 4 of a short one, a shorter
key-value as it is. What stands in one order in the needle may thus stand in any order in a document.

Memory: about 25 bytes a token of the benchmarks, and as much again while it is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecomct.decontamination.fold import I64, Tokens, stretches, tokenise, windows
from ecomct.decontamination.items import Item, Text
from ecomct.recipe.decontamination import Decontamination
from ecomct.seeded import U64, hash_text

I32 = npt.NDArray[np.int32]
BATCH = 1 << 17  # characters looked at together
# n by language, Han or not: of texts from LONG tokens on, of shorter ones, and of key-values that count although shorter.
_LONG_N, _SHORT_N, _LEAST_N = (6, 8), (4, 5), (2, 3)
# An n-gram of more needles says nothing of any one of them.
_POSTINGS = 64


@dataclass(frozen=True)
class Index:
    """Hashes sorted with what they are of. All arrays may be memory maps.

    By needle: `tokens` that its n-grams cover at the most (0: it is sought whole only), `needed` of them, how many of its n-grams
    are (`grams`: of a short text all, so that no two halves from different places make it up), the `enough` of its language, and
    whether it is a `title` or a `text` (an answer is neither). `gram` is sorted; entry i is an n-gram of `gram_size[i]`
    tokens at `gram_start[i]` of needle `gram_needle[i]`. `whole` is the sorted hash of a needle's letters, `whole_needle` whose.
    `key` is the sorted hash of a product, `key_needle` whose. `bloom` says of most other hashes that they are in neither.
    """

    tokens: I32
    needed: I32
    grams: I32
    enough: I32
    title: npt.NDArray[np.bool_]
    text: npt.NDArray[np.bool_]
    gram: U64
    gram_needle: I32
    gram_start: I32
    gram_size: npt.NDArray[np.int8]
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
        return Index(**{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(Index)})

    def probably(self, hashes: U64) -> npt.NDArray[np.int64]:
        """Positions of the hashes that may be in the index."""
        shift = np.uint64(64 - (len(self.bloom) * 8).bit_length() + 1)
        place = hashes >> shift
        return np.flatnonzero((self.bloom[place >> np.uint64(3)] >> (place & np.uint64(7)).astype(np.uint8)) & 1)

    @property
    def sizes(self) -> list[int]:
        """Lengths of n-grams in use."""
        return [int(size) for size in np.unique(self.gram_size)]


@dataclass(frozen=True)
class Needles:
    """What is sought: distinct texts (and keys), the items each is of, and the benchmarks' names."""

    tasks: list[str]
    items: list[tuple[int, str]]  # (task, place), in order
    texts: list[str]
    holders: list[list[int]]  # items of each needle, ascending


def collect(
    benchmarks: Iterable[tuple[str, Iterable[Item]]], setting: Decontamination, products: list[str]
) -> tuple[Needles, Index]:
    """Read all items. `products`: sources whose keys other sources name; a key of an item may be any one's.

    Deterministic: needles are numbered by where they first appear.
    """
    known: dict[str, int] = {}
    roles: list[set[str]] = []
    needles = Needles([], [], [], [])
    keys: dict[int, int] = {}
    for task, (name, items) in enumerate(benchmarks):
        needles.tasks.append(name)
        for item in items:
            number = len(needles.items)
            needles.items.append((task, item.place))
            named = [Text(key, "key") for key in item.keys]  # type: ignore[arg-type]
            for text, role in [*item.texts, *named]:
                needle = known.setdefault(f"\0{text}" if role == "key" else text, len(known))
                if needle == len(roles):
                    roles.append(set())
                    needles.texts.append(text)
                    needles.holders.append([])
                    if role == "key":
                        keys |= {hash_text(f"{source}/{text}"): needle for source in products}
                roles[needle].add(role)
                if needles.holders[needle][-1:] != [number]:
                    needles.holders[needle].append(number)
    return needles, _index(needles, roles, keys, setting)


def _index(needles: Needles, roles: list[set[str]], keys: dict[int, int], setting: Decontamination) -> Index:
    is_key = np.array(["key" in role for role in roles], dtype=bool)
    title = np.array(["title" in role for role in roles], dtype=bool)
    text = np.array(["text" in role for role in roles], dtype=bool)
    count = np.array([len(holders) for holders in needles.holders], dtype=np.int64)
    parts = [_grams(batch, first, setting) for first, batch in _batches(needles.texts)]
    names = ("size", "han", "whole", "gram", "needle", "start", "length")
    size, han, whole, gram, needle, start, length = (
        np.concatenate([part[i] for part in parts]) if parts else np.zeros(0, dtype) for i, dtype in enumerate(_TYPES)
    )
    del parts, names
    least = _by_language(han, setting.least)
    # An answer that is short is a name, which any text may hold. A text of many items is the name of a label, or a question
    # that is asked of all.
    least = np.where(title, (least + 1) // 2, np.where(text, least, 2 * least))
    sought = ~is_key & (size >= least) & ((count <= setting.common_rows) | (size >= 2 * least))
    enough = _by_language(han, setting.enough)
    kept = (sought & (title | text | (size >= enough)))[needle]
    gram, needle, start, length = _rare(gram[kept], needle[kept], start[kept], length[kept])
    tokens = _covered(needle, start, length, len(size))
    # What is left of a list of common phrases does not stand for it.
    tokens[(tokens < enough // 2) | (2 * tokens < size)] = 0
    kept = tokens[needle] > 0
    gram, needle, start, length = gram[kept], needle[kept], start[kept], length[kept]
    needed = np.minimum(tokens, np.maximum(enough, np.ceil(setting.share * tokens))).astype(np.int32)
    order = np.argsort(gram, kind="stable")
    chosen = np.flatnonzero(sought)
    by_whole = chosen[np.argsort(whole[chosen], kind="stable")]
    key = np.array(sorted(keys), dtype=np.uint64)
    return Index(
        tokens=tokens.astype(np.int32),
        needed=needed,
        grams=np.where(tokens <= enough, np.bincount(needle, minlength=len(size)), 0).astype(np.int32),
        enough=enough.astype(np.int32),
        title=title,
        text=text,
        gram=gram[order],
        gram_needle=needle[order].astype(np.int32),
        gram_start=start[order].astype(np.int32),
        gram_size=length[order].astype(np.int8),
        whole=whole[by_whole],
        whole_needle=by_whole.astype(np.int32),
        key=key,
        key_needle=np.array([keys[one] for one in key.tolist()], dtype=np.int32),
        bloom=_bloom(np.concatenate([gram, whole[chosen]])),
    )


_TYPES = (np.int64, bool, np.uint64, np.uint64, np.int64, np.int64, np.int64)


def _by_language(han: npt.NDArray[np.bool_], by: Mapping[Literal["zh", "en"], int]) -> I64:
    return np.where(han, by["zh"], by["en"]).astype(np.int64)


def _batches(texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Texts in batches, each with the number of its first."""
    begin = characters = 0
    for number, text in enumerate(texts):
        characters += len(text)
        if characters >= BATCH:
            yield begin, texts[begin : number + 1]
            begin, characters = number + 1, 0
    if begin < len(texts):
        yield begin, texts[begin:]


def _grams(texts: list[str], first: int, setting: Decontamination) -> tuple[npt.NDArray[np.generic], ...]:
    """Of each text its size, language and hash; and its distinct n-grams as (hash, needle, start, length).

    Numbers are no text: they do not count in the size, and what holds nothing else is no n-gram.
    """
    tokens = tokenise(texts)
    owner = tokens.owner
    size = np.bincount(owner, weights=~tokens.digit, minlength=len(texts)).astype(np.int64)
    words = np.concatenate([[0], np.cumsum(~tokens.digit)])
    han = 2 * np.bincount(owner, weights=tokens.han, minlength=len(texts)) >= np.maximum(size, 1)
    bounds = np.searchsorted(tokens.letters, tokens.text)
    whole = stretches(tokens.letter_sums, bounds[:-1], bounds[1:])
    enough = _by_language(han, setting.enough)
    n = np.where(size >= 2 * enough, np.where(han, _LONG_N[1], _LONG_N[0]), np.where(han, _SHORT_N[1], _SHORT_N[0]))
    least = np.where(han, _LEAST_N[1], _LEAST_N[0])
    # A text of fewer than two n-grams is sought whole.
    segment = _segments(tokens)
    segment_size = np.bincount(segment, minlength=1)[segment] if len(segment) else segment
    wanted = np.where(segment_size >= n[owner], n[owner], segment_size)
    wanted[(segment_size < least[owner]) | (size[owner] < 2 * n[owner])] = 0
    found = []
    for length in np.unique(wanted[wanted > 0]).tolist():
        hashes = windows(tokens.sums, length)
        inside = (wanted[: len(hashes)] == length) & (segment[: len(hashes)] == segment[length - 1 :])
        starts = np.flatnonzero(inside & (words[length:] > words[:-length]))
        _, firsts = np.unique(np.rec.fromarrays([owner[starts], hashes[starts]]), return_index=True)
        starts = starts[np.sort(firsts)]
        found.append((hashes[starts], owner[starts] + first, starts - tokens.first[owner[starts]], np.full(len(starts), length)))
    grams = [np.concatenate([one[i] for one in found]) if found else np.zeros(0, _TYPES[3 + i]) for i in range(4)]
    return (size, han, whole, *grams)


def _segments(tokens: Tokens) -> I64:
    """Number of the sentence or key-value that each token is in."""
    cuts = np.searchsorted(tokens.begin, tokens.stops)
    opens = np.zeros(len(tokens.begin) + 1, dtype=np.int64)
    opens[cuts] = 1
    return np.cumsum(opens[:-1])


def _rare(gram: U64, needle: I64, start: I64, length: I64) -> tuple[U64, I64, I64, I64]:
    """The n-grams that few needles have."""
    pairs = np.unique(np.rec.fromarrays([gram, needle]))
    hashes, times = np.unique(pairs["f0"], return_counts=True)
    kept = ~np.isin(gram, hashes[times > _POSTINGS])
    return gram[kept], needle[kept], start[kept], length[kept]


def _covered(needle: I64, start: I64, length: I64, needles: int) -> I64:
    """By needle, how many of its tokens stand in an n-gram."""
    total = np.zeros(needles, dtype=np.int64)
    if len(needle):
        group, _, tokens = coverage(needle, np.zeros_like(needle), start, length)
        total[group] = tokens
    return total


def coverage(group: I64, second: I64, start: I64, length: I64) -> tuple[I64, I64, I64]:
    """Size of the union of [start, start + length) for each distinct (group, second): these two and the sizes.

    Cost: one sort.
    """
    order = np.lexsort((start, second, group))
    group, second, start, end = group[order], second[order], start[order], (start + length)[order]
    new = np.ones(len(group), dtype=bool)
    new[1:] = (np.diff(group) != 0) | (np.diff(second) != 0)
    # Each group is shifted beyond the one before, so that a running maximum never reaches over.
    shift = np.cumsum(new) * (int(end.max()) + 1)
    start, end = start + shift, end + shift
    reached = np.maximum.accumulate(end)
    before = np.concatenate([[0], reached[:-1]])
    added = np.maximum(0, end - np.maximum(start, before))
    firsts = np.flatnonzero(new)
    return group[firsts], second[firsts], np.add.reduceat(added, firsts)


def _bloom(hashes: U64) -> npt.NDArray[np.uint8]:
    """One bit a hash, in a field of 16 to 32 bits for each."""
    bits = max(16, int(16 * max(len(hashes), 1) - 1).bit_length())
    field = np.zeros(1 << bits, dtype=bool)
    field[hashes >> np.uint64(64 - bits)] = True
    return np.packbits(field, bitorder="little")

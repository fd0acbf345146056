"""The order of rows inside samples, and the title that is repeated where a cluster lacks it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.mixing.rows import I64
from ecomct.seeded import U64, hash_text, mix64

Order = Literal["permuted", "title-first", "by-source"]
Flags = npt.NDArray[np.bool_]


class Arranged(NamedTuple):
    """Samples one after the other: which piece stands where, and whether it is a title repeated there.

    `reason` is by piece, as it was given, the others by place.
    """

    sample: U64
    position: I64
    anchor: Flags
    reason: npt.NDArray[np.int8]


class Anchors(NamedTuple):
    """Of each row: the title of its product (index of a row, -1 for none) and the tokens of that title."""

    row: I64
    tokens: I64


def anchors(product: U64, title: Flags, tokens: I64, most: int) -> Anchors:
    """The first title of each row's product, where it has at most `most` tokens."""
    usable = np.flatnonzero(title & (tokens <= most))
    products, first = np.unique(product[usable], return_index=True)
    if not len(products):
        return Anchors(np.full(len(product), -1, dtype=np.int64), np.zeros(len(product), dtype=np.int64))
    place = np.minimum(np.searchsorted(products, product), len(products) - 1)
    found = products[place] == product
    row = np.where(found, usable[first[place]], -1)
    return Anchors(row, np.where(found, tokens[row], 0))


def arrange(
    sample: U64,
    identity: U64,
    source: I64,
    title: Flags,
    repeated: I64,
    reason: npt.NDArray[np.int8],
    order: Order,
    epoch: int,
    seed: int,
) -> Arranged:
    """Put the pieces of each sample in order: permuted by seeded hash (paper, 3.2), anew in every epoch.

    `repeated[i]` is the title that piece i's sample begins with if it holds none, or -1. Repeated titles stand first.
    """
    add = _lacking(sample, title, repeated)
    position = np.concatenate([repeated[add], np.arange(len(sample))])
    of_sample = np.concatenate([sample[add], sample])
    anchor = np.arange(len(position)) < len(add)
    # Rank before the hash: 0 for repeated titles.
    rank = {
        "permuted": np.ones(len(sample), dtype=np.int64),
        "title-first": np.where(title, 1, 2),
        "by-source": 1 + source,
    }[order]
    ranked = np.concatenate([np.zeros(len(add), dtype=np.int64), rank])
    shuffle = mix64(identity, hash_text("permute" if epoch == 1 else f"permute {epoch}", seed) >> 1)
    placed = np.lexsort((shuffle[position], ranked, of_sample))
    return Arranged(of_sample[placed], position[placed], anchor[placed], reason)


def _lacking(sample: U64, title: Flags, repeated: I64) -> I64:
    """One piece of each sample that has a title to repeat and holds none."""
    wanting = np.flatnonzero(repeated >= 0)
    wanting = wanting[~np.isin(sample[wanting], sample[title & (repeated >= 0)])]
    _, first = np.unique(sample[wanting], return_index=True)
    return wanting[first]


def neighbours(plan: Arranged, source: I64) -> dict[str, int | float]:
    """How many neighbouring pieces of a sample there are, how many have different sources, and how many a random
    order would give: for a sample of n pieces, c_s of source s, (n - 1) (1 - sum c_s (c_s - 1) / (n (n - 1)))."""
    sample, source = plan.sample[~plan.anchor], source[plan.position[~plan.anchor]]
    same = sample[1:] == sample[:-1]
    _, number = np.unique(sample, return_inverse=True)
    size = np.bincount(number) if len(number) else np.zeros(0, dtype=np.int64)
    pair, count = np.unique(np.stack([number, source]), axis=1, return_counts=True)
    alike = np.bincount(pair[0], weights=count * (count - 1), minlength=len(size)) if len(size) else np.zeros(0)
    expected = (size - 1 - alike / np.maximum(1, size)).sum()
    return {
        "neighbours": int(same.sum()),
        "neighbours_of_two_sources": int((same & (source[1:] != source[:-1])).sum()),
        "neighbours_of_two_sources_expected": float(expected),
    }

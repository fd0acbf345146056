"""Rows, limits and clusters: what every mixing strategy is given and what it returns. Arrays of ids, no text.

Edges (paper, 3.2). Under `all` the rows of one product are all connected ("connect all nodes associated
with the same product"), so any of them make a connected cluster. Under `cross` only rows of different
sources are, so a cluster is connected exactly when it has two sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.rules.sample import SAMPLE_REASONS
from ecomct.seeded import U64

I64 = npt.NDArray[np.int64]
Edges = Literal["all", "cross"]
# Why a row is in no cluster; index into REASONS, 0 means that it is in one, SAMPLE_RULE begins the rules of samples.
CLUSTERED, TOO_FEW_ROWS, TOO_LONG, NO_OTHER_SOURCE, NO_ROOM, TOO_FEW_TOKENS, SEPARATE, SAMPLE_RULE = range(8)
REASONS = (
    "clustered",
    "too_few_rows",  # its product has fewer rows than a cluster needs
    "too_long_together",  # would not fit with others
    "no_other_source",  # its product has too few rows of other sources to stand beside
    "no_room",  # too few rows are left for one more cluster, and the others are full
    "too_few_tokens",  # its cluster would be shorter than a sample may be
    "separate",  # the strategy puts no rows together
    *SAMPLE_REASONS[1:],  # its cluster broke a rule of the second pass
)


class Rows(NamedTuple):
    """Parallel arrays, one entry a row. `room` is the most tokens a cluster of the row's product may have."""

    product: U64
    source: I64
    tokens: I64
    tie: U64  # orders rows of one source: a seeded hash
    room: I64


@dataclass(frozen=True)
class Limits:
    """Size of a cluster in rows and tokens, tokens between two rows, and which rows are connected."""

    min_rows: int
    max_rows: int
    min_tokens: int = 0
    separator: int = 0
    edges: Edges = "all"


class Clusters(NamedTuple):
    """Of each row: its cluster (dense numbers from 0, in order of product; -1 for leftovers), why, and how many
    clusters its product was divided into (those that fell under a limit and became leftovers included)."""

    cluster: I64
    reason: npt.NDArray[np.int8]
    hands: I64


class Sorted(NamedTuple):
    """Rows in dealing order: by product, the product's largest source first, then by source number, then by tie."""

    order: I64  # position among the given rows
    group: I64  # number of its product, 0 to P - 1
    rank: I64  # place within its product
    source: I64
    tokens: I64
    size: I64  # of each product: rows,
    largest: I64  # rows of its largest source,
    room: I64  # most tokens of a cluster


def dealing_order(rows: Rows) -> Sorted:
    """Sort rows for dealing. Time: two sorts of 64-bit keys and one of the (product, source) pairs; 80 bytes a row."""
    pair = _pair_order(rows)
    product, source = rows.product[pair], rows.source[pair]
    new_product = _changes(product)
    new = new_product | _changes(source)
    begins = np.flatnonzero(new)
    runs = np.diff(np.append(begins, len(pair)))
    of_product = np.cumsum(new_product[begins]) - 1
    # Runs are few; their order is the order of the rows but for the tie.
    placed = np.lexsort((source[begins], -runs, of_product))
    place = np.empty(len(placed), dtype=np.int64)
    place[placed] = np.arange(len(placed))
    order = pair[_order_in_runs(np.repeat(place, runs), rows.tie[pair])]
    size = np.bincount(of_product, weights=runs).astype(np.int64)
    first = placed[np.flatnonzero(_changes(of_product[placed]))]
    group = np.repeat(np.arange(len(size)), size)
    ends = np.cumsum(size)
    return Sorted(
        order=order,
        group=group,
        rank=np.arange(len(order)) - (ends - size)[group],
        source=rows.source[order],
        tokens=rows.tokens[order],
        size=size,
        largest=runs[first],
        room=rows.room[order[ends - size]],
    )


def _pair_order(rows: Rows) -> I64:
    """Rows with equal (product, source) side by side, products in order."""
    order = np.argsort(rows.product)
    product = rows.product[order]
    key = (np.cumsum(_changes(product)).astype(np.uint64) << np.uint64(16)) | rows.source[order].astype(np.uint64)
    # Within a run the tie decides later, so this sort need not be stable.
    return order[np.argsort(key)]


def _order_in_runs(run: I64, tie: U64) -> I64:
    """Rows by run, then tie: one sort of 32 bits of each, or of both whole where those are not enough."""
    key = (run.astype(np.uint64) << np.uint64(32)) | (tie >> np.uint64(32))
    order = np.argsort(key)
    key = key[order]
    return np.lexsort((tie, run)) if bool((key[1:] == key[:-1]).any()) else order


def _changes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before it; the first does."""
    return np.concatenate([np.ones(min(1, len(values)), dtype=bool), values[1:] != values[:-1]])

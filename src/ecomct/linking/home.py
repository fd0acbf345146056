"""One home product for each row, so that a row is in one cluster only (paper, 3.2: no row twice).

A product whose own rows make K clusters has room for K rows of a source: a further one adds no source to any
cluster. So a row of several products goes where there is room, and as many as possible do. With K fixed
beforehand the sources do not interact, and the optimum of each is the optimum of all. (To choose K as well, with
three or more sources of several products each, is three-dimensional matching, NP-hard; nobody does that here.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.linking.matching import I64, expanded_links, place_exactly, place_streaming, spread
from ecomct.seeded import U64


class Homes(NamedTuple):
    """Of each row its home product and whether it has one; of each source with rows of several products, how well they fit."""

    home: U64
    keyed: npt.NDArray[np.bool_]
    measures: dict[int, dict[str, Any]]


def choose_homes(
    entity: U64,
    first: I64,
    source: I64,
    owner: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.bool_],
    max_rows: int,
    exact_links: int,
) -> Homes:
    """Home product of each row.

    `entity[first[i]:first[i + 1]]` are the products of row i, `source[i]` its source, `owner[i]` whether
    it is a product's own row (at home with itself), `counts[i]` whether it takes part in training.

    A row of several products goes to one of those that other training rows know, or to any of its products
    where there is none. K = max(1, ceil(n / max_rows)) for a product with n training rows of its own; room for
    a source: K less its rows among them. The matching is exact for a source of at most `exact_links` links,
    else made in one pass that reaches at least half; rows without room are spread evenly over their products.
    Memory: see `matching`; beside it about 100 bytes a link of one source.
    """
    count = np.diff(first)
    keyed = count > 0
    home = np.zeros(len(count), dtype=np.uint64)
    single = keyed & ((count == 1) | owner)
    home[single] = entity[first[:-1][single]]
    known, own_rows = np.unique(home[single & counts], return_counts=True)
    several = np.flatnonzero(keyed & ~single)
    measures = {}
    for one in np.unique(source[several]):
        rows = several[source[several] == one]
        names, product = _candidates(rows, entity, first, known)
        clusters = np.maximum(1, -(-_looked_up(product, known, own_rows) // max_rows))
        taken = _looked_up(product, *np.unique(home[single & counts & (source == one)], return_counts=True))
        room = np.maximum(0, clusters - taken)
        chosen = np.full(len(rows), -1, dtype=np.int64)
        trained = counts[rows]
        chosen[trained], facts = _match(*_part(names, trained), room, exact_links)
        for late in (trained & (chosen < 0), ~trained):
            load = taken + np.bincount(chosen[chosen >= 0], minlength=len(product))
            chosen[late] = spread(*_part(names, late), clusters, load)
        home[rows] = product[chosen]
        if trained.any():
            measures[int(one)] = facts
    return Homes(home, keyed, measures)


class _Names(NamedTuple):
    """Products of rows, as in `matching`."""

    first: I64
    column: I64


def _candidates(rows: I64, entity: U64, first: I64, known: U64) -> tuple[_Names, U64]:
    """Products that each row may go to, numbered, and their names."""
    count = first[rows + 1] - first[rows]
    owner = np.repeat(np.arange(len(rows)), count)
    named = entity[np.arange(len(owner)) + np.repeat(first[rows] - (np.cumsum(count) - count), count)]
    is_known = np.isin(named, known)
    use = is_known | (np.bincount(owner[is_known], minlength=len(rows)) == 0)[owner]
    product, column = np.unique(named[use], return_inverse=True)
    return _Names(np.concatenate([[0], np.cumsum(np.bincount(owner[use], minlength=len(rows)))]), column), product


def _part(names: _Names, mask: npt.NDArray[np.bool_]) -> _Names:
    """The rows of `mask` alone."""
    count = np.diff(names.first)
    return _Names(np.concatenate([[0], np.cumsum(count[mask])]), names.column[np.repeat(mask, count)])


def _looked_up(product: U64, names: U64, values: I64) -> I64:
    """Value of each product, 0 where it has none; `names` is sorted."""
    if not len(names):
        return np.zeros(len(product), dtype=np.int64)
    position = np.minimum(np.searchsorted(names, product), len(names) - 1)
    return np.where(names[position] == product, values[position], 0)


def _match(first: I64, column: I64, room: I64, exact_links: int) -> tuple[I64, dict[str, Any]]:
    """Place the rows of one source; how many found room, against the most that could, and what simpler rules reach."""
    streaming = place_streaming(first, column, room)
    by_streaming = int((streaming >= 0).sum())
    named_first = np.bincount(column[first[:-1][np.diff(first) > 0]], minlength=len(room))
    facts = {"rows": len(first) - 1, "links": len(column)}
    others = {"streaming": by_streaming, "first_named": int(np.minimum(named_first, room).sum())}
    if expanded_links(column, room) > exact_links:
        degree = np.bincount(column, minlength=len(room))
        bound = min(len(first) - 1, int(np.minimum(room, degree).sum()), 2 * by_streaming)
        return streaming, facts | _fit("streaming", by_streaming, bound) | others
    exact = place_exactly(first, column, room)
    covered = int((exact >= 0).sum())
    return exact, facts | _fit("exact", covered, covered) | others


def _fit(method: str, covered: int, bound: int) -> dict[str, Any]:
    return {"method": method, "covered": covered, "bound": bound, "ratio": round(covered / bound, 4) if bound else 1.0}

"""From home products to groups: what is read together where products alone leave rows without another source."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.linking.ball import Ties, Walk, group_rows
from ecomct.linking.matching import I64
from ecomct.linking.rescue import Keys, join_products, take_stock
from ecomct.recipe.model import Mixing
from ecomct.seeded import U64


class Linked(NamedTuple):
    """Rows sorted by number: home product, source, and lists of keys (values, first): products, held and pointed at."""

    row: U64
    product: U64
    source: I64
    entities: Keys
    related: Keys
    points_to: Keys


def form_groups(linked: Linked, trained: npt.NDArray[np.bool_], mixing: Mixing, seed: int) -> tuple[U64, dict[str, Any]]:
    """What each row is mixed with (its product, or a group), and the measures of joining and walking.

    `trained`: rows that take part. First products are joined (`rescue`), then rows of products that are
    still under-covered are grouped over products and further keys (`ball`). A group has at most `max_rows`
    rows, so it is one cluster and stays connected.
    """
    rows, limits = np.flatnonzero(trained), (mixing.min_rows, mixing.max_rows)
    home, rounds = _join(linked, rows, mixing)
    gained = sum(one["rows"]["value"] for one in rounds)
    facts: dict[str, Any] = {"joined_products": {"rounds": rounds, "rows": gained}, "groups": {}}
    if mixing.ball_rows:
        source = linked.source[rows]
        stock = take_stock(home[rows], source)
        low = stock.product[~stock.mixed(mixing.min_rows)]
        free = rows[np.isin(home[rows], low)]
        walk = Walk(mixing.ball_rows, mixing.hub_rows, *limits, mixing.edges)
        groups, facts["groups"] = group_rows(linked.row[free], linked.source[free], _ties(linked, free), walk, seed)
        home[free] = np.where(groups != 0, groups, home[free])
    return home, facts


def _join(linked: Linked, rows: I64, mixing: Mixing) -> tuple[U64, list[dict[str, Any]]]:
    """What each row is mixed with after joining products, and the account of each round.

    What one round joins may be joined again: connected groups stay connected over any bridge. Where only different
    sources are adjacent that is not so, and one round is all.
    """
    home, source = linked.product.copy(), linked.source[rows]
    names, points = _part(linked.entities, rows), _part(linked.points_to, rows)
    rounds: list[dict[str, Any]] = []
    while True:
        joined, group, account = join_products(home[rows], source, names, points, mixing.min_rows, mixing.max_rows, mixing.edges)
        rounds.append(account)
        if not len(joined):
            return home, rounds
        home = _renamed(home, joined, group)
        if mixing.edges == "cross":
            return home, rounds
        names, points = ((_renamed(values, joined, group), first) for values, first in (names, points))


def _renamed(values: U64, names: U64, new: U64) -> U64:
    """`new[i]` where a value is `names[i]` (sorted), else the value."""
    position = np.minimum(np.searchsorted(names, values), len(names) - 1)
    return np.where(names[position] == values, new[position], values)


def _part(keys: Keys, rows: I64) -> Keys:
    """The keys of some rows, in the order of `rows`."""
    values, first = keys
    count = first[rows + 1] - first[rows]
    starts = np.concatenate([[0], np.cumsum(count)])
    return values[np.arange(starts[-1]) + np.repeat(first[rows] - starts[:-1], count)], starts


def _ties(linked: Linked, rows: I64) -> Ties:
    """Keys of some rows, numbered by their position in `rows`."""
    parts = [_part(keys, rows) for keys in (linked.entities, linked.related, linked.points_to)]
    return Ties(
        row=np.concatenate([np.repeat(np.arange(len(rows)), np.diff(first)) for _, first in parts]),
        key=np.concatenate([values for values, _ in parts]),
        points=np.repeat([False, False, True], [len(values) for values, _ in parts]),
    )

"""From home products to groups: what is read together where products alone leave rows without another source."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.linking.ball import Ties, Walk, group_rows
from ecomct.linking.matching import I64
from ecomct.linking.rescue import join_products, take_stock
from ecomct.recipe.model import Mixing
from ecomct.seeded import U64

Keys = tuple[U64, I64]


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

    `trained`: rows that take part. First pairs of products are joined (`rescue`), then rows of products that are
    still under-covered are grouped over products and further keys (`ball`). A group has at most `max_rows`
    rows, so it is one cluster and stays connected.
    """
    rows = np.flatnonzero(trained)
    product, source = linked.product[rows], linked.source[rows]
    limits = (mixing.min_rows, mixing.max_rows)
    joined, group, measures = join_products(product, source, *_part(linked.entities, rows), *limits, mixing.edges)
    home = linked.product.copy()
    if len(joined):
        position = np.minimum(np.searchsorted(joined, home), len(joined) - 1)
        home = np.where(joined[position] == home, group[position], home)
    facts: dict[str, Any] = {"joined_products": measures, "groups": {}}
    if mixing.ball_rows:
        stock = take_stock(home[rows], source)
        low = stock.product[~stock.mixed(mixing.min_rows)]
        free = rows[np.isin(home[rows], low)]
        walk = Walk(mixing.ball_rows, mixing.hub_rows, *limits, mixing.edges)
        groups, facts["groups"] = group_rows(linked.row[free], linked.source[free], _ties(linked, free), walk, seed)
        home[free] = np.where(groups != 0, groups, home[free])
    return home, facts


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

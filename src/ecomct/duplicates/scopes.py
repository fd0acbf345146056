"""Where a row's repeats may be: within its product, its title or its role. Ids only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.duplicates.candidates import read_bands
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Source
from ecomct.seeded import U64, combine, hash_text, mix64

_PRODUCT, _ROLE = (np.uint64(hash_text(name)) for name in ("product", "role"))


class Scopes(NamedTuple):
    """By row: the scope of texts that are equal as wholes, and of those that are similar."""

    equal: U64
    similar: U64


def scope_of(source: Source) -> Literal["product", "corpus", "keep"]:
    """What a source's setting means: what people write is sought everywhere, facts of the catalogue in one product.

    Catalogue facts repeat rightly from product to product ("number of items: 1"); what people write does not.
    """
    if source.duplicates != "auto":
        return source.duplicates
    return "product" if source.kind in ("title", "attributes", "description") else "corpus"


def find_scopes(
    shards: list[Path], recipe: Recipe, source: npt.NDArray[np.int64], entity: U64, first: npt.NDArray[np.int64]
) -> Scopes:
    """The scopes of all rows; `entity[first[i]:first[i + 1]]` are row i's products.

    Similar texts of two products are repeats only if the products' titles are equal; a product without a title is
    alone. Texts that are equal as wholes are sought like equal ones, except facts of the catalogue.
    Memory: 40 bytes a row and a key.
    """
    sources = list(recipe.sources.values())
    count = np.diff(first)
    products = _sums(mix64(entity, 1), first)
    titles = _sums(mix64(_title_of(shards, sources, source, entity, first), 2), first)
    roles = np.array([hash_text(one.role) for one in sources], dtype=np.uint64)
    corpus = combine(roles[source], np.full(len(source), _ROLE))
    within = combine(products, np.full(len(source), _PRODUCT))
    by_title = np.where(count > 0, combine(corpus, titles), corpus)
    is_product = np.array([scope_of(one) == "product" for one in sources])[source] & (count > 0)
    is_fact = np.array([one.kind in ("attributes", "description") for one in sources])[source]
    similar = np.where(is_product, within, by_title)
    return Scopes(np.where(is_product | is_fact, similar, corpus), similar)


def _title_of(
    shards: list[Path], sources: list[Source], source: npt.NDArray[np.int64], entity: U64, first: npt.NDArray[np.int64]
) -> U64:
    """For each link of a row to a product, a hash of the product's title: that of the first row which is one."""
    is_title = np.array([one.kind == "title" for one in sources])[source]
    bands = read_bands(shards, 0, 1, is_title)
    # A row of the product's table names its own product first.
    has_key = first[bands.position] < first[bands.position + 1]
    owner, title = entity[first[bands.position[has_key]]], bands.value[has_key]
    known, at = np.unique(owner, return_index=True)
    if not len(known):
        return entity
    place = np.minimum(np.searchsorted(known, entity), len(known) - 1)
    return np.where(known[place] == entity, title[at][place], entity)


def _sums(value: U64, first: npt.NDArray[np.int64]) -> U64:
    """A hash of each list that does not depend on its order."""
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(value, dtype=np.uint64)])
    return total[first[1:]] - total[first[:-1]]

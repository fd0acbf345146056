"""Ids only: which rows are held out, and where each row is at home.

Nothing here reads a text. Memory: about 120 bytes a row and a key at the peak, for all rows at once; what rows of
several products and further keys add is said in `home`, `rescue` and `ball`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.documents.ids import Ids, held_out_rows, read_ids
from ecomct.documents.schema import LINKS
from ecomct.duplicates.table import Repeated, read_repeated
from ecomct.errors import InputError
from ecomct.linking.groups import Linked, form_groups
from ecomct.linking.home import choose_homes
from ecomct.recipe.model import Recipe
from ecomct.seeded import hash_text, mix64

TRAIN, HELD_OUT, DUPLICATE, REPEAT, CONTAMINATED = range(5)
FATES = ("train", "held_out", "duplicate", "held_out_repeat", "contaminated")


def contaminated_rows(ids: Ids, first: npt.NDArray[np.int64], hits: Path | None) -> npt.NDArray[np.bool_]:
    """Rows that `hits` lists, and those that a listed row repeats (`first`), so that the text does not come back."""
    if hits is None:
        return np.zeros(len(first), dtype=bool)
    listed = np.isin(ids.row, pq.read_table(hits, columns=["row"])["row"].to_numpy())
    listed[first[listed]] = True
    return listed


def decide(ids: Ids, repeated: Repeated, hits: Path | None, recipe: Recipe) -> tuple[pa.Table, dict[str, Any]]:
    """The LINKS table of all rows (fate, duplicate_of, home, keyed, product), and the measures of homes and groups.

    `hits`: rows that hold an item of a benchmark; this fate goes before any other.
    A held-out text that training also has, or nearly has (a review posted twice), would be no test; it gets the fate
    `held_out_repeat` and is used for neither.
    """
    first = repeated.first
    contaminated = contaminated_rows(ids, first, hits)
    duplicate = (first != np.arange(len(first))) & ~contaminated
    held = held_out_rows(ids, recipe.evaluation.held_out, recipe.seed)
    trained_texts = np.unique(ids.text_hash[~held & ~duplicate & ~contaminated])
    repeat = held & (np.isin(ids.text_hash, trained_texts) | repeated.nearly_trained)
    fate = np.select([contaminated, duplicate, repeat, held], [CONTAMINATED, DUPLICATE, REPEAT, HELD_OUT], TRAIN).astype(np.int8)
    owners = np.array([any(r.to == name for s in recipe.sources.values() for r in s.references) for name in recipe.sources])
    # General text is no part of the mixture, whatever it refers to.
    domain = np.array([source.role == "domain" for source in recipe.sources.values()])
    trained, mixing = (fate == TRAIN) & domain[ids.source], recipe.mixing
    homes = choose_homes(ids.entity, ids.first, ids.source, owners[ids.source], trained, mixing.max_rows, mixing.exact_links)
    # Rows without a product are their own home; the salt keeps them apart from product hashes.
    product = np.where(homes.keyed, homes.home, mix64(ids.row, hash_text("no product") >> 1))
    linked = Linked(ids.row, product, ids.source, (ids.entity, ids.first), ids.related, ids.points_to)
    home, groups = form_groups(linked, trained & homes.keyed, mixing, recipe.seed)
    names = list(recipe.sources)
    measures = {"homes": {names[index]: facts for index, facts in homes.measures.items()}, **groups}
    table = pa.table(
        [
            pa.array(ids.row),
            pa.DictionaryArray.from_arrays(pa.array(fate), pa.array(FATES)),
            pa.array(ids.row[first], mask=~duplicate),
            pa.array(home),
            pa.array(homes.keyed),
            pa.array(product),
        ],
        schema=LINKS,
    )
    return table, measures


def _check_joins(ids: Ids, recipe: Recipe) -> None:
    """Refuse a source that names products, none of which its target has: most likely the wrong column."""
    names = list(recipe.sources)
    count = np.diff(ids.first)
    owner = np.repeat(ids.source, count)
    for index, (name, source) in enumerate(recipe.sources.items()):
        mine = ids.entity[owner == index]
        targets = [names.index(reference.to) for reference in source.references]
        if targets and len(mine) and not np.isin(mine, ids.entity[np.isin(owner, targets)]).any():
            to = ", ".join(reference.to for reference in source.references)
            raise InputError(f"sources.{name}.references: no row names a key of {to}; `ecomct check` shows both sides")


def write_links(
    shards: list[Path], duplicates: Path, hits: Path | None, folder: Path, recipe: Recipe
) -> tuple[dict[str, dict[str, object]], dict[str, Any]]:
    """Write one links file for each shard, and return the accounts by source and the measures.

    `duplicates` is the folder of the duplicates stage; `hits`: see `decide`.
    """
    ids = read_ids(shards, further=any(source.related for source in recipe.sources.values()))
    _check_joins(ids, recipe)
    table, measures = decide(ids, read_repeated(duplicates, ids.row), hits, recipe)
    start = 0
    for shard in shards:
        rows = pq.read_metadata(shard).num_rows
        with atomic_path(folder / "shards" / shard.name) as path:
            pq.write_table(table.slice(start, rows).unify_dictionaries(), path, compression="zstd")
        start += rows
    fates = np.asarray(table["fate"].combine_chunks().indices if table.num_rows else [])
    accounts: dict[str, dict[str, object]] = {}
    for index, name in enumerate(recipe.sources):
        counts = Counter(FATES[fate] for fate in fates[ids.source == index].tolist())
        leftovers = {reason: counts[reason] for reason in (FATES[HELD_OUT], FATES[REPEAT], FATES[CONTAMINATED]) if counts[reason]}
        accounts[name] = {
            "rows_in": counts.total(),
            "kept": counts[FATES[TRAIN]],
            "duplicates": counts[FATES[DUPLICATE]],
            "leftovers": leftovers,
        }
    return accounts, measures

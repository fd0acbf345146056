"""Ids only: which rows are duplicates, which are held out, and where each row is at home.

Nothing here reads a text. Memory: about 120 bytes a row and a key at the peak, for all rows at once; what rows of
several products and further keys add is said in `home`, `rescue` and `ball`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.documents.schema import LINKS
from ecomct.errors import InputError
from ecomct.linking.groups import Linked, form_groups
from ecomct.linking.home import choose_homes
from ecomct.recipe.model import Recipe
from ecomct.seeded import U64, hash_text, mix64

TRAIN, HELD_OUT, DUPLICATE, REPEAT, CONTAMINATED = range(5)
FATES = ("train", "held_out", "duplicate", "held_out_repeat", "contaminated")


class Lists(NamedTuple):
    """A list of hashes for each row: `value[first[i]:first[i + 1]]`."""

    value: U64
    first: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ids:
    """Identities of documents, sorted by row. `first[i]:first[i + 1]` are row i's entities.

    `related` and `points_to` are the same for its further keys; empty where the recipe has none.
    """

    row: U64
    digest: npt.NDArray[np.void]
    text_hash: U64
    entity: U64
    first: npt.NDArray[np.int64]
    related: Lists
    points_to: Lists

    @property
    def source(self) -> npt.NDArray[np.int64]:
        """Source index of each row."""
        return (self.row >> np.uint64(52)).astype(np.int64)


def read_ids(shards: list[Path], further: bool = False) -> Ids:
    """Read the id columns of all shards, one column at a time; shard names sort in row order.

    `further`: with the further keys.
    """
    digests = [np.frombuffer(chunk.buffers()[1], "V16", len(chunk), 16 * chunk.offset) for chunk in _chunks(shards, "digest")]
    row = _joined([chunk.to_numpy() for chunk in _chunks(shards, "row")], np.uint64)
    entity, first = _lists(shards, "entities")
    none = Lists(np.zeros(0, dtype=np.uint64), np.zeros(len(row) + 1, dtype=np.int64))
    return Ids(
        row=row,
        digest=np.concatenate([np.zeros(0, "V16"), *digests]),
        text_hash=_joined([chunk.to_numpy() for chunk in _chunks(shards, "text_hash")], np.uint64),
        entity=entity,
        first=first,
        related=_lists(shards, "related") if further else none,
        points_to=_lists(shards, "points_to") if further else none,
    )


def _lists(shards: list[Path], column: str) -> Lists:
    chunks = list(_chunks(shards, column))
    lengths = [pc.list_value_length(chunk).to_numpy(zero_copy_only=False) for chunk in chunks]
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in chunks]
    return Lists(_joined(values, np.uint64), np.concatenate([[0], np.cumsum(_joined(lengths, np.int64))]))


def _chunks(shards: list[Path], column: str) -> Iterator[pa.Array]:
    for shard in shards:
        yield from pq.read_table(shard, columns=[column])[column].chunks


def _joined(parts: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts])


def first_of_equal(digest: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """For each position, the first position with the same 16 bytes. Cost: one sort."""
    halves = digest.view([("high", "<u8"), ("low", "<u8")])
    order = np.lexsort((halves["low"], halves["high"]))
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.diff(halves["high"][order]) != 0
    new[1:] |= np.diff(halves["low"][order]) != 0
    # lexsort is stable, so the first of a run is the first in row order.
    result = np.empty(len(order), dtype=np.int64)
    result[order] = order[new][np.cumsum(new) - 1]
    return result


def held_out_rows(ids: Ids, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Rows held out for evaluation: every row of a held-out product, and that share of rows without one.

    A row of several products is held out if any of them is, so no held-out product is ever trained on.
    """
    held = np.zeros(len(ids.row), dtype=bool)
    if share <= 0:
        return held
    salt, limit = hash_text("held out", seed) >> 1, np.uint64(int(share * 2**64))
    count = np.diff(ids.first)
    owner = np.repeat(np.arange(len(ids.row)), count)
    held[owner[mix64(ids.entity, salt) < limit]] = True
    return held | ((count == 0) & (mix64(ids.row, salt) < limit))


def contaminated_rows(ids: Ids, first: npt.NDArray[np.int64], hits: Path) -> npt.NDArray[np.bool_]:
    """Rows that `hits` lists, and those that a listed row repeats (`first`), so that the text does not come back."""
    listed = np.isin(ids.row, pq.read_table(hits, columns=["row"])["row"].to_numpy())
    listed[first[listed]] = True
    return listed


def decide(ids: Ids, recipe: Recipe, hits: Path | None = None) -> tuple[pa.Table, dict[str, Any]]:
    """The LINKS table of all rows (fate, duplicate_of, home, keyed, product), and the measures of homes and groups.

    `hits`: rows that hold an item of a benchmark; this fate goes before any other.
    A held-out text that training also has (a review posted twice) would be no test; it gets the fate
    `held_out_repeat` and is used for neither.
    """
    first = first_of_equal(ids.digest)
    contaminated = contaminated_rows(ids, first, hits) if hits is not None else np.zeros(len(first), dtype=bool)
    duplicate = (first != np.arange(len(first))) & ~contaminated
    held = held_out_rows(ids, recipe.evaluation.held_out, recipe.seed)
    trained_texts = np.unique(ids.text_hash[~held & ~duplicate & ~contaminated])
    repeat = held & np.isin(ids.text_hash, trained_texts)
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
    shards: list[Path], folder: Path, recipe: Recipe, hits: Path | None = None
) -> tuple[dict[str, dict[str, object]], dict[str, Any]]:
    """Write one links file for each shard, and return the accounts by source and the measures. `hits`: see `decide`."""
    ids = read_ids(shards, further=any(source.related for source in recipe.sources.values()))
    _check_joins(ids, recipe)
    table, measures = decide(ids, recipe, hits)
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

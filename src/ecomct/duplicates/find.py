"""All duplicates of a run: equal rows by digest, similar rows by bands and verification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecomct.documents.ids import Ids, held_out_rows, read_ids
from ecomct.duplicates.candidates import Found, Pairs, candidate_pairs
from ecomct.duplicates.cluster import Similarities, cluster, cluster_measures, with_copies
from ecomct.duplicates.exact import first_of_equal
from ecomct.duplicates.rows import read_rows
from ecomct.duplicates.scopes import Scopes, find_scopes, scope_of
from ecomct.duplicates.table import DUPLICATES, HOW, REPEATS, write_table
from ecomct.duplicates.verify import REASONS, verify
from ecomct.engine import map_units
from ecomct.progress import track
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Kind

# Candidate pairs whose texts are in memory together, and pairs that one process verifies while two start.
_SLICE, _WORTH_WORKERS = 8_000, 20_000


@dataclass(frozen=True)
class _Slice:
    """Pairs for one worker."""

    shards: list[Path]
    kinds: Mapping[str, Kind]
    settings: Duplicates
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Verified:
    """The pairs that are repeats, their similarities, and how many of the others were refused for what reason."""

    pairs: Pairs
    similarity: Similarities
    refused: dict[str, int]


def find_duplicates(shards: list[Path], folder: Path, recipe: Recipe, workers: int) -> dict[str, Any]:
    """Write `duplicates.parquet` and `repeats.parquet` into `folder`; return the measures.

    Memory: 120 bytes a row and a key, 16 bytes a candidate pair, and the texts of 8,000 pairs for each worker.
    Guarantee: bytes do not depend on `workers`.
    """
    ids = read_ids(shards)
    first = first_of_equal(ids.digest)
    is_first, position = first == np.arange(len(first)), np.arange(len(first))
    leader, similarity = first, np.ones(len(first), dtype=np.float32)
    held, trained = np.zeros(0, dtype=np.int64), (position[:0], similarity[:0])
    measures: dict[str, Any] = {}
    if recipe.duplicates.near != "off":
        check = partial(_verified, shards, recipe, workers)
        kept = np.array([scope_of(source) == "keep" for source in recipe.sources.values()], dtype=bool)
        chosen = is_first & ~kept[ids.source]
        scopes = find_scopes(shards, recipe, ids.source, ids.entity, ids.first)
        found = candidate_pairs(shards, chosen, scopes, recipe.duplicates.bucket_rows)
        verified = check(found.pairs)
        clusters = with_copies(cluster(len(first), verified.pairs, verified.similarity, recipe.duplicates.max_cluster), first)
        leader, similarity = clusters.leader, clusters.similarity
        held, trained, asked = _nearly_trained(shards, ids, leader == position, recipe, check)
        measures = {"candidates": _facts(found, verified), "capped": clusters.capped, "held_out": asked}
    duplicate = np.flatnonzero(leader != position)
    near = leader != first
    _write(folder, ids, duplicate, leader, near, similarity)
    columns = [pa.array(ids.row[held]), pa.array(ids.row[trained[0]]), pa.array(trained[1])]
    write_table(folder / "repeats.parquet", REPEATS, columns)
    by_source = {
        name: {"exact": int(np.count_nonzero(mine & ~near)), "near": int(np.count_nonzero(mine & near))}
        for index, name in enumerate(recipe.sources)
        for mine in [(leader != position) & (ids.source == index)]
    }
    return measures | {"sources": by_source, "clusters": cluster_measures(leader, near, ids.row)}


def _write(
    folder: Path,
    ids: Ids,
    duplicate: npt.NDArray[np.int64],
    leader: npt.NDArray[np.int64],
    near: npt.NDArray[np.bool_],
    similarity: Similarities,
) -> None:
    how = pa.DictionaryArray.from_arrays(pa.array(near[duplicate].astype(np.int8)), pa.array(HOW))
    rows = [pa.array(ids.row[duplicate]), pa.array(ids.row[leader[duplicate]])]
    write_table(folder / "duplicates.parquet", DUPLICATES, [*rows, how, pa.array(similarity[duplicate])])


def _nearly_trained(
    shards: list[Path], ids: Ids, stays: npt.NDArray[np.bool_], recipe: Recipe, check: Callable[[Pairs], _Verified]
) -> tuple[npt.NDArray[np.int64], tuple[npt.NDArray[np.int64], Similarities], dict[str, Any]]:
    """Held-out rows that are similar to one that is trained on, whatever the scope: (rows, (of, similarity), facts).

    Such a row would be a test that training has seen.
    """
    held = held_out_rows(ids, recipe.evaluation.held_out, recipe.seed)
    everywhere = np.zeros(len(held), dtype=np.uint64)
    found = candidate_pairs(shards, stays, Scopes(everywhere, everywhere), recipe.duplicates.bucket_rows, held)
    verified = check(found.pairs)
    one, other = verified.pairs
    mine, of = np.where(held[one], one, other), np.where(held[one], other, one)
    order = np.lexsort((of, mine))
    rows, at = np.unique(mine[order], return_index=True)
    return rows, (of[order][at], verified.similarity[order][at]), _facts(found, verified)


def _facts(found: Found, verified: _Verified) -> dict[str, Any]:
    buckets = {"buckets": found.buckets, "hot_buckets": found.hot, "largest_bucket": found.largest}
    return {"pairs": len(found.pairs.first), "verified": len(verified.pairs.first), "refused": verified.refused, **buckets}


def _verified(shards: list[Path], recipe: Recipe, workers: int, pairs: Pairs) -> _Verified:
    kinds = {name: source.kind for name, source in recipe.sources.items()}
    count = len(pairs.first)
    slices = [
        _Slice(shards, kinds, recipe.duplicates, pairs.first[start : start + _SLICE], pairs.second[start : start + _SLICE])
        for start in range(0, count, _SLICE)
    ]
    workers = workers if count > _WORTH_WORKERS else 1
    made = list(track(map_units(_verify_slice, slices, workers), "duplicates", len(slices)))
    similarity = np.concatenate([np.zeros(0, dtype=np.float32), *(values for values, _ in made)])
    reason = np.concatenate([np.zeros(0, dtype=np.int8), *(reasons for _, reasons in made)])
    refused = Counter(REASONS[code] for code in reason[reason != 0].tolist())
    same = np.flatnonzero(reason == 0)
    return _Verified(Pairs(pairs.first[same], pairs.second[same]), similarity[same], dict(sorted(refused.items())))


def _verify_slice(task: _Slice) -> tuple[Similarities, npt.NDArray[np.int8]]:
    """Similarity and number of the reason (REASONS) of each pair."""
    positions, at = np.unique(np.concatenate([task.first, task.second]), return_inverse=True)
    rows = read_rows(task.shards, positions, task.kinds)
    pairs = list(zip(at[: len(task.first)].tolist(), at[len(task.first) :].tolist(), strict=True))
    verdicts = list(verify(rows, pairs, task.settings))
    similarity = np.array([verdict.similarity for verdict in verdicts], dtype=np.float32)
    return similarity, np.array([REASONS.index(verdict.reason) for verdict in verdicts], dtype=np.int8)

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
from ecomct.duplicates.parts import parts
from ecomct.duplicates.rows import read_rows, text_sizes
from ecomct.duplicates.scopes import Scopes, find_scopes, scope_of
from ecomct.duplicates.shingles import Index
from ecomct.duplicates.table import DUPLICATES, HOW, REPEATS, write_table
from ecomct.duplicates.verify import REASONS, verify
from ecomct.engine import map_units
from ecomct.progress import track
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Kind

# Candidate pairs that are verified as one piece of work, and the bytes of their texts, which are in memory together.
_SLICE, _TEXT = 8_000, 1 << 24
# Work, in bytes of the pairs' texts and as many for each pair, that is done before more processes have started.
_WORTH_WORKERS, _PAIR = 1 << 22, 200


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

    Memory: 130 bytes a row and a key, 16 bytes a candidate pair; for each worker a row group, _TEXT bytes of text or one
    pair, and what `verify` takes. Time: that of the candidates, of which there are at most `bucket_rows` a row and band.
    Guarantee: bytes do not depend on `workers`.
    """
    ids = read_ids(shards)
    first = first_of_equal(ids.digest)
    is_first, position = first == np.arange(len(first)), np.arange(len(first))
    leader, similarity = first, np.ones(len(first), dtype=np.float32)
    held, trained = np.zeros(0, dtype=np.int64), (position[:0], similarity[:0])
    measures: dict[str, Any] = {}
    if recipe.duplicates.near != "off":
        check = partial(_verified, shards, text_sizes(shards), recipe, workers)
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


def _verified(shards: list[Path], size: Index, recipe: Recipe, workers: int, pairs: Pairs) -> _Verified:
    kinds = {name: source.kind for name, source in recipe.sources.items()}
    # By the second row: those of a slice are neighbours, and many of them meet the same few first rows.
    order = np.lexsort((pairs.first, pairs.second))
    first, second = pairs.first[order], pairs.second[order]
    known, at = np.unique(np.concatenate([first, second]), return_inverse=True)
    one, other = at[: len(first)].tolist(), at[len(first) :].tolist()
    slices = [
        _Slice(shards, kinds, recipe.duplicates, first[start:stop], second[start:stop])
        for start, stop in parts(one, other, size[known].tolist(), _SLICE, _TEXT)
    ]
    workers = workers if int(np.sum(size[first] + size[second] + _PAIR)) > _WORTH_WORKERS else 1
    similarity, reason = np.empty(len(order), dtype=np.float32), np.empty(len(order), dtype=np.int8)
    start = 0
    for found, reasons in track(map_units(_verify_slice, slices, workers), "duplicates", len(slices)):
        mine = order[start : start + len(found)]
        similarity[mine], reason[mine] = found, reasons
        start += len(found)
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

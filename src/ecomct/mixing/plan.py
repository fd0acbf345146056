"""The mixture of one bucket: which pieces are read together, in which order, in every epoch. Ids only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.mixing.arrange import Arranged, anchors, arrange, neighbours
from ecomct.mixing.budget import HomeBudget
from ecomct.mixing.measure import measure
from ecomct.mixing.rows import I64, REASONS, SAMPLE_RULE, Clusters, Limits, Rows
from ecomct.mixing.strategies import STRATEGIES
from ecomct.recipe.model import Mixing
from ecomct.rules.sample import RowKeys, SampleRows, failing_samples, leave_over, measure_samples
from ecomct.seeded import U64, combine, hash_text, mix64
from ecomct.tokens.pieces import COUNTS, read_bucket

# One line for each piece of each epoch, sorted by (epoch, sample, position): a sample is a run of equal numbers.
PLAN = pa.schema(
    [
        ("epoch", pa.uint16()),  # from 1
        ("sample", pa.uint64()),
        ("row", pa.uint64()),
        ("piece", pa.uint32()),
        ("home", pa.uint64()),
        ("reason", pa.dictionary(pa.int8(), pa.string())),  # clustered, or why the sample is a single piece
        ("anchor", pa.bool_()),  # the title repeated for this cluster
    ]
)
LEFTOVER = (*REASONS, "no_key")
NO_KEY = len(REASONS)


@dataclass(frozen=True)
class MixTask:
    """What a worker needs to mix a bucket."""

    tokens: Path
    groups: dict[str, list[int]]
    out: Path
    mixing: Mixing
    domain: tuple[bool, ...]  # by source index
    titles: tuple[bool, ...]  # by source index: whether its rows are titles
    sources: tuple[str, ...]
    max_tokens: int
    separator: int
    epochs: int
    budget: HomeBudget
    samples: Mapping[str, float | None]  # thresholds of the second pass, where they are not the defaults
    seed: int

    @property
    def room(self) -> int:
        """Most tokens of a cluster."""
        return min(self.max_tokens, self.mixing.max_tokens or self.max_tokens)

    @property
    def limits(self) -> Limits:
        """Size range and edges of a cluster."""
        mixing = self.mixing
        return Limits(mixing.min_rows, mixing.max_rows, mixing.min_tokens, self.separator, mixing.edges)


class Pieces(NamedTuple):
    """The domain pieces of a bucket that are within the budget."""

    row: U64
    piece: npt.NDArray[np.uint32]
    source: I64
    home: U64
    product: U64
    keyed: npt.NDArray[np.bool_]
    tokens: I64
    text: U64
    counts: I64  # characters, letters and characters of placeholders, a row each

    @property
    def identity(self) -> U64:
        """Hash of row and piece."""
        return combine(self.row, self.piece.astype(np.uint64))


def mix_bucket(task: MixTask, bucket: int) -> dict[str, Any]:
    """Write the plan of one bucket; return accounts by source and the bucket's measures."""
    columns = ["row", "piece", "source", "home", "product", "keyed", "tokens", "text", *COUNTS]
    table = read_bucket(task.tokens, task.groups, bucket, columns)
    source = table["source"].to_numpy().astype(np.int64)
    domain = np.array(task.domain, dtype=bool)[source]
    used = domain & task.budget.holds(table["home"].to_numpy(), task.seed)
    accounts = _accounts_before(task, table["row"].to_numpy()[domain], source[domain], used[domain])
    pieces = Pieces(
        row=table["row"].to_numpy()[used],
        piece=table["piece"].to_numpy()[used],
        source=source[used],
        home=table["home"].to_numpy()[used],
        product=table["product"].to_numpy()[used],
        keyed=table["keyed"].to_numpy()[used],
        tokens=table["tokens"].to_numpy()[used].astype(np.int64),
        text=table["text"].to_numpy()[used],
        counts=np.stack([table[name].to_numpy()[used].astype(np.int64) for name in COUNTS]),
    )
    title = _titles(task, pieces)
    rows, repeatable = _rows(task, pieces, title)
    plans: list[Arranged] = []
    clusters: list[Clusters] = []
    for epoch in range(1, task.epochs + 1):
        again = epoch > 1 and task.mixing.each_epoch == "permute"
        clusters.append(clusters[0] if again else _cluster(task, rows, pieces, epoch))
        plans.append(_arrange(task, pieces, rows.product, clusters[-1], title, repeatable, epoch))
    _write(task, bucket, pieces, plans)
    reason = plans[0].reason
    for index, name in enumerate(task.sources):
        if name in accounts:
            # A row that was cut counts once, by its first piece.
            mine = (pieces.source == index) & (pieces.piece == 0)
            accounts[name]["kept"] = int((reason[mine] == 0).sum())
            for code, why in enumerate(LEFTOVER[1:], 1):
                if count := int((reason[mine] == code).sum()):
                    accounts[name]["leftovers"][why] = count
    return {"accounts": accounts, "measures": _measures(task, pieces, rows, clusters[0], plans)}


def _titles(task: MixTask, pieces: Pieces) -> npt.NDArray[np.bool_]:
    """Pieces that are whole titles."""
    ends = np.append(pieces.row[1:] != pieces.row[:-1], True) if len(pieces.row) else np.zeros(0, dtype=bool)
    return np.array(task.titles, dtype=bool)[pieces.source] & (pieces.piece == 0) & ends & pieces.keyed


def _rows(task: MixTask, pieces: Pieces, title: npt.NDArray[np.bool_]) -> tuple[Rows, I64]:
    """Keyed pieces as the rows of a strategy, and the title (another of them, or -1) that each one's cluster may begin with.

    The product of rows that were brought together is their home.
    """
    keyed, room = pieces.keyed, task.room
    tokens = pieces.tokens[keyed]
    joint = fitting_homes(pieces.home[keyed], pieces.product[keyed], tokens, task.limits, room)
    reserved, repeatable = np.zeros(len(joint), dtype=np.int64), np.full(len(joint), -1, dtype=np.int64)
    if task.mixing.anchor == "title":
        # Room for a title in every cluster of the product; where it would take half of it, none is repeated.
        repeatable, reserved = anchors(joint, title[keyed], tokens, room // 2 - task.separator)
        reserved[reserved > 0] += task.separator
        reserved[_whole(joint, tokens, task.limits, room)] = 0
    tie = np.zeros(len(joint), dtype=np.uint64)
    return Rows(joint, pieces.source[keyed], tokens, tie, room - reserved), repeatable


def fitting_homes(home: U64, product: U64, tokens: I64, limits: Limits, room: int) -> U64:
    """The product under which each row is dealt: its home, or its own product where rows brought together do not fit.

    Rows of several products under one home are connected only as one whole cluster (`linking.rescue`), so a group
    that is longer than a sample goes back to its products.
    """
    if not bool((home != product).any()):
        return home
    _, group = np.unique(home, return_inverse=True)
    merged = np.bincount(group, weights=home != product) > 0
    return np.where(merged[group] & ~_whole(home, tokens, limits, room), product, home)


def _whole(product: U64, tokens: I64, limits: Limits, room: int) -> npt.NDArray[np.bool_]:
    """Of each row whether all rows of its product fit into one cluster."""
    _, group = np.unique(product, return_inverse=True)
    length = np.bincount(group, weights=tokens + limits.separator) - limits.separator
    return ((np.bincount(group) <= limits.max_rows) & (length <= room))[group]


def _cluster(task: MixTask, rows: Rows, pieces: Pieces, epoch: int) -> Clusters:
    purpose = "deal" if epoch == 1 else f"deal {epoch}"
    tie = mix64(pieces.identity[pieces.keyed], hash_text(purpose, task.seed) >> 1)
    clusters = STRATEGIES[task.mixing.strategy](rows._replace(tie=tie), task.limits)
    return _without_failing(clusters, pieces, task.samples)


def _without_failing(clusters: Clusters, pieces: Pieces, samples: Mapping[str, float | None]) -> Clusters:
    """Take samples apart that break a rule as a whole. Pieces of one row are no repeats of each other."""
    keyed = np.flatnonzero(pieces.keyed)
    first = np.flatnonzero(pieces.piece[keyed] == 0)
    rows = SampleRows(clusters.cluster, *pieces.counts[:, keyed])
    failing = failing_samples(measure_samples(rows, RowKeys(first, pieces.text[keyed[first]])), samples)
    cluster, code = leave_over(clusters.cluster, failing)
    reason = np.where(code > 0, SAMPLE_RULE - 1 + code, clusters.reason).astype(np.int8)
    return clusters._replace(cluster=cluster, reason=reason)


def _arrange(
    task: MixTask,
    pieces: Pieces,
    product: U64,
    clusters: Clusters,
    title: npt.NDArray[np.bool_],
    repeatable: I64,
    epoch: int,
) -> Arranged:
    """The samples of one epoch, their pieces in order, titles repeated where the recipe wants it."""
    keyed = np.flatnonzero(pieces.keyed)
    reason = np.full(len(pieces.row), NO_KEY, dtype=np.int8)
    reason[keyed] = clusters.reason
    sample = pieces.identity.copy()
    inside = clusters.cluster >= 0
    sample[keyed[inside]] = sample_numbers(product[inside], clusters.cluster[inside])
    repeated = np.full(len(pieces.row), -1, dtype=np.int64)
    first = repeatable[inside]
    repeated[keyed[inside]] = np.where(first >= 0, keyed[first], -1)
    return arrange(sample, pieces.identity, pieces.source, title, repeated, reason, task.mixing.order, epoch, task.seed)


def sample_numbers(product: U64, cluster: I64) -> U64:
    """Identity of each cluster from its product and its number within it: stable when other products change."""
    # Clusters are numbered by product, so a product's lowest number is its base.
    _, group = np.unique(product, return_inverse=True)
    first = np.full(int(group.max()) + 1 if len(group) else 0, np.iinfo(np.int64).max)
    np.minimum.at(first, group, cluster)
    return combine(product, (cluster - first[group]).astype(np.uint64))


def _measures(task: MixTask, pieces: Pieces, rows: Rows, clusters: Clusters, plans: list[Arranged]) -> dict[str, Any]:
    keyed = pieces.keyed
    measures = measure(rows, clusters, task.limits)
    measures |= neighbours(plans[0], pieces.source)
    placed = [plan.position[~plan.anchor] for plan in plans]
    measures["duplicate_rows"] = sum(len(position) - len(np.unique(position)) for position in placed)
    measures["anchors"] = sum(int(plan.anchor.sum()) for plan in plans)
    measures["anchor_tokens"] = sum(int((pieces.tokens[plan.position[plan.anchor]] + task.separator).sum()) for plan in plans)
    joined = (pieces.home != pieces.product)[keyed] & (rows.product == pieces.home[keyed])
    measures["rescued_rows"] = int((joined & (clusters.cluster >= 0)).sum())
    measures["rows_without_key"] = int((~keyed).sum())
    measures["tokens_without_key"] = int(pieces.tokens[~keyed].sum())
    return measures


def _accounts_before(task: MixTask, row: U64, source: I64, used: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Rows that reach this bucket and those the budget leaves out, by source."""
    row, first = np.unique(row, return_index=True)
    accounts: dict[str, Any] = {}
    for index, name in enumerate(task.sources):
        mine = source[first] == index
        if mine.any():
            over = int((mine & ~used[first]).sum())
            accounts[name] = {"rows_in": int(mine.sum()), "kept": 0, "leftovers": {"over_budget": over} if over else {}}
    return accounts


def _write(task: MixTask, bucket: int, pieces: Pieces, plans: list[Arranged]) -> None:
    tables = [
        pa.table(
            [
                pa.array(np.full(len(plan.position), epoch, dtype=np.uint16)),
                pa.array(plan.sample),
                pa.array(pieces.row[plan.position]),
                pa.array(pieces.piece[plan.position]),
                pa.array(pieces.home[plan.position]),
                pa.DictionaryArray.from_arrays(pa.array(plan.reason[plan.position]), pa.array(LEFTOVER)),
                pa.array(plan.anchor),
            ],
            schema=PLAN,
        )
        for epoch, plan in enumerate(plans, 1)
    ]
    with atomic_path(task.out / "plan" / f"bucket-{bucket:05d}.parquet") as path:
        pq.write_table(pa.concat_tables(tables), path, compression="zstd")

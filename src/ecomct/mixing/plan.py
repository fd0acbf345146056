"""The mixture of one bucket: which pieces are read together, in which order. Ids only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ecomct.atomic import atomic_path
from ecomct.mixing.budget import HomeBudget
from ecomct.mixing.deal import REASONS, Dealt, deal
from ecomct.mixing.measure import measure
from ecomct.recipe.model import Mixing
from ecomct.seeded import U64, combine, hash_text, mix64, order
from ecomct.tokens.pieces import read_bucket

# One line for each piece, sorted by (sample, position): a sample is a run of equal sample numbers.
PLAN = pa.schema(
    [
        ("sample", pa.uint64()),
        ("row", pa.uint64()),
        ("piece", pa.uint32()),
        ("home", pa.uint64()),
        ("reason", pa.dictionary(pa.int8(), pa.string())),  # clustered, or why the sample is a single piece
    ]
)
LEFTOVER = (*REASONS, "no_key")


@dataclass(frozen=True)
class MixTask:
    """What a worker needs to mix a bucket."""

    tokens: Path
    groups: dict[str, list[int]]
    out: Path
    mixing: Mixing
    domain: tuple[bool, ...]  # by source index
    sources: tuple[str, ...]
    max_tokens: int
    separator: int
    budget: HomeBudget
    seed: int


def mix_bucket(task: MixTask, bucket: int) -> dict[str, Any]:
    """Write the plan of one bucket; return accounts by source and the bucket's measures."""
    columns = ["row", "piece", "source", "home", "keyed", "tokens"]
    table = read_bucket(task.tokens, task.groups, bucket, columns)
    source = table["source"].to_numpy().astype(np.int64)
    home = table["home"].to_numpy()
    domain = np.array(task.domain, dtype=bool)[source]
    used = domain & task.budget.holds(home, task.seed)
    row, piece = table["row"].to_numpy(), table["piece"].to_numpy()
    accounts = _accounts_before(task, row[domain], source[domain], used[domain])
    row, piece, source, home, keyed = row[used], piece[used], source[used], home[used], table["keyed"].to_numpy()[used]
    tokens = table["tokens"].to_numpy().astype(np.int64)[used]
    identity = combine(row, piece.astype(np.uint64))
    reason = np.full(len(row), LEFTOVER.index("no_key"), dtype=np.int8)
    sample = identity.copy()
    dealt = _deal(task, keyed, home, source, tokens, identity)
    reason[keyed] = dealt.reason
    clustered = np.flatnonzero(keyed)[dealt.cluster >= 0]
    sample[clustered] = sample_numbers(home[clustered], dealt.cluster[dealt.cluster >= 0])
    duplicates = _write(task, bucket, sample, row, piece, home, reason)
    for index, name in enumerate(task.sources):
        if name in accounts:
            # A row that was cut counts once, by its first piece.
            mine = (source == index) & (piece == 0)
            accounts[name]["kept"] = int((reason[mine] == 0).sum())
            for code, why in enumerate(LEFTOVER[1:], 1):
                if count := int((reason[mine] == code).sum()):
                    accounts[name]["leftovers"][why] = count
    measures = measure(home[keyed], source[keyed], tokens[keyed], dealt, task.mixing.min_rows, task.mixing.max_rows)
    measures["duplicate_rows"] = duplicates
    measures["rows_without_key"] = int((~keyed).sum())
    measures["tokens_without_key"] = int(tokens[~keyed].sum())
    return {"accounts": accounts, "measures": measures}


def sample_numbers(home: U64, cluster: Any) -> U64:
    """Identity of each cluster from its product and its number within it: stable when other products change."""
    # Clusters are numbered by product, so a product's lowest number is its base.
    _, group = np.unique(home, return_inverse=True)
    first = np.full(int(group.max()) + 1 if len(group) else 0, np.iinfo(np.int64).max)
    np.minimum.at(first, group, cluster)
    return combine(home, (cluster - first[group]).astype(np.uint64))


def _deal(task: MixTask, keyed: Any, home: U64, source: Any, tokens: Any, identity: U64) -> Dealt:
    tie = mix64(identity[keyed], hash_text("deal", task.seed) >> 1)
    rows = (task.mixing.min_rows, task.mixing.max_rows)
    return deal(home[keyed], source[keyed], tokens[keyed], tie, *rows, task.max_tokens, task.separator)


def _accounts_before(task: MixTask, row: U64, source: Any, used: Any) -> dict[str, Any]:
    """Rows that reach this bucket and those the budget leaves out, by source."""
    row, first = np.unique(row, return_index=True)
    accounts: dict[str, Any] = {}
    for index, name in enumerate(task.sources):
        mine = source[first] == index
        if mine.any():
            over = int((mine & ~used[first]).sum())
            accounts[name] = {"rows_in": int(mine.sum()), "kept": 0, "leftovers": {"over_budget": over} if over else {}}
    return accounts


def _write(task: MixTask, bucket: int, sample: U64, row: U64, piece: Any, home: U64, reason: Any) -> int:
    """Permute the rows of each sample by seeded hash (paper, 3.2), write the plan; return its repeated pieces."""
    shuffled = order(combine(row, piece.astype(np.uint64)), task.seed, "permute")
    arranged = shuffled[np.argsort(sample[shuffled], kind="stable")]
    table = pa.table(
        [
            pa.array(sample[arranged]),
            pa.array(row[arranged]),
            pa.array(piece[arranged]),
            pa.array(home[arranged]),
            pa.DictionaryArray.from_arrays(pa.array(reason[arranged]), pa.array(LEFTOVER)),
        ],
        schema=PLAN,
    )
    with atomic_path(task.out / "plan" / f"bucket-{bucket:05d}.parquet") as path:
        pq.write_table(table, path, compression="zstd")
    return len(row) - len(np.unique(combine(row[arranged], piece[arranged].astype(np.uint64))))

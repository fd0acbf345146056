"""Which rows a run took out and by what, counted and drawn by seed.

Only row numbers and reasons are read here. A draw depends on the rows and the seed, not on the order of files: the rows
of each source and rule are ranked by hash, and the sample takes the first of each, then the second of each, and so on, so that
a rare rule is seen beside a frequent one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.errors import InputError
from ecomct.seeded import U64, hash_text, mix64
from ecomct.sources.files import row_number
from ecomct.stage import read_manifest

# What takes out a row after it was ingested: fates of its link.
LATER = ("duplicate", "contaminated")
KEPT = "kept"
_SOURCE = np.uint64(52)


class Taken(NamedTuple):
    """Rows of one run that one rule took out: `counts` by (source, rule); `rows` drawn of them, in the order of the draw."""

    counts: dict[tuple[str, str], int]
    rows: list[int]


def sources_of(run: Path) -> list[str]:
    """Names of a run's sources. Raises InputError where the run has no documents."""
    manifest = read_manifest(run / "documents")
    if manifest is None:
        raise InputError(f"{run}: no documents of a finished ingest; `ecomct run RECIPE --until link` makes them")
    order: list[str] = manifest["inputs"]["order"]
    return order


def rows_in(run: Path) -> dict[str, int]:
    """Rows that each source had."""
    manifest = read_manifest(run / "documents")
    assert manifest is not None, "sources_of found it"
    return {name: account["rows_in"] for name, account in manifest["facts"]["ledger"]["ingest"].items()}


def count(run: Path) -> dict[tuple[str, str], int]:
    """How many rows each rule took out of each source, in the sources' order, the most frequent rule first."""
    return draw(run, 0, 0).counts


def draw(run: Path, most: int, seed: int, rule: str | None = None, source: str | None = None, kept: bool = False) -> Taken:
    """Count what was taken out (or, with `kept`, what was not), of one rule and source where given, and draw `most` rows.

    Memory: the row numbers of one file and `most` rows for each source and rule. Raises InputError for a rule or source that
    the run does not have.
    """
    sources = sources_of(run)
    if source is not None and source not in sources:
        raise InputError(f"--source {source}: the run has {', '.join(sources)}")
    counts: Counter[tuple[str, str]] = Counter()
    ranked: dict[tuple[str, str], list[tuple[int, int]]] = {}
    salt = hash_text("rejected", seed) >> 1
    for label, rows in _kept(run) if kept else _taken(run):
        for index in np.unique(rows >> _SOURCE).tolist():
            group = sources[index], label
            mine = rows[rows >> _SOURCE == np.uint64(index)]
            counts[group] += len(mine)
            if most:
                hashes = mix64(mine, salt)
                first = np.argsort(hashes, kind="stable")[:most]
                drawn = zip(hashes[first].tolist(), mine[first].tolist(), strict=True)
                ranked[group] = sorted([*ranked.get(group, []), *drawn])[:most]
    if rule is not None and all(label != rule for _, label in counts):
        known = ", ".join(sorted({label for _, label in counts})) or "nothing"
        raise InputError(f"--rule {rule}: took out no row of this run; {known} did")
    wanted = [group for group in counts if rule in (None, group[1]) and source in (None, group[0])]
    wanted.sort(key=lambda group: (sources.index(group[0]), -counts[group], group[1]))
    turns = sorted((place, hashed, row) for group in wanted for place, (hashed, row) in enumerate(ranked.get(group, [])))
    return Taken({group: counts[group] for group in wanted}, [row for _, _, row in turns[:most]])


def _taken(run: Path) -> Iterator[tuple[str, U64]]:
    for path in reject_files(run):
        index, number = place_of(path)
        table = pq.read_table(path, columns=["line", "reason", "rule"])
        label = pc.if_else(pc.equal(table["rule"], ""), table["reason"], table["rule"]).combine_chunks().dictionary_encode()
        rows = np.uint64(row_number(index, number, 0)) + table["line"].to_numpy().astype(np.uint64)
        codes = label.indices.to_numpy()
        for code, name in enumerate(label.dictionary.to_pylist()):
            yield name, rows[codes == code]
    for rows, fates in _links(run):
        for fate in LATER:
            chosen = pc.equal(fates, fate).to_numpy(zero_copy_only=False)
            if chosen.any():
                yield fate, rows[chosen]


def _kept(run: Path) -> Iterator[tuple[str, U64]]:
    """Rows that no rule took out: those of the links, or of the documents where there are no links yet."""
    linked = False
    for rows, fates in _links(run):
        linked = True
        yield KEPT, rows[~pc.is_in(fates, value_set=pa.array(LATER)).to_numpy(zero_copy_only=False)]
    for path in [] if linked else sorted((run / "documents" / "shards").glob("*.parquet")):
        yield KEPT, pq.read_table(path, columns=["row"])["row"].to_numpy()


def _links(run: Path) -> Iterator[tuple[U64, pa.Array]]:
    if read_manifest(run / "links") is not None:
        for path in sorted((run / "links" / "shards").glob("*.parquet")):
            table = pq.read_table(path, columns=["row", "fate"])
            yield table["row"].to_numpy(), table["fate"].combine_chunks().cast(pa.string())


def reject_files(run: Path) -> list[Path]:
    """Files of rejected rows, sorted by row."""
    return sorted((run / "documents" / "rejected").glob("*.parquet"))


def place_of(path: Path) -> tuple[int, int]:
    """Index of the source and number of the file that a file of rejects is of: it is named by these and its first line."""
    return int(path.name[:4]), int(path.name.removesuffix(".parquet").rsplit("-", 2)[1])

"""Products forgotten: what holds their rows, and the run rebuilt as if they had never been there."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ecomct.atomic import write_atomic, write_json
from ecomct.documents.keys import FORGOTTEN, keys_among, referred_to, written_keys
from ecomct.errors import InputError
from ecomct.lineage.locate import Located, arm_files, is_packed, open_arm, open_run, source_of
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.recipe.loading import forget_file, read_forget_list
from ecomct.recipe.model import Recipe
from ecomct.run_folder import RunFolder
from ecomct.stage import outputs_digest
from ecomct.units import key_of


@dataclass(frozen=True)
class Affected:
    """What forgetting some keys takes out of a finished run.

    `rows` by source, rows already forgotten left out; `samples` and `sequences` that hold one, by arm;
    `trained`: arms that were trained while they held one.
    """

    keys: list[str]
    unknown: list[str]
    rows: dict[str, list[int]]
    samples: dict[str, int]
    sequences: dict[str, list[int]]
    trained: list[str]


@dataclass(frozen=True)
class Rebuilt:
    """Sequences of one arm after forgetting: those with new content, and those kept byte for byte."""

    sequences: int
    rebuilt: int
    kept: int


def affected(located: Located, lines: Sequence[str]) -> Affected:
    """What the keys, as a user writes them, take out. Raises InputError where no row has any of them."""
    run = located.run
    meant = {line: written_keys(run.recipe, line) for line in lines}
    files = [path for folder in ("shards", "rejected") for path in sorted((run.documents / folder).glob("*.parquet"))]
    keys = keys_among(files, {key for some in meant.values() for key in some})
    unknown = sorted(line for line, some in meant.items() if set(keys).isdisjoint(some))
    if not keys:
        sources = ", ".join(referred_to(run.recipe)) or "no source, as none is referred to"
        raise InputError(f"forget: no row has the key {' or '.join(unknown)}; keys are those of {sources}")
    gone = {reject.row for reject in located.rejects(where=pc.field("reason") == FORGOTTEN)}
    rows = [row for row in located.rows_with(keys) if row not in gone]
    by_source: dict[str, list[int]] = {}
    for row in rows:
        by_source.setdefault(source_of(run, row), []).append(row)
    places = {arm: located.places(arm, set(rows)) for arm in located.arms}
    samples = {arm: len({(place.sequence, place.segment) for place in found}) for arm, found in places.items()}
    sequences = {arm: sorted({place.sequence for place in found}) for arm, found in places.items()}
    trained = [arm for arm, found in places.items() if found and (run.training / arm).is_dir()]
    return Affected(keys, unknown, by_source, samples, sequences, trained)


def forget(path: Path, lines: Sequence[str], runs: Path, workers: int) -> tuple[Affected | None, dict[str, Rebuilt]]:
    """Put keys on the forget list of the recipe at `path` and rebuild its data stages.

    Guarantees: every file of the data stages is as a run from scratch with this list writes it; killed and called
    again, it goes on. What is affected is written to `forgotten/` first; the report, which shows rows, is removed.
    Returns what was affected (None where a killed call is continued) and each arm after it.
    """
    recipe = load_recipe(path)
    run = RunFolder(recipe, runs / recipe.name, workers, tuple(recipe.training.arms))
    listed = set(recipe.forget)
    found: Affected | None = None
    before: dict[str, Counter[bytes]] = {}
    # A call that was killed has its keys on the list and the run unfinished.
    if is_packed(run) or not _meant(recipe, lines) <= _meant(recipe, recipe.forget):
        located = open_run(recipe, runs)
        found = affected(located, lines)
        before = {arm: sequence_digests(run, arm) for arm in located.arms}
        name = key_of(found.keys, outputs_digest(run.sequences))[:16]
        write_json(run.folder / "forgotten" / f"{name}.json", asdict(found))
        _write_list(forget_file(path), listed | set(found.keys) | set(found.unknown))
    shutil.rmtree(run.report, ignore_errors=True)
    run = run_recipe(load_recipe(path), runs, "pack", workers=workers)
    return found, {arm: _compared(before[arm], sequence_digests(run, arm)) for arm in before}


def sequence_digests(run: RunFolder, arm: str) -> Counter[bytes]:
    """Digest of every sequence of an arm, all columns, and how often it occurs. Cost: one read of the arm."""
    found: Counter[bytes] = Counter()
    for path in arm_files(run, arm):
        table = open_arm(path)
        columns = [_values(table[name].combine_chunks()) for name in table.column_names] if table.num_rows else []
        for position in range(table.num_rows):
            digest = xxhash.xxh3_128()
            for values, ends in columns:
                digest.update(values[ends[position] : ends[position + 1]].tobytes() + b"|")
            found[digest.digest()] += 1
    return found


def read_keys(keys: Sequence[str], file: Path | None) -> list[str]:
    """Keys of the command line and of a file, one a line. Raises InputError where there is none."""
    if file is not None and not file.is_file():
        raise InputError(f"--from: no file {file}")
    found = sorted({*(key.strip() for key in keys), *(read_forget_list(file) if file is not None else ())} - {""})
    if not found:
        raise InputError("forget: name a key, as in products/SKU123, or a file of keys with --from")
    return found


def _meant(recipe: Recipe, lines: Sequence[str]) -> set[str]:
    return {key for line in lines for key in written_keys(recipe, line)}


def _values(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Flat values of a column and where each row's begin and end."""
    if pa.types.is_fixed_size_list(column.type):
        return column.flatten().to_numpy(), np.arange(len(column) + 1) * column.type.list_size
    if pa.types.is_list(column.type):
        offsets = column.offsets.to_numpy()
        return column.flatten().to_numpy(), offsets - offsets[0]
    return column.to_numpy(), np.arange(len(column) + 1)


def _compared(before: Counter[bytes], after: Counter[bytes]) -> Rebuilt:
    kept = (before & after).total()
    return Rebuilt(after.total(), after.total() - kept, kept)


def _write_list(path: Path, keys: set[str]) -> None:
    """Write the list sorted; remarks at its head stay there."""
    remarks = path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else []
    kept = [line for line in remarks if line.startswith("#")]
    write_atomic(path, "".join(f"{line}\n" for line in [*kept, *sorted(keys)]))

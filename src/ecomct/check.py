"""Faults of a recipe that only its files can show, before hours are spent: columns, keys, joins.

Key tests are those of database schemas: a primary key is unique and not null, a reference joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ecomct.decontamination.benchmarks import benchmark_files
from ecomct.documents.keys import canonical_key
from ecomct.documents.linearise import lookup
from ecomct.documents.privacy import is_personal_column
from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import SCORERS, read_task
from ecomct.recipe.model import Recipe
from ecomct.recipe.slots import SLOTS
from ecomct.recipe.source import Source
from ecomct.seeded import hash_text
from ecomct.sources.files import source_units
from ecomct.sources.readers import read_rows
from ecomct.tokens.tokenizer import read_tokenizer
from ecomct.tuning.sets import load_set
from ecomct.tuning.split import require_split

_EXAMPLES = 3


@dataclass
class Findings:
    """`problems` stop a run; `warnings` do not; `notes` say what may be useful; `keys` holds one entry a key test."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)

    def table(self) -> list[list[str]]:
        """Key tests as a table."""
        rows = [["source", "key", "test", "rows", "failing", "examples"]]
        for key in self.keys:
            rows.append(
                [key["source"], key["key"], key["test"], f"{key['rows']:,}", f"{key['failing']:,}", ", ".join(key["examples"])]
            )
        return rows


def check_recipe(recipe: Recipe) -> Findings:
    """Read every source once, and the model's files for their digest, and test them. Memory: 8 bytes a distinct key."""
    findings = Findings(problems=file_problems(recipe))
    if recipe.model.path is not None and not findings.problems:
        from ecomct.training.digests import unlike_bloom, unpinned

        findings.warnings += unlike_bloom(recipe)
        findings.notes += unpinned(recipe)
    known = {name: _check_source(name, recipe, findings) for name in recipe.sources}
    for name, source in recipe.sources.items():
        for reference in source.references:
            if reference.field and reference.to in known and known[name] is not None and known[reference.to] is not None:
                _check_join(name, reference.field, reference.to, recipe, known[reference.to] or set(), findings)
        for related in source.related:
            if related.to is not None and related.to in known and known[name] is not None and known[related.to] is not None:
                _check_join(name, related.field, related.to, recipe, known[related.to] or set(), findings, "related")
    return findings


def file_problems(recipe: Recipe, trains: bool = True, evaluates: bool = True) -> list[str]:
    """Faults of the tokenizer, the model and the task folders. Reads no table, and weights only where model.sha256 pins them."""
    problems = []
    tests: list[Callable[[Recipe], object]] = [read_tokenizer] if recipe.tokenizer.path is not None else []
    if trains:
        # Imports torch: only where a run is going to need it.
        from ecomct.training.digests import check_digests
        from ecomct.training.model import check_model

        tests += [check_model, check_digests]
    for test in tests:
        try:
            test(recipe)
        except InputError as error:
            problems.append(str(error))
    try:
        benchmark_files(recipe)
    except InputError as error:
        problems.append(str(error))
    problems += _tuning_problems(recipe) if evaluates else []
    for name, task in recipe.evaluation.tasks.items() if evaluates else ():
        place = f"evaluation.tasks.{name}"
        try:
            kind = read_task(recipe.resolve(task.path)).type
        except InputError as error:
            problems.append(f"{place}.path: {error}")
            continue
        if kind not in SCORERS[task.scorer]:
            fitting = [scorer for scorer, kinds in SCORERS.items() if kind in kinds]
            problems.append(f"{place}.scorer: {task.scorer} cannot judge a task of type {kind}; use {' or '.join(fitting)}")
    return problems


def _tuning_problems(recipe: Recipe) -> list[str]:
    """Instruction sets that cannot be read, or are held-in and held-out at once."""
    problems, sets = [], []
    for name in recipe.tuning.sets if recipe.tuning is not None else ():
        try:
            sets.append(load_set(recipe, name))
        except InputError as error:
            problems.append(str(error))
    try:
        if recipe.tuning is not None:
            require_split(sets, recipe.tuning.split)
    except InputError as error:
        problems.append(str(error))
    return problems


def _rows(name: str, recipe: Recipe) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Place and data of each row; for one that cannot be read, why and where, and None."""
    source = recipe.sources[name]
    encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
    for unit in source_units(recipe, name):
        for row in read_rows(unit, encodings, source.limit):
            place = f"{unit.file}:{row.line}"
            yield (place, row.data) if row.data is not None else (f"{row.reason} in {place} ({row.detail})", None)


def _check_source(name: str, recipe: Recipe, findings: Findings) -> set[int] | None:
    """Test columns and primary key; return the hashes of the primary key's values, None if unreadable."""
    source = recipe.sources[name]
    rows, bad, nulls, repeats, bad_at = 0, 0, 0, 0, ""
    null_at: list[str] = []
    repeated: list[str] = []
    seen: set[int] = set()
    needed = _columns(source, needed=True)
    missing = dict.fromkeys(_columns(source), 0)
    try:
        for place, data in _rows(name, recipe):
            rows += 1
            if data is None:
                bad, bad_at = bad + 1, bad_at or f"the first is {place}"
                continue
            for column in missing:
                missing[column] += lookup(data, column) is None and column.split(".")[0] not in data
            if source.primary_key is None:
                continue
            key = canonical_key(lookup(data, source.primary_key))
            if key is None:
                nulls += 1
                null_at += [place][: _EXAMPLES - len(null_at)]
            elif (hashed := hash_text(key)) in seen:
                repeats += 1
                repeated += [key][: _EXAMPLES - len(repeated)]
            else:
                seen.add(hashed)
    except InputError as error:
        findings.problems.append(str(error))
        return None
    if rows == 0:
        findings.problems.append(f"sources.{name}: no rows in {source.path}; remove the source or mend the path")
    if bad:
        said = f"sources.{name}: {bad:,} of {rows:,} rows cannot be read and will be rejected; {bad_at}"
        (findings.problems if bad > source.max_rejected * rows else findings.warnings).append(said)
    for column, count in missing.items():
        if rows > bad and count == rows - bad:
            said = f"sources.{name}: no row has a column {column}; mend fields, primary_key, references or related"
            (findings.problems if column in needed else findings.warnings).append(said)
    for column in _personal_fields(source):
        findings.warnings.append(f"sources.{name}.fields: {column} holds a person's data by its name; leave it out if it does")
    if source.primary_key is not None:
        _record(findings, name, source.primary_key, "not null", rows, nulls, null_at)
        _record(findings, name, source.primary_key, "unique", rows, repeats, repeated)
    return seen


def _personal_fields(source: Source) -> list[str]:
    """Columns that give text and hold a person's data by their names or a part of it."""
    given = [column for columns in source.fields.values() for column in ([columns] if isinstance(columns, str) else columns)]
    return [column for column in dict.fromkeys(given) if any(map(is_personal_column, (column, *column.split("."))))]


def _columns(source: Source, needed: bool = False) -> list[str]:
    """Columns that the recipe reads; `needed`: those without which no row gives a document or a key.

    An adapter fills in optional slots for every table of its layout, and of a slot's several columns one is enough.
    """
    optional = SLOTS[source.kind][1] if needed and source.template is None else frozenset()
    given = [columns for slot, columns in source.fields.items() if slot not in optional]
    columns = [
        column for one in given for column in ([one] if isinstance(one, str) else one) if not needed or isinstance(one, str)
    ]
    columns += [reference.field for reference in source.references if reference.field]
    columns += [related.field for related in source.related]
    return list(dict.fromkeys(columns + ([source.primary_key] if source.primary_key else [])))


def _check_join(
    name: str, column: str, to: str, recipe: Recipe, known: set[int], findings: Findings, setting: str = "references"
) -> None:
    """Count keys of another source, given under `setting`, that are of no row."""
    references, dangling, none = 0, 0, 0
    examples: list[str] = []
    for _, data in _rows(name, recipe):
        if data is None:
            continue
        value = lookup(data, column)
        keys = [key for item in (value if isinstance(value, list) else [value]) if (key := canonical_key(item)) is not None]
        none += not keys
        for key in keys:
            references += 1
            if hash_text(key) not in known:
                dangling += 1
                examples += [key][: _EXAMPLES - len(examples)]
    _record(findings, name, column, f"joins {to}", references, dangling, examples)
    if none and setting == "references":
        findings.warnings.append(f"sources.{name}: {none:,} rows have no {column} and cannot be mixed")
    if references and dangling == references:
        shown = ", ".join(repr(example if len(example) <= 40 else example[:37] + "...") for example in examples)
        findings.problems.append(f"sources.{name}: no {column} is a key of {to}, for example {shown}; mend {setting}")


def _record(findings: Findings, name: str, key: str, test: str, rows: int, failing: int, examples: list[str]) -> None:
    entry = {"source": name, "key": key, "test": test, "rows": rows, "failing": failing, "examples": examples}
    findings.keys.append(entry)
    if failing and not test.startswith("joins"):
        fault = "null" if test == "not null" else "not unique"
        findings.warnings.append(f"sources.{name}.primary_key: {key} is {fault} in {failing:,} rows")

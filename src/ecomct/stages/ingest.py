"""Sources to documents."""

from __future__ import annotations

from itertools import chain
from typing import Any

from ecomct.documents.ingest import IngestTask, ingest_task, ingest_unit
from ecomct.engine import map_units
from ecomct.errors import InputError
from ecomct.ledger import total
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.sources.files import MAX_SOURCES, Unit, source_files, source_units
from ecomct.stage import Stage, code_digest

# Bytes that one process reads while two start.
_WORTH_WORKERS = 8 << 20


def stage(run: RunFolder) -> Stage:
    """Determined by the sources' settings and bytes, the cleaning and the seed."""
    sources: dict[str, Any] = {}
    for name, source in run.recipe.sources.items():
        files = source_files(run.recipe, name)
        digests = run.input_digests(files)
        # Paths do not reach the bytes, file names do; the tolerance decides only whether to go on.
        settings = source.model_dump(exclude={"path", "max_rejected", "license"})
        sources[name] = {"settings": settings, "files": [[file.name, digests[str(file)]] for file in files]}
    inputs = {
        "sources": sources,
        "order": list(sources),
        "cleaning": run.recipe.cleaning.model_dump(),
        "seed": run.recipe.seed,
        "code": code_digest("stages/ingest", "sources", "documents", "recipe/slots", "seeded"),
    }
    return Stage("ingest", run.documents, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Ingest all units of all sources; stop where a source has no rows or too many bad ones."""
    if len(run.sources) > MAX_SOURCES:
        raise InputError(f"sources: {len(run.sources)} of them, at most {MAX_SOURCES}")
    units = {name: source_units(run.recipe, name) for name in run.sources}
    tasks = {name: ingest_task(run.recipe, stage.folder, name) for name in run.sources}
    todo = [(tasks[unit.source], unit) for unit in chain.from_iterable(units.values()) if stage.unit(unit.name) is None]
    # The longest first, so that no worker is left with one at the end; their order reaches no byte.
    todo.sort(key=lambda work: -work[1].weight)
    workers = run.workers if sum(unit.weight for _, unit in todo) > _WORTH_WORKERS else 1
    for (_, unit), facts in zip(todo, track(map_units(_ingest, todo, workers), "ingest", len(todo)), strict=True):
        stage.finish_unit(unit.name, facts)
    accounts: list[dict[str, Any]] = []
    shards: list[str] = []
    text_bytes = 0
    for unit in chain.from_iterable(units.values()):
        facts = stage.unit(unit.name) or {}
        accounts.append({unit.source: facts["account"]})
        shards += facts["shards"]
        text_bytes += facts["text_bytes"]
    ledger = total(accounts, run.sources)
    for name in run.sources:
        _judge(run, name, ledger.get(name), units_of=stage)
    return {"ledger": {"ingest": ledger}, "shards": shards, "text_bytes": text_bytes}


def _ingest(work: tuple[IngestTask, Unit]) -> dict[str, Any]:
    return ingest_unit(*work)


def _judge(run: RunFolder, name: str, account: dict[str, Any] | None, units_of: Stage) -> None:
    """Refuse a source that is empty or mostly unreadable: most likely the recipe describes it wrongly."""
    if account is None:
        raise InputError(f"sources.{name}: no rows in {run.recipe.sources[name].path}; remove the source or mend the path")
    rejected, allowed = sum(account["rejected"].values()), run.recipe.sources[name].max_rejected
    if rejected > allowed * account["rows_in"]:
        reason = max(account["rejected"], key=lambda one: (account["rejected"][one], one))
        raise InputError(
            f"sources.{name}: {rejected:,} of {account['rows_in']:,} rows rejected, max_rejected is {allowed:.0%}; "
            f"most often {reason}, {_example(units_of, name, reason)}; mend the source or raise max_rejected"
        )


def _example(stage: Stage, name: str, reason: str) -> str:
    """The first rejected row of a source with this reason."""
    import pyarrow.parquet as pq

    for file in sorted((stage.folder / "rejected").glob(f"*-{name}-*.parquet")):
        for row in pq.read_table(file).to_pylist():
            if row["source"] == name and row["reason"] == reason:
                return f"as in {row['file']}:{row['line']} ({row['detail']})"
    return "see rejected/"


def table(run: RunFolder) -> list[list[str]]:
    """Rows by source."""
    ledger = run.facts(run.documents)["ledger"]["ingest"]
    rows = [["source", "rows", "documents", "rejected", "most often"]]
    for name in run.sources:
        account = ledger[name]
        rejected = account["rejected"]
        often = max(rejected, key=lambda one: (rejected[one], one)) if rejected else ""
        rows.append([name, f"{account['rows_in']:,}", f"{account['kept']:,}", f"{sum(rejected.values()):,}", often])
    return rows

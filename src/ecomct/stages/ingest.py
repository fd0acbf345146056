"""Sources to documents."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import Any

from ecomct.documents.boilerplate import boilerplate_texts, read_boilerplate
from ecomct.documents.ingest import IngestTask, ingest_task, ingest_unit
from ecomct.documents.keys import FORGOTTEN, forgotten_keys, keys_among, written_keys
from ecomct.engine import map_units
from ecomct.errors import InputError
from ecomct.ledger import total
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.sources.files import MAX_SOURCES, Unit, source_units
from ecomct.stage import Stage, code_digest
from ecomct.stages.survey import FILE as BOILERPLATE
from ecomct.units import key_of

# Their tables and models reach the bytes.
_LIBRARIES = ("ftfy", "opencc", "py3langid", "rapidfuzz")
_SIGNATURES = ("duplicates/shingles", "duplicates/signature")
# Bytes that one process reads while two start.
_WORTH_WORKERS = 8 << 20


def stage(run: RunFolder) -> Stage:
    """Determined by the sources' settings and bytes, the cleaning and its boilerplate, the forget list and the seed."""
    inputs = {
        "sources": run.source_inputs(),
        "order": list(run.sources),
        "cleaning": run.recipe.cleaning.model_dump(exclude={"boilerplate", "samples"}),
        "boilerplate": boilerplate_texts(run.survey / BOILERPLATE),
        "fields": run.recipe.mixing.fields,
        "forget": forgotten_keys(run.recipe),
        "seed": run.recipe.seed,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "code": code_digest(
            "stages/ingest", "sources", "documents", "rules", *_SIGNATURES, "recipe/slots", "recipe/personal", "seeded"
        ),
    }
    return Stage("ingest", run.documents, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Ingest all units of all sources; stop where a source has no rows or too many bad ones."""
    if len(run.sources) > MAX_SOURCES:
        raise InputError(f"sources: {len(run.sources)} of them, at most {MAX_SOURCES}")
    units = {name: source_units(run.recipe, name) for name in run.sources}
    frequent = read_boilerplate(run.survey / BOILERPLATE, run.recipe)
    tasks = {name: ingest_task(run.recipe, stage.folder, name, frequent.get(name, {})) for name in run.sources}
    bases = {unit.name: _base(stage, tasks[name], unit) for name in run.sources for unit in units[name]}
    every = [(tasks[name], unit) for name in run.sources for unit in units[name]]
    known = {unit.name: _kept(stage, task, unit, bases[unit.name]) for task, unit in every}
    # The longest first, so that no worker is left with one at the end; their order reaches no byte.
    todo = sorted((work for work in every if known[work[1].name] is None), key=lambda work: -work[1].weight)
    workers = run.workers if sum(unit.weight for _, unit in todo) > _WORTH_WORKERS else 1
    for (_, unit), made in zip(todo, track(map_units(_ingest, todo, workers), "ingest", len(todo)), strict=True):
        stage.finish_unit(unit.name, made, key_of(bases[unit.name], made["forgotten"]), _files(unit, made))
        known[unit.name] = made
    accounts: list[dict[str, Any]] = []
    shards: list[str] = []
    text_bytes = 0
    edits: dict[str, Counter[str]] = {name: Counter() for name in run.sources}
    forgotten: set[str] = set()
    for task, unit in every:
        facts = known[unit.name] or {}
        accounts.append({task.name: facts["account"]})
        shards += facts["shards"]
        text_bytes += facts["text_bytes"]
        edits[task.name].update(facts["edits"])
        forgotten.update(facts["forgotten"])
    ledger = total(accounts, run.sources)
    for name in run.sources:
        _judge(run, name, ledger.get(name), units_of=stage)
    return {
        "ledger": {"ingest": ledger},
        "edits": {name: dict(sorted(counts.items())) for name, counts in edits.items() if counts},
        "shards": shards,
        "text_bytes": text_bytes,
        "forgotten": sorted(forgotten),
    }


def _base(stage: Stage, task: IngestTask, unit: Unit) -> str:
    """What determines a unit's bytes besides the forgotten keys that its rows have."""
    source = stage.inputs["sources"][task.name]
    part = (unit.name, unit.format, unit.start, unit.stop, stage.inputs["boilerplate"].get(task.name))
    shared = {name: stage.inputs[name] for name in ("cleaning", "fields", "seed", "libraries", "code")}
    return key_of(source["settings"], source["files"][unit.file_index], part, task.is_referred_to, task.is_pointed_at, shared)


def _kept(stage: Stage, task: IngestTask, unit: Unit, base: str) -> dict[str, Any] | None:
    """Facts of a unit that is as this run would make it: none of its rows has a key that was newly listed or is no more."""
    recorded = stage.recorded(unit.name)
    if recorded is None:
        return None
    held = keys_among((stage.folder / file for file in recorded.files), task.forget)
    return stage.unit(unit.name, key_of(base, held))


def _files(unit: Unit, facts: dict[str, Any]) -> list[str]:
    rejected = [f"rejected/{unit.name}.parquet"] if facts["account"]["rejected"] else []
    return [f"shards/{shard}.parquet" for shard in facts["shards"]] + rejected


def _ingest(work: tuple[IngestTask, Unit]) -> dict[str, Any]:
    return ingest_unit(*work)


def _judge(run: RunFolder, name: str, account: dict[str, Any] | None, units_of: Stage) -> None:
    """Refuse a source that is empty or mostly unreadable: most likely the recipe describes it wrongly."""
    if account is None:
        raise InputError(f"sources.{name}: no rows in {run.recipe.sources[name].path}; remove the source or mend the path")
    # Rows that were taken out on purpose say nothing about the recipe.
    reasons = {reason: count for reason, count in account["rejected"].items() if reason != FORGOTTEN}
    rows = account["rows_in"] - account["rejected"].get(FORGOTTEN, 0)
    rejected, allowed = sum(reasons.values()), run.recipe.sources[name].max_rejected
    if rejected > allowed * rows:
        reason = max(reasons, key=lambda one: (reasons[one], one))
        raise InputError(
            f"sources.{name}: {rejected:,} of {rows:,} rows rejected, max_rejected is {allowed:.0%}; "
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
    facts = run.facts(run.documents)
    ledger = facts["ledger"]["ingest"]
    rows = [["source", "rows", "documents", "rejected", "most often"]]
    for name in run.sources:
        account = ledger[name]
        rejected = account["rejected"]
        often = max(rejected, key=lambda one: (rejected[one], one)) if rejected else ""
        rows.append([name, f"{account['rows_in']:,}", f"{account['kept']:,}", f"{sum(rejected.values()):,}", often])
    unknown = [line for line in run.recipe.forget if not set(written_keys(run.recipe, line)) & set(facts["forgotten"])]
    return rows + ([[f"warning: the forget list has keys that no row has: {', '.join(unknown)}"]] if unknown else [])

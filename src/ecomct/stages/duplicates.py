"""Documents to duplicates: which rows repeat another, equal or nearly."""

from __future__ import annotations

from typing import Any

from ecomct.atomic import write_json
from ecomct.duplicates.find import find_duplicates
from ecomct.duplicates.scopes import scope_of
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest


def stage(run: RunFolder) -> Stage:
    """Determined by the documents, the settings, which rows are held out, and what scope and kind each source has."""
    inputs = {
        "documents": outputs_digest(run.documents, ["shards/"]),
        "duplicates": run.recipe.duplicates.model_dump(),
        "sources": {name: [source.kind, source.role, scope_of(source)] for name, source in run.recipe.sources.items()},
        "held_out": run.recipe.evaluation.held_out,
        "seed": run.recipe.seed,
        "code": code_digest("stages/duplicates", "duplicates", "documents/ids", "documents/schema", "seeded"),
    }
    return Stage("duplicates", run.duplicates, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """One unit: a pass over the ids of all rows, and over the texts of those that may be repeats."""
    shards = [run.documents / "shards" / f"{name}.parquet" for name in run.shards]
    measures = find_duplicates(shards, stage.folder, run.recipe, run.workers)
    write_json(stage.folder / "measures.json", measures)
    return {"measures": measures}


def table(run: RunFolder) -> list[list[str]]:
    """Duplicates by source, and how the candidates fared."""
    measures = run.facts(run.duplicates)["measures"]
    rows = [["source", "equal", "nearly equal"]]
    rows += [[name, f"{found['exact']:,}", f"{found['near']:,}"] for name, found in measures["sources"].items()]
    if found := measures.get("candidates"):
        refused = ", ".join(f"{reason} {count:,}" for reason, count in found["refused"].items())
        rows.append([f"{found['pairs']:,} candidate pairs, {found['verified']:,} verified; refused: {refused or 'none'}"])
    if largest := measures["clusters"]["largest"]:
        rows.append([f"largest cluster: {largest[0]['rows']:,} rows, the first is row {largest[0]['row']}"])
    if measures.get("capped"):
        rows.append([f"{measures['capped']:,} near-duplicates are kept: their cluster is full"])
    return rows

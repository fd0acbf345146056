"""Documents to links: duplicates, held-out products, home products. Ids only."""

from __future__ import annotations

from typing import Any

from ecomct.ledger import total
from ecomct.linking.link import write_links
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest


def stage(run: RunFolder) -> Stage:
    """Determined by the documents, the held-out share and the references."""
    inputs = {
        "documents": outputs_digest(run.documents, ["shards/"]),
        "held_out": run.recipe.evaluation.held_out,
        "references": {name: [r.model_dump() for r in source.references] for name, source in run.recipe.sources.items()},
        "seed": run.recipe.seed,
        "code": code_digest("stages/link", "linking/link", "linking/home", "documents/schema", "seeded"),
    }
    return Stage("link", run.links, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """One unit: a pass over the ids of all rows."""
    shards = [run.documents / "shards" / f"{name}.parquet" for name in run.shards]
    accounts = write_links(shards, stage.folder, run.recipe)
    return {"ledger": {"link": total([accounts], run.sources)}}


def table(run: RunFolder) -> list[list[str]]:
    """Rows by source."""
    rows = [["source", "documents", "for training", "duplicates", "held out"]]
    ledger = run.facts(run.links)["ledger"]["link"]
    for name, account in ((name, ledger[name]) for name in run.sources if name in ledger):
        held = sum(account["leftovers"].values())
        rows.append([name, *(f"{n:,}" for n in (account["rows_in"], account["kept"], account["duplicates"], held))])
    return rows

"""Documents to links: held-out products, home products, groups. Ids only."""

from __future__ import annotations

from typing import Any

from ecomct.atomic import write_json
from ecomct.ledger import total
from ecomct.linking.link import write_links
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs, outputs_digest

_MODULES = tuple(f"linking/{name}" for name in ("link", "home", "matching", "groups", "rescue", "ball", "steiner"))


def stage(run: RunFolder) -> Stage:
    """Determined by the documents, which of them repeat others, the held-out share, the keys and what mixing makes of them."""
    mixing = run.recipe.mixing.model_dump()
    # That a run only reports its hits is known by there being none here.
    removes = run.recipe.decontamination.policy == "remove"
    inputs = {
        "contaminated": outputs(run.screen)["hits.parquet"] if removes else None,
        "documents": outputs_digest(run.documents, ["shards/"]),
        "duplicates": outputs_digest(run.duplicates, ["duplicates.parquet", "repeats.parquet"]),
        "held_out": run.recipe.evaluation.held_out,
        "references": {name: [r.model_dump() for r in source.references] for name, source in run.recipe.sources.items()},
        "related": {name: [r.model_dump() for r in source.related] for name, source in run.recipe.sources.items()},
        "domain": run.domain,
        "mixing": {name: mixing[name] for name in ("min_rows", "max_rows", "edges", "exact_links", "ball_rows", "hub_rows")},
        "seed": run.recipe.seed,
        "code": code_digest("stages/link", *_MODULES, "documents/ids", "documents/schema", "duplicates/table", "seeded"),
    }
    return Stage("link", run.links, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """One unit: a pass over the ids of all rows."""
    shards = [run.documents / "shards" / f"{name}.parquet" for name in run.shards]
    hits = run.screen / "hits.parquet" if stage.inputs["contaminated"] else None
    accounts, measures = write_links(shards, run.duplicates, hits, stage.folder, run.recipe)
    write_json(stage.folder / "measures.json", measures)
    return {"ledger": {"link": total([accounts], run.sources)}, "measures": measures}


def table(run: RunFolder) -> list[list[str]]:
    """Rows by source, and how rows of several products and rows without another source fared."""
    rows = [["source", "documents", "for training", "duplicates", "held out", "contaminated"]]
    ledger = run.facts(run.links)["ledger"]["link"]
    for name, account in ((name, ledger[name]) for name in run.sources if name in ledger):
        contaminated = account["leftovers"].get("contaminated", 0)
        held = sum(account["leftovers"].values()) - contaminated
        numbers = (account["rows_in"], account["kept"], account["duplicates"], held, contaminated)
        rows.append([name, *(f"{number:,}" for number in numbers)])
    measures = run.facts(run.links)["measures"]
    for name, fit in measures["homes"].items():
        room = f"{fit['covered']:,} of {fit['rows']:,} rows of several products have room"
        rows.append([f"{name}: {room}, at most {fit['bound']:,} can ({fit['method']})"])
    joined, groups = measures["joined_products"], measures["groups"]
    if joined["rows"]:
        pairs = sum(one["joined"] for one in joined["rounds"])
        rows.append([f"{pairs:,} pairs of products joined: {joined['rows']:,} more rows meet another source"])
    if groups.get("groups"):
        grouped, hubs = sum(groups["rows"].values()), groups["hubs_cut"]["keys"]
        rows.append([f"{groups['groups']:,} groups of {grouped:,} rows over further keys; {hubs:,} hubs cut from the walk"])
    return rows

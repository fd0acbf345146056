"""Token counts and ids to a mixture: which rows are read together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from ecomct.atomic import write_json
from ecomct.engine import map_units
from ecomct.ledger import total
from ecomct.mixing.budget import Budget, HomeBudget, choose_homes_within, plan_budget
from ecomct.mixing.measure import summarise
from ecomct.mixing.plan import MixTask, mix_bucket
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.seeded import U64
from ecomct.stage import Stage, code_digest, outputs_digest
from ecomct.tokens.pieces import read_bucket
from ecomct.units import key_of

# Pieces that one process mixes while two start.
_WORTH_WORKERS = 500_000
EVERY_HOME = HomeBudget(1 << 64, ())


def stage(run: RunFolder) -> Stage:
    """Determined by the tokens, the mixing and the budget."""
    inputs = {
        "tokens": outputs_digest(run.tokens, ["shards/", "tokenizer/"]),  # the separator is the tokenizer's
        "mixing": run.recipe.mixing.model_dump(),
        "samples": run.recipe.cleaning.samples,
        "blend": run.recipe.blend.model_dump(),
        "domain": run.domain,
        "titles": run.titles,
        "length": run.recipe.sequences.length,
        "seed": run.recipe.seed,
        "code": code_digest("stages/mix", "mixing", "rules/sample", "tokens/pieces", "seeded"),
    }
    return Stage("mix", run.mixture, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Fix the budget over all rows, then mix bucket by bucket."""
    facts = run.facts(run.tokens)
    separator = len(facts["separator"])
    budget, homes = _budget(run, facts, separator)
    task = MixTask(
        tokens=run.tokens / "shards",
        groups=facts["groups"],
        out=stage.folder,
        mixing=run.recipe.mixing,
        domain=run.domain,
        titles=run.titles,
        sources=run.sources,
        max_tokens=run.recipe.sequences.length - 1,
        separator=separator,
        epochs=run.recipe.blend.epochs,
        budget=homes,
        samples=run.recipe.cleaning.samples,
        seed=run.recipe.seed,
    )
    keys = [_bucket_key(run, stage, task, facts, bucket) for bucket in range(facts["buckets"])]
    todo = [bucket for bucket, key in enumerate(keys) if stage.unit(f"{bucket}", key) is None]
    pieces = sum(tally["pieces"] for source in facts["measures"]["sources"].values() for tally in source["language"].values())
    workers = run.workers if pieces > _WORTH_WORKERS else 1
    done = track(map_units(partial(mix_bucket, task), todo, workers), "mix", len(todo))
    for bucket, result in zip(todo, done, strict=True):
        stage.finish_unit(f"{bucket}", result, keys[bucket], [f"plan/bucket-{bucket:05d}.parquet"])
    units = [stage.unit(f"{bucket}", key) or {} for bucket, key in enumerate(keys)]
    measures = summarise([unit["measures"] for unit in units]) | {"budget": _as_json(budget)}
    write_json(stage.folder / "measures.json", measures)
    ledger = total([unit["accounts"] for unit in units], run.sources)
    # Numbers beyond 2**53 are not safe in JSON.
    chosen = {"limit": str(homes.limit), "skipped": [str(home) for home in homes.skipped]}
    return {"ledger": {"mix": ledger}, "measures": measures, "homes": chosen, "budget": _as_json(budget)}


def _bucket_key(run: RunFolder, stage: Stage, task: MixTask, facts: dict[str, Any], bucket: int) -> str:
    """What determines a bucket's plan: its pieces, which of them the budget uses, and how they are mixed."""
    shared = {name: stage.inputs[name] for name in ("mixing", "samples", "domain", "titles", "length", "seed", "code")}
    used = used_homes(run, facts, task.budget, bucket)
    return key_of(bucket_parts(facts, bucket, facts["groups"]), used, task.sources, task.separator, task.epochs, shared)


def bucket_parts(facts: dict[str, Any], bucket: int, shards: Iterable[str]) -> dict[str, str]:
    """Digest of what each of `shards` has in a bucket, from the facts of the tokens."""
    groups, digests = facts["groups"], facts["digests"]
    return {shard: digests[shard][groups[shard].index(bucket)] for shard in shards if bucket in groups[shard]}


def used_homes(run: RunFolder, facts: dict[str, Any], homes: HomeBudget, bucket: int) -> str:
    """Which pieces of a bucket the budget uses, as a digest: a budget that moves elsewhere changes nothing here."""
    if homes == EVERY_HOME:
        return "all"
    table = read_bucket(run.tokens / "shards", facts["groups"], bucket, ["home"])
    return xxhash.xxh3_128_hexdigest(np.packbits(homes.holds(table["home"].to_numpy(), run.recipe.seed)).tobytes())


def read_budget(run: RunFolder) -> tuple[Budget, HomeBudget]:
    """The budget that the finished mixture was made with, and the products that it holds."""
    facts = run.facts(run.mixture)
    homes = HomeBudget(int(facts["homes"]["limit"]), tuple(int(home) for home in facts["homes"]["skipped"]))
    return Budget(**facts["budget"]), homes


def _as_json(budget: Budget) -> dict[str, Any]:
    return {"domain": budget.domain, "general": budget.general, "notes": budget.notes}


def _budget(run: RunFolder, facts: dict[str, Any], separator: int) -> tuple[Budget, HomeBudget]:
    """Budget in tokens as they will stand in sequences: each piece with what joins or ends it."""
    joint = max(1, separator)
    domain, general = 0, dict.fromkeys(run.recipe.blend.languages, 0)
    for source in facts["measures"]["sources"].values():
        for language, tally in source["language"].items():
            if source["role"] == "domain":
                domain += tally["tokens"] + joint * tally["pieces"]
            else:
                general[language] = general.get(language, 0) + tally["tokens"] + tally["pieces"]
    there = {str(language): tokens for language, tokens in general.items()}
    budget = plan_budget(run.recipe.blend, domain, there)
    if budget.domain >= domain * run.recipe.blend.epochs:
        return budget, EVERY_HOME
    home, tokens = _homes(run, facts)
    homes, taken = choose_homes_within(home, tokens + np.uint64(joint), budget.domain // run.recipe.blend.epochs, run.recipe.seed)
    # General text follows what whole products really make of the budget.
    return plan_budget(run.recipe.blend, domain, there, taken), homes


def _homes(run: RunFolder, facts: dict[str, Any]) -> tuple[U64, U64]:
    """Home and tokens of every domain piece."""
    columns = ["source", "home", "tokens"]
    tables = [read_bucket(run.tokens / "shards", facts["groups"], bucket, columns) for bucket in range(facts["buckets"])]
    table = pa.concat_tables(tables)
    domain = np.array(run.domain)[table["source"].to_numpy().astype(np.int64)]
    return table["home"].to_numpy()[domain], table["tokens"].to_numpy()[domain].astype(np.uint64)


def table(run: RunFolder) -> list[list[str]]:
    """Measures against their bounds."""
    measures = run.facts(run.mixture)["measures"]
    rows = [["measure", "value", "bound", "ratio"]]
    for name in ("coverage", "mean_sources_per_sample", "multi_source_rows", "multi_source_tokens"):
        one = measures[name]
        rows.append([name.replace("_", " "), f"{one['value']:,}", f"{one['bound']:,}", f"{one['ratio']:.4f}"])
    counted = measures["rows"]
    rows.append(["clusters", f"{measures['clusters']:,}", f"{measures['products']:,} products", ""])
    rows.append(["rows in clusters", f"{counted['clustered']:,}", f"{counted['total']:,}", ""])
    rows += [[f"left over: {reason}", f"{count:,}", "", ""] for reason, count in counted["leftover"].items()]
    rows.append(["duplicate rows", f"{measures['duplicate_rows']}", "0", ""])
    if measures["rescued_rows"]:
        rows.append(["rows of several products joined", f"{measures['rescued_rows']:,}", "", ""])
    if measures["anchors"]["samples"]:
        anchors = measures["anchors"]
        rows.append(["titles repeated", f"{anchors['samples']:,}", f"{anchors['tokens']:,} tokens", ""])
    return rows + [[note] for note in measures["budget"]["notes"]]

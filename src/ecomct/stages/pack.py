"""Tokens and mixture to the sequences of every arm."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from ecomct.atomic import write_json
from ecomct.engine import map_units
from ecomct.errors import InputError
from ecomct.ledger import Account
from ecomct.packing.arms import (
    FILE_SEQUENCES,
    Packed,
    domain_streams,
    open_packed,
    plan_arm,
    write_dataset_files,
    write_file,
    write_order,
)
from ecomct.packing.assemble import PackTask, pack_bucket
from ecomct.packing.measure import measure_arm, measure_stream
from ecomct.progress import track
from ecomct.recipe.model import Arm
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest
from ecomct.stages.mix import read_budget, separator_ids
from ecomct.tokens.tokenizer import load_tokenizer


def stage(run: RunFolder) -> Stage:
    """Determined by tokens, mixture, blend, length and the recipe's arms."""
    inputs = {
        "tokens": outputs_digest(run.tokens, ["shards/", "tokenizer/"]),
        "mixture": outputs_digest(run.mixture),
        "blend": run.recipe.blend.model_dump(),
        "domain": run.domain,
        "length": run.recipe.sequences.length,
        "arms": run.recipe.training.arms,
        "seed": run.recipe.seed,
        "code": code_digest("stages/pack", "packing", "tokens/pieces", "mixing/plan", "mixing/budget", "seeded"),
    }
    return Stage("pack", run.sequences, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Pack bucket by bucket, then write each arm in training order."""
    streams = _streams(run)
    buckets = run.facts(run.tokens)["buckets"]
    task = _task(run, stage, streams)
    todo = [bucket for bucket in range(buckets) if stage.unit(f"bucket-{bucket}") is None]
    done = track(map_units(partial(pack_bucket, task), todo, run.workers), "pack", len(todo))
    for bucket, facts in zip(todo, done, strict=True):
        stage.finish_unit(f"bucket-{bucket}", facts)
    packed = {stream: open_packed(stage.folder, stream, buckets, run.recipe.seed) for stream in streams}
    arms, ledger = {}, {}
    for arm in run.recipe.training.arms:
        arms[arm], ledger[arm] = _write_arm(run, stage, arm, packed)
    units = [stage.unit(f"bucket-{bucket}") or {} for bucket in range(buckets)]
    length = run.recipe.sequences.length
    whole = {stream: measure_stream([unit[stream] for unit in units], length) for stream in streams}
    measures = {"length": length, "streams": whole, "arms": arms}
    write_json(stage.folder / "measures.json", measures)
    return {"ledger": {"pack": ledger}, "measures": measures}


def _streams(run: RunFolder) -> tuple[str, ...]:
    """The streams that the arms read."""
    arms = run.recipe.training.arms
    streams = [stream for arm in arms for stream in domain_streams(arm, _epochs(run))]
    if set(arms) - {"domain-separate"}:
        budget, _ = read_budget(run)
        streams += [f"general-{language}" for language in sorted(budget.general)]
    return tuple(dict.fromkeys(streams))


def _epochs(run: RunFolder) -> int:
    """Passes over the domain."""
    return int(getattr(run.recipe.blend, "epochs", 1))


def _task(run: RunFolder, stage: Stage, streams: tuple[str, ...]) -> PackTask:
    _, eos = load_tokenizer(run.tokens / "tokenizer")
    _, homes = read_budget(run)
    return PackTask(
        tokens=run.tokens / "shards",
        groups=run.facts(run.tokens)["groups"],
        mixture=run.mixture,
        out=stage.folder,
        domain=run.domain,
        streams=streams,
        length=run.recipe.sequences.length,
        eos=eos,
        separator=separator_ids(run),
        budget=homes,
        seed=run.recipe.seed,
    )


def _write_arm(run: RunFolder, stage: Stage, arm: Arm, packed: dict[str, Packed]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write one arm; return its measures and its accounts by source."""
    length, blend = run.recipe.sequences.length, run.recipe.blend
    plan = plan_arm(arm, packed, read_budget(run)[0], blend, run.recipe.seed, _epochs(run))
    if not len(plan):
        raise InputError(f"training.arms: arm {arm} has no sequence; its sources or blend.tokens are too small")
    files = -(-len(plan) // FILE_SEQUENCES)
    for number in track(range(files), f"write {arm}"):
        if stage.unit(f"{arm}-{number}") is None:
            write_file(stage.folder, arm, number, files, plan, packed, length)
            stage.finish_unit(f"{arm}-{number}", {})
    write_order(stage.folder, arm, plan, packed)
    write_dataset_files(stage.folder, arm, files, length, f"{arm}-{stage.fingerprint[:16]}")
    measures, kept = measure_arm(stage.folder, plan, packed, length, blend.general_per_domain, run.sources)
    return measures, _accounts(run, arm, kept)


def _accounts(run: RunFolder, arm: Arm, kept: dict[str, int]) -> dict[str, Any]:
    """Rows offered to an arm and those in its sequences, by source."""
    accounts = {}
    for name, source in run.facts(run.tokens)["measures"]["sources"].items():
        if (source["role"] == "general" and arm == "domain-separate") or (source["role"] == "domain" and arm == "general"):
            continue
        rows = sum(tally["documents"] for tally in source["language"].values())
        account = Account(rows_in=rows, kept=kept[name])
        if rows > kept[name]:
            account.leftovers = Counter({"over_budget": rows - kept[name]})
        assert account.closes, f"{arm} holds more rows of {name} than there are"
        accounts[name] = account.facts()
    return accounts


def table(run: RunFolder) -> list[list[str]]:
    """Sequences by arm."""
    measures = run.facts(run.sequences)["measures"]
    rows = [["stream", "sequences", "tokens", "full", "padding", "to the lower bound"]]
    for stream, one in measures["streams"].items():
        numbers = [f"{one['sequences']:,}", f"{one['tokens']:,}", f"{one['fill']:.4f}", f"{one['padding']:,}"]
        rows.append([stream, *numbers, f"{one['ratio']:.4f}"])
    rows.append(["arm", "sequences", "tokens", "full", "general : domain", "largest prefix error"])
    arms = measures["arms"]
    for arm, one in ((arm, arms[arm]) for arm in run.recipe.training.arms):
        ratio = one.get("ratio", {}).get("general_per_domain")
        shown = [f"{ratio['got']:.3f} : 1", f"{ratio['largest_prefix_error_sequences']:.2f} sequences"] if ratio else ["", ""]
        rows.append([arm, f"{one['sequences']:,}", f"{one['tokens']:,}", f"{one['fill']:.4f}", *shown])
        if one["sequences"] < run.recipe.training.batch_size:
            rows.append(
                [f"{arm}: fewer sequences than training.batch_size ({run.recipe.training.batch_size}); it cannot be trained"]
            )
    return rows

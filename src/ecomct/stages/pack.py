"""Tokens and mixture to the sequences of every arm."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
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
    file_name,
    open_packed,
    packed_file,
    places_of,
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
from ecomct.stage import Stage, code_digest, outputs, outputs_digest
from ecomct.stages.mix import bucket_parts, read_budget, used_homes
from ecomct.units import files_of, key_of


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
    tasks = _tasks(run, stage, streams)
    keys = _unit_keys(run, stage, tasks, buckets)
    todo = [unit for unit, key in keys.items() if stage.unit(_unit_name(*unit), key) is None]
    done = track(map_units(partial(_pack_unit, tasks), todo, run.workers), "pack", len(todo))
    for unit, facts in zip(todo, done, strict=True):
        files = [packed_file(stream, unit[1]) for stream in tasks[unit[0]].streams]
        stage.finish_unit(_unit_name(*unit), facts, keys[unit], files)
    packed = {stream: open_packed(stage.folder, stream, buckets, run.recipe.seed) for stream in streams}
    arms, ledger = {}, {}
    for arm in run.recipe.training.arms:
        arms[arm], ledger[arm] = _write_arm(run, stage, arm, packed)
    length = run.recipe.sequences.length
    whole: dict[str, Any] = {}
    for role, task in tasks.items():
        units = [stage.unit(_unit_name(role, bucket), keys[role, bucket]) or {} for bucket in range(buckets)]
        whole |= {stream: measure_stream([unit[stream] for unit in units], length) for stream in task.streams}
    measures = {"length": length, "streams": whole, "arms": arms}
    write_json(stage.folder / "measures.json", measures)
    return {"ledger": {"pack": ledger}, "measures": measures}


def _streams(run: RunFolder) -> tuple[str, ...]:
    """The streams that the arms read."""
    arms = run.recipe.training.arms
    streams = [stream for arm in arms for stream in domain_streams(arm, run.recipe.blend.epochs)]
    if set(arms) - {"domain-separate"}:
        budget, _ = read_budget(run)
        streams += [f"general-{language}" for language in sorted(budget.general)]
    return tuple(dict.fromkeys(streams))


def _tasks(run: RunFolder, stage: Stage, streams: tuple[str, ...]) -> dict[str, PackTask]:
    """Domain and general streams apart: they share no piece, so that a change of one spares the other."""
    task, tasks = _task(run, stage, streams), {}
    for role, chosen in (("domain", True), ("general", False)):
        # A shard's name begins with the index of its source.
        groups = {shard: group for shard, group in task.groups.items() if run.domain[int(shard[:4])] is chosen}
        mine = tuple(stream for stream in streams if stream.startswith("domain-") is chosen)
        if mine:
            tasks[role] = replace(task, groups=groups, streams=mine)
    return tasks


def _unit_name(role: str, bucket: int) -> str:
    return f"bucket-{role}-{bucket}"


def _pack_unit(tasks: dict[str, PackTask], unit: tuple[str, int]) -> dict[str, Any]:
    role, bucket = unit
    return pack_bucket(tasks[role], bucket)


def _unit_keys(run: RunFolder, stage: Stage, tasks: dict[str, PackTask], buckets: int) -> dict[tuple[str, int], str]:
    """What determines the packed files of each bucket's domain and general streams."""
    facts, mixture = run.facts(run.tokens), outputs(run.mixture)
    shared = {name: stage.inputs[name] for name in ("domain", "length", "seed", "code")}
    keys = {}
    for role, task in tasks.items():
        settings = key_of(task.streams, task.eos, task.separator, shared)
        for bucket in range(buckets):
            of: list[Any] = [bucket_parts(facts, bucket, task.groups)]
            if role == "domain":
                of += [mixture[f"plan/bucket-{bucket:05d}.parquet"], used_homes(run, facts, task.budget, bucket)]
            keys[role, bucket] = key_of(settings, of)
    return keys


def _task(run: RunFolder, stage: Stage, streams: tuple[str, ...]) -> PackTask:
    facts = run.facts(run.tokens)
    _, homes = read_budget(run)
    return PackTask(
        tokens=run.tokens / "shards",
        groups=facts["groups"],
        mixture=run.mixture,
        out=stage.folder,
        domain=run.domain,
        streams=streams,
        length=run.recipe.sequences.length,
        eos=facts["eos"],
        separator=tuple(facts["separator"]),
        budget=homes,
        seed=run.recipe.seed,
    )


def _write_arm(run: RunFolder, stage: Stage, arm: Arm, packed: dict[str, Packed]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write one arm; return its measures and its accounts by source."""
    length, blend = run.recipe.sequences.length, run.recipe.blend
    plan = plan_arm(arm, packed, read_budget(run)[0], blend, run.recipe.seed, run.recipe.blend.epochs)
    if not len(plan):
        raise InputError(f"training.arms: arm {arm} has no sequence; its sources or blend.tokens are too small")
    files = -(-len(plan) // FILE_SEQUENCES)
    digests = packed_digests(stage, run.facts(run.tokens)["buckets"])
    for number in track(range(files), f"write {arm}"):
        gathered, places = places_of(plan, packed, number)
        sources = {name: digests[name] for name in sorted(gathered)}
        key = key_of(places, sources, number, files, length, stage.inputs["code"])
        if stage.unit(f"{arm}-{number}", key) is None:
            write_file(stage.folder, arm, number, files, plan, packed, length)
            stage.finish_unit(f"{arm}-{number}", {}, key, [f"{arm}/{file_name(number, files)}"])
    write_order(stage.folder, arm, plan, packed)
    # By content: an arm whose sequences are what they were is not trained again.
    content = [stage.recorded(f"{arm}-{number}") for number in range(files)]
    write_dataset_files(stage.folder, arm, files, length, f"{arm}-{key_of([unit.files for unit in content if unit])[:16]}")
    measures, kept = measure_arm(stage.folder, plan, packed, length, blend, run.sources)
    return measures, _accounts(run, arm, kept)


def packed_digests(stage: Stage, buckets: int) -> dict[str, str]:
    """Digest of each packed file of this run."""
    units = [stage.recorded(_unit_name(role, bucket)) for role in ("domain", "general") for bucket in range(buckets)]
    return {name: described["xxh3_128"] for name, described in files_of(unit for unit in units if unit).items()}


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
    """Sequences by arm, then how full the streams are."""
    measures = run.facts(run.sequences)["measures"]
    rows = [["arm", "sequences", "tokens", "full", "general : domain", "zh : en", "largest prefix errors"]]
    notes = []
    arms = measures["arms"]
    for arm, one in ((arm, arms[arm]) for arm in run.recipe.training.arms):
        ratios = [one["ratio"].get(name) for name in ("general_per_domain", "general_zh_per_en")]
        errors = [f"{ratio['largest_prefix_error_sequences']:.2f}" for ratio in ratios if ratio]
        shown = [f"{ratio['got']:.3f} : 1" if ratio else "" for ratio in ratios]
        shown.append(f"{', '.join(errors)} sequences" if errors else "")
        rows.append([arm, f"{one['sequences']:,}", f"{one['tokens']:,}", f"{one['fill']:.4f}", *shown])
        if ratios[0] and ratios[0]["got"] < 0.99 * ratios[0]["wanted"]:
            notes.append([f"{arm}: general text is short of {ratios[0]['wanted']:g} : 1; blend.max_repeats is the limit"])
        if one["sequences"] < run.recipe.training.batch_size:
            few = f"fewer sequences than training.batch_size ({run.recipe.training.batch_size}); it cannot be trained"
            notes.append([f"{arm}: {few}"])
    for stream, one in measures["streams"].items():
        fit = f"{one['fill']:.4f} full, {one['ratio']:.4f} times the fewest possible"
        notes.append([f"{stream}: {one['sequences']:,} sequences, {one['tokens']:,} tokens, {fit}"])
    return rows + notes

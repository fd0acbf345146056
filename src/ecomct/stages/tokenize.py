"""Documents to token ids."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ecomct.atomic import write_json
from ecomct.engine import map_units
from ecomct.errors import InputError
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs, outputs_digest
from ecomct.tokens.encode import EncodeTask, encode_shard
from ecomct.tokens.encoder import FAST, REFERENCE, unfit
from ecomct.tokens.pieces import SEPARATORS
from ecomct.tokens.tokenizer import load_tokenizer, prepare_tokenizer, tokenizer_file
from ecomct.units import file_digest, key_of

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
# Compressed documents that one process encodes while two open the tokenizer.
_WORTH_WORKERS = 2 << 20
# Text of one bucket, which later stages hold in memory as ids a few times over.
BUCKET_BYTES = 32 << 20


def stage(run: RunFolder) -> Stage:
    """Determined by documents, links, the tokenizer, the sequence length and the number of buckets."""
    settings = run.recipe.tokenizer
    file = None if settings.path is None else run.input_digests([tokenizer_file(run.recipe)])
    inputs = {
        "documents": outputs_digest(run.documents, ["shards/"]),
        "links": outputs_digest(run.links, ["shards/"]),
        "tokenizer": settings.model_dump(exclude={"path"}) | {"file": list(file.values()) if file else None},
        "length": run.recipe.sequences.length,
        "buckets": _buckets(run),
        "seed": run.recipe.seed,
        # Labels that the measures repeat.
        "sources": {name: [s.role, s.kind, s.license] for name, s in run.recipe.sources.items()},
        "code": code_digest("stages/tokenize", "tokens", "documents/schema", "seeded"),
    }
    return Stage("tokenize", run.tokens, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Prepare the tokenizer, then encode shard by shard."""
    documents, links, folder = run.documents / "shards", run.links / "shards", stage.folder / "tokenizer"
    key = _tokenizer_key(stage)
    tokenizer = stage.unit("tokenizer", key)
    if tokenizer is None:
        prepare_tokenizer(run.recipe, documents, links, run.shards, folder)
        tokenizer = _tokenizer_facts(folder)
        stage.finish_unit("tokenizer", tokenizer, key, [f"tokenizer/{file}" for file in TOKENIZER_FILES])
    buckets = _buckets(run)
    choice = stage.unit("encoder")
    if choice is None:
        choice = _choose(run, folder)
        stage.finish_unit("encoder", choice)
    # Every sample ends with one end-of-text token.
    settings, length = run.recipe.tokenizer, run.recipe.sequences.length
    task = EncodeTask(
        documents, links, stage.folder / "shards", folder, length - 1, buckets, choice["name"], settings.verify, run.recipe.seed
    )
    if fault := _encode(run, stage, task):
        # Ids are Hugging Face's or nothing: all shards again, in whatever order they were made.
        choice = {"name": REFERENCE, "reason": f"{FAST}: {fault['reason']}", "row": fault["row"]}
        stage.finish_unit("encoder", choice)
        task = replace(task, encoder=REFERENCE)
        _encode(run, stage, task)
    keys, _ = _shard_keys(run, stage, task)
    units = {shard: stage.unit(shard, keys[shard]) or {} for shard in run.shards}
    sources = _sum(run, [unit["counts"] for unit in units.values()])
    encoder = choice | {"verified": sum(unit["verified"] for unit in units.values())}
    measures = {"vocab_size": tokenizer["vocab_size"], "encoder": encoder, "sources": sources}
    if not any(source["language"] for source in sources.values()):
        raise InputError("sources: no row is left to train on; see documents/rejected and evaluation.held_out")
    write_json(stage.folder / "measures.json", measures)
    groups = {shard: unit["buckets"] for shard, unit in units.items()}
    digests = {shard: unit["digests"] for shard, unit in units.items()}
    marks = {name: tokenizer[name] for name in ("eos", "separator")}
    return {"buckets": buckets, "groups": groups, "digests": digests, "measures": measures} | marks


def _tokenizer_facts(folder: Path) -> dict[str, Any]:
    """What later stages ask of the tokenizer: its size, what ends a sample, what stands between two of its documents."""
    tokenizer, eos = load_tokenizer(folder)
    candidates = [tokenizer.encode(text, add_special_tokens=False).ids for text in SEPARATORS]
    separator = min(candidates, key=lambda ids: len(ids) or len(SEPARATORS))
    return {"vocab_size": tokenizer.get_vocab_size(), "eos": eos, "separator": separator}


def _tokenizer_key(stage: Stage) -> str:
    """The settings; of a tokenizer that is trained here also the text that it learns from."""
    texts = ("documents", "links", "seed") if stage.inputs["tokenizer"]["file"] is None else ()
    return key_of({name: stage.inputs[name] for name in ("tokenizer", "code", *texts)})


def _shard_keys(run: RunFolder, stage: Stage, task: EncodeTask) -> tuple[dict[str, str], str]:
    """What determines a shard's tokens and facts, and the part of it that determines the pieces of one text."""
    documents, links = outputs(run.documents), outputs(run.links)
    tokenizer = {file: file_digest(stage.folder / "tokenizer" / file) for file in TOKENIZER_FILES}
    way = key_of(tokenizer, {name: stage.inputs[name] for name in ("length", "code", "seed")}, task.encoder, task.verify)
    files = {shard: f"shards/{shard}.parquet" for shard in run.shards}
    return {shard: key_of(documents[file], links[file], way, task.buckets) for shard, file in files.items()}, way


def _choose(run: RunFolder, folder: Path) -> dict[str, Any]:
    """Who encodes, why not the fast encoder, and the row that showed it."""
    if run.recipe.tokenizer.encoder == REFERENCE:
        return {"name": REFERENCE, "reason": "the recipe says so", "row": None}
    if (reason := unfit(folder)) is not None:
        return {"name": REFERENCE, "reason": f"{FAST} does not know {reason}", "row": None}
    return {"name": FAST, "reason": None, "row": None}


def _encode(run: RunFolder, stage: Stage, task: EncodeTask) -> dict[str, Any] | None:
    """Encode the shards that are not yet encoded by `task.encoder`; the fault of the first that has one, or None."""
    keys, way = _shard_keys(run, stage, task)
    todo = [shard for shard in run.shards if stage.unit(shard, keys[shard]) is None]
    earlier = {shard: stage.recorded(shard) for shard in todo}
    known = frozenset(shard for shard, unit in earlier.items() if unit is not None and unit.facts.get("way") == way)
    work = partial(encode_shard, replace(task, known=known))
    new = sum((run.documents / "shards" / f"{shard}.parquet").stat().st_size for shard in todo if shard not in known)
    done = map_units(work, todo, run.workers if new > _WORTH_WORKERS else 1)
    for shard, facts in zip(todo, track(done, "tokenize", len(todo)), strict=True):
        if "fault" in facts:
            fault: dict[str, Any] = facts["fault"]
            return fault
        stage.finish_unit(shard, facts | {"way": way}, keys[shard], [f"shards/{shard}.parquet"])
    return None


def _buckets(run: RunFolder) -> int:
    """Number of buckets: the recipe's, or by the size of the text."""
    return run.recipe.buckets or min(4096, 1 + int(run.facts(run.documents)["text_bytes"]) // BUCKET_BYTES)


def _sum(run: RunFolder, counts: list[dict[str, dict[str, dict[str, int]]]]) -> dict[str, Any]:
    """Counts by source and language with the labels a table needs."""
    result: dict[str, Any] = {}
    for name, source in run.recipe.sources.items():
        languages: dict[str, dict[str, int]] = {}
        for count in counts:
            for language, tally in count.get(name, {}).items():
                mine = languages.setdefault(language, {})
                for key, amount in tally.items():
                    mine[key] = mine.get(key, 0) + amount
        labels: dict[str, Any] = {"role": source.role, "kind": source.kind, "license": source.license}
        result[name] = labels | {"language": dict(sorted(languages.items()))}
    return result


def table(run: RunFolder) -> list[list[str]]:
    """Tokens by source (the paper's Table 1) with their fertility, and who encoded them."""
    rows = [["source", "role", "language", "documents", "tokens", "repeated", "characters/token", "bytes/token"]]
    measures = run.facts(run.tokens)["measures"]
    for name, source in ((name, measures["sources"][name]) for name in run.sources):
        for language, tally in source["language"].items():
            own = max(1, tally["tokens"] - tally["repeated"])
            numbers = [f"{tally[key]:,}" for key in ("documents", "tokens", "repeated")]
            fertility = (f"{tally[unit] / own:.2f}" for unit in ("characters", "bytes"))
            rows.append([name, source["role"], language, *numbers, *fertility])
    return [*rows, [encoder_note(measures["encoder"])]]


def encoder_note(encoder: dict[str, Any]) -> str:
    """Who encoded, and how that was checked, in a sentence."""
    if encoder["name"] == FAST:
        return f"encoded by {FAST}; Hugging Face gave the same ids for all {encoder['verified']:,} texts compared"
    return f"encoded by Hugging Face: {encoder['reason']}"

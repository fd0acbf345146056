"""Documents to token ids."""

from __future__ import annotations

from functools import partial
from typing import Any

from ecomct.atomic import write_json
from ecomct.engine import map_units
from ecomct.errors import InputError
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs, outputs_digest
from ecomct.tokens.encode import EncodeTask, encode_shard
from ecomct.tokens.tokenizer import load_tokenizer, prepare_tokenizer, tokenizer_file
from ecomct.units import file_digest, key_of

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
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
    if stage.unit("tokenizer", key) is None:
        prepare_tokenizer(run.recipe, documents, links, run.shards, folder)
        stage.finish_unit("tokenizer", {}, key, [f"tokenizer/{file}" for file in TOKENIZER_FILES])
    tokenizer, _ = load_tokenizer(folder)
    buckets = _buckets(run)
    keys = _shard_keys(run, stage)
    # Every sample ends with one end-of-text token.
    task = EncodeTask(documents, links, stage.folder / "shards", folder, run.recipe.sequences.length - 1, buckets)
    todo = [shard for shard in run.shards if stage.unit(shard, keys[shard]) is None]
    done = track(map_units(partial(encode_shard, task), todo, run.workers), "tokenize", len(todo))
    for shard, facts in zip(todo, done, strict=True):
        stage.finish_unit(shard, facts, keys[shard], [f"shards/{shard}.parquet"])
    units = {shard: stage.unit(shard, keys[shard]) or {} for shard in run.shards}
    sources = _sum(run, [unit["counts"] for unit in units.values()])
    measures = {"vocab_size": tokenizer.get_vocab_size(), "sources": sources}
    if not any(source["language"] for source in sources.values()):
        raise InputError("sources: no row is left to train on; see documents/rejected and evaluation.held_out")
    write_json(stage.folder / "measures.json", measures)
    groups = {shard: unit["buckets"] for shard, unit in units.items()}
    digests = {shard: unit["digests"] for shard, unit in units.items()}
    return {"buckets": buckets, "groups": groups, "digests": digests, "measures": measures}


def _tokenizer_key(stage: Stage) -> str:
    """The settings; of a tokenizer that is trained here also the text that it learns from."""
    texts = ("documents", "links", "seed") if stage.inputs["tokenizer"]["file"] is None else ()
    return key_of({name: stage.inputs[name] for name in ("tokenizer", "code", *texts)})


def _shard_keys(run: RunFolder, stage: Stage) -> dict[str, str]:
    """What determines each shard's tokens: its documents, their links, the tokenizer and how pieces are cut and dealt."""
    documents, links = outputs(run.documents), outputs(run.links)
    tokenizer = {file: file_digest(stage.folder / "tokenizer" / file) for file in TOKENIZER_FILES}
    shared = {name: stage.inputs[name] for name in ("length", "buckets", "code")}
    files = {shard: f"shards/{shard}.parquet" for shard in run.shards}
    return {shard: key_of(documents[file], links[file], tokenizer, shared) for shard, file in files.items()}


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
    """Tokens by source (the paper's Table 1)."""
    rows = [["source", "role", "language", "documents", "tokens", "repeated", "characters/token"]]
    sources = run.facts(run.tokens)["measures"]["sources"]
    for name, source in ((name, sources[name]) for name in run.sources):
        for language, tally in source["language"].items():
            numbers = [f"{tally[key]:,}" for key in ("documents", "tokens", "repeated")]
            fertility = tally["characters"] / max(1, tally["tokens"] - tally["repeated"])
            rows.append([name, source["role"], language, *numbers, f"{fertility:.2f}"])
    return rows

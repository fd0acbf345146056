"""Rows whose text did not change are not encoded again, and their pieces are those that encoding would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.stage import file_digest
from ecomct.tokens.encode import EncodeTask, encode_shard
from ecomct.tokens.encoder import FAST

Shop = Callable[..., Path]


def test_what_is_known_needs_no_tokenizer_and_what_changed_does(shop: Shop, tmp_path: Path) -> None:
    run = run_recipe(load_recipe(shop()), tmp_path / "runs", "tokenize").folder
    shards = sorted(path.stem for path in (run / "documents/shards").iterdir())
    links, out = tmp_path / "links", tmp_path / "out"
    task = EncodeTask(run / "documents/shards", run / "links/shards", out, run / "tokens/tokenizer", 127, 1, FAST, 0.5, 17)
    first = {shard: encode_shard(task, shard) for shard in shards}
    written = {shard: file_digest(out / f"{shard}.parquet") for shard in shards}
    # Nothing changed: without a tokenizer, and without a verified text less.
    again = replace(task, known=frozenset(shards), tokenizer=tmp_path / "nowhere")
    assert {shard: encode_shard(again, shard) for shard in shards} == first
    assert {shard: file_digest(out / f"{shard}.parquet") for shard in shards} == written
    # Every row moves to another home, into other buckets: still without a tokenizer.
    links.mkdir()
    for shard in shards:
        table = pq.read_table(task.links / f"{shard}.parquet")
        home = pc.add(table["home"], pa.scalar(1, pa.uint64()))
        pq.write_table(table.set_column(table.schema.get_field_index("home"), "home", home), links / f"{shard}.parquet")
    moved = {shard: encode_shard(replace(again, links=links, buckets=3), shard) for shard in shards}
    kept = {shard: file_digest(out / f"{shard}.parquet") for shard in shards}
    for shard in shards:
        (out / f"{shard}.parquet").unlink()
    assert {shard: encode_shard(replace(task, links=links, buckets=3), shard) for shard in shards} == moved
    assert {shard: file_digest(out / f"{shard}.parquet") for shard in shards} == kept != written


def test_a_row_of_another_text_is_encoded_again(shop: Shop, tmp_path: Path) -> None:
    run = run_recipe(load_recipe(shop()), tmp_path / "runs", "tokenize").folder
    shard = next(path.stem for path in (run / "documents/shards").iterdir() if "reviews" in path.stem)
    documents, out = tmp_path / "documents", tmp_path / "out"
    task = EncodeTask(documents, run / "links/shards", out, run / "tokens/tokenizer", 127, 1, FAST, 1.0, 17)
    documents.mkdir()
    table = pq.read_table(run / "documents/shards" / f"{shard}.parquet")
    pq.write_table(table, documents / f"{shard}.parquet")
    encode_shard(task, shard)
    text = pa.array([f"{text} Postscript." if n % 7 == 0 else text for n, text in enumerate(table["text"].to_pylist())])
    pq.write_table(table.set_column(table.schema.get_field_index("text"), "text", text), documents / f"{shard}.parquet")
    known = encode_shard(replace(task, known=frozenset([shard])), shard)
    mended = file_digest(out / f"{shard}.parquet")
    (out / f"{shard}.parquet").unlink()
    assert encode_shard(task, shard) == known
    assert file_digest(out / f"{shard}.parquet") == mended

"""Products forgotten: what held them, what is rebuilt, and that nothing of them is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from ecomct.errors import InputError
from ecomct.lineage.forget import affected, forget, read_keys
from ecomct.lineage.locate import open_run
from ecomct.lineage.show import affected_table, forgotten_tables
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.stage import file_digest
from ecomct.tokens.tokenizer import train_bpe

Shop = Callable[..., Path]
Rows = dict[str, list[dict[str, Any]]]
SECRET = "Zyxwvut987"


@pytest.fixture
def secret(shop: Shop, shop_rows: Rows, tmp_path: Path) -> Path:
    """A shop whose product P010 says a word that no other row has, also in rows that are rejected."""
    tables: Rows = {"reviews": [*shop_rows["reviews"]], "articles": [*shop_rows["articles"]]}
    tables["reviews"][30] = {"product": "P010", "text": f"My {SECRET} lamp is the best.", "stars": 5.0}
    tables["reviews"].append({"product": "P010", "text": "", "note": SECRET, "stars": 5.0})
    tables["articles"].append({"products": ["P012", "P010"], "title": f"On {SECRET}", "text": "Two lamps. " * 40})
    # A tokenizer from disk: one that is trained here learns from every row, and all sequences change with it.
    settings = {"buckets": 5, "blend.max_repeats": 3.0, "tokenizer": {"path": "tokenizer.json", "eos": "<|endoftext|>"}}
    recipe = shop(settings, tables)
    train_bpe(iter(["a lamp is a lamp"] * 9), 300).save(str(recipe.parent / "tokenizer.json"))
    run_recipe(load_recipe(recipe), tmp_path / "runs", "pack")
    return recipe


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that a run folder says, unpacked: (file, text)."""
    tokenizer = Tokenizer.from_file(str(folder / "tokens/tokenizer/tokenizer.json"))
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".parquet":
            for record in pq.read_table(path).to_pylist():
                yield name, json.dumps(record, ensure_ascii=False, default=str)
                if "ids" in record:
                    yield name, tokenizer.decode(record["ids"])
        elif path.is_file() and path.suffix != ".arrow":
            yield name, path.read_text(encoding="utf-8")
    for arm in ("general", "domain-separate", "separate", "mixed"):
        for record in datasets.load_from_disk(str(folder / "sequences" / arm)):
            yield f"sequences/{arm}", tokenizer.decode(record["input_ids"])
    for path in sorted(folder.rglob("bucket-*.arrow")):
        with pa.memory_map(str(path)) as source:
            for ids in pa.ipc.open_file(source).read_all()["input_ids"].to_pylist():
                yield path.name, tokenizer.decode(ids)


def data_files(folder: Path) -> dict[str, str]:
    """Digests of the data stages' files."""
    stages = ("documents", "links", "tokens", "mixture", "sequences")
    files = (path for stage in stages for path in (folder / stage).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(files)}


def test_nothing_of_a_forgotten_product_is_left(secret: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs/shop"
    (folder / "report").mkdir()
    (folder / "report/index.html").write_text(f"<p>{SECRET}</p>")
    said = {name.split("/")[0] for name, text in texts(folder) if SECRET in text}
    assert {"documents", "sequences", "report"} <= said
    found, arms = forget(secret, ["products/P010"], tmp_path / "runs", 1)
    assert [name for name, text in texts(folder) if SECRET in text] == []
    run_recipe(load_recipe(secret), tmp_path / "scratch", "pack")
    assert data_files(folder) == data_files(tmp_path / "scratch/shop")
    assert found is not None
    assert {source: len(rows) for source, rows in found.rows.items()}["reviews"] == 4
    for one in arms.values():
        assert one.rebuilt + one.kept == one.sequences
    assert arms["general"].kept > 0
    assert secret.with_suffix(".forget").read_text() == "products/P010\n"


def test_the_list_names_exactly_the_sequences_that_hold_the_rows(secret: Path, tmp_path: Path) -> None:
    located = open_run(load_recipe(secret), tmp_path / "runs")
    found = affected(located, ["P010", "products/P003", "P777"])
    rows = {row for numbers in found.rows.values() for row in numbers}
    documents = {
        record["row"]
        for path in (located.run.documents / "shards").glob("*.parquet")
        for record in pq.read_table(path).to_pylist()
        if {"products/P010", "products/P003"} & set(record["keys"])
    }
    assert documents < rows, "rejected rows are among them"
    for arm in located.arms:
        dataset = datasets.load_from_disk(str(located.run.sequences / arm))
        assert found.sequences[arm] == [number for number, record in enumerate(dataset) if rows & set(record["rows"])]
    assert (found.unknown, found.trained) == (["P777"], [])
    assert any("P777" in cell for row in affected_table(found) for cell in row)
    before = data_files(located.run.folder)
    assert data_files(located.run.folder) == before, "listing writes nothing"


def test_models_that_saw_the_rows_are_named(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "runs/shop/training/mixed").mkdir(parents=True)
    found, arms = forget(secret, ["P010", "P008"], tmp_path / "runs", 1)
    assert found is not None
    assert found.trained == (["mixed"] if found.sequences["mixed"] else [])
    shown = "\n".join(cell for table in forgotten_tables(found, arms) for row in table for cell in row)
    assert ("training/mixed" in shown) == bool(found.trained)
    [record] = (tmp_path / "runs/shop/forgotten").glob("*.json")
    assert json.loads(record.read_text())["keys"] == ["products/P008", "products/P010"]


def test_a_killed_forgetting_goes_on(secret: Path, tmp_path: Path) -> None:
    secret.with_suffix(".forget").write_text("# why: asked by mail\nP001\n")
    forget(secret, ["P010"], tmp_path / "runs", 1)
    assert secret.with_suffix(".forget").read_text() == "# why: asked by mail\nP001\nproducts/P010\n"
    expected = data_files(tmp_path / "runs/shop")
    # As a kill leaves it: the list is written, a later stage has no manifest.
    (tmp_path / "runs/shop/mixture/manifest.json").unlink()
    found, arms = forget(secret, ["P010"], tmp_path / "runs", 1)
    assert (found, arms) == (None, {})
    assert data_files(tmp_path / "runs/shop") == expected
    (tmp_path / "runs/shop/mixture/manifest.json").unlink()
    with pytest.raises(InputError, match="no finished run of this recipe"):
        forget(secret, ["P011"], tmp_path / "runs", 1)


def test_keys_come_from_the_command_line_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("# asked to\nP2\n\nproducts/P1\n")
    assert read_keys(["P3 ", "P2"], tmp_path / "keys.txt") == ["P2", "P3", "products/P1"]
    with pytest.raises(InputError, match="name a key"):
        read_keys([], None)

"""The stage in a run: scopes, what links make of it, and the same bytes whatever the way there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ecomct.lineage.forget import forget
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.stage import file_digest

Shop = Callable[..., Path]
MORE = "so that we bought a second one for my mother who lives by the sea and she likes it as much as we do ourselves"
Rows = dict[str, list[dict[str, Any]]]
LONG = "We have had this for a month and use it every day, in the kitchen and in the garden, and it still looks like new"


def review(product: str | None, text: str) -> dict[str, Any]:
    return {"product": product, "text": text, "stars": 5.0}


@pytest.fixture
def repeated(shop_rows: Rows) -> dict[str, Any]:
    """Reviews of the shop and repeats of one text: in one product, in another, without one, and other facts."""
    reviews = [*shop_rows["reviews"], review("P001", LONG), review("P001", f"{LONG}!!"), review("P001", f"{LONG} today.")]
    reviews += [review("P002", f"{LONG} yesterday."), review("P002", f"{LONG.upper()}."), review(None, f"{LONG} - really.")]
    reviews += [review("P001", LONG.replace("a month", "9 months")), review("P001", LONG.replace("still", "never"))]
    # Two products of one title.
    products = [*shop_rows["products"], {**shop_rows["products"][1], "id": "P900"}]
    reviews += [review("P900", f"{LONG} today, too.")]
    return {"reviews": reviews, "products": products}


def found(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """By source, the duplicates as (text, text of what it repeats, how)."""
    documents = {row["row"]: row for path in (folder / "documents/shards").iterdir() for row in pq.read_table(path).to_pylist()}
    by_source: dict[str, list[tuple[str, str, str]]] = {}
    for row in pq.read_table(folder / "duplicates/duplicates.parquet").to_pylist():
        one, other = documents[row["row"]], documents[row["duplicate_of"]]
        assert one["row"] > other["row"], "the first in row order stays"
        by_source.setdefault(one["source"], []).append((one["text"], other["text"], row["how"]))
    return by_source


def run(recipe: Path, runs: Path, until: str = "link", workers: int = 1) -> Path:
    return run_recipe(load_recipe(recipe), runs, until, workers=workers).folder


def digests(folder: Path) -> dict[str, str]:
    files = [path for stage in ("duplicates", "links") for path in (folder / stage).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(files)}


def test_repeats_within_their_scope(shop: Shop, repeated: dict[str, Any], tmp_path: Path) -> None:
    folder = run(shop({"evaluation.held_out": 0}, repeated), tmp_path / "runs")
    reviews = {(text.split("\n")[1], how) for text, _, how in found(folder)["reviews"]}
    assert reviews == {
        (f"{LONG}!!", "near"),
        (f"{LONG} today.", "near"),
        (f"{LONG.upper()}.", "near"),  # equal as a whole, so sought everywhere
        (f"{LONG} today, too.", "near"),  # another product, whose title is the same
    }
    fates = {
        row["fate"]
        for path in (folder / "links/shards").iterdir()
        for row in pq.read_table(path).to_pylist()
        if row["duplicate_of"]
    }
    assert fates == {"duplicate"}
    measures = json.loads((folder / "duplicates/measures.json").read_text())
    assert measures["sources"]["reviews"] == {"exact": 0, "near": 4}
    assert measures["candidates"]["refused"]


def test_settings(shop: Shop, repeated: dict[str, Any], tmp_path: Path) -> None:
    off = run(shop({"duplicates.near": "off"}, repeated), tmp_path / "off")
    assert {how for rows in found(off).values() for _, _, how in rows} <= {"exact"}
    keep = run(shop({"sources.reviews.duplicates": "keep"}, repeated), tmp_path / "keep")
    assert "reviews" not in found(keep)
    product = run(shop({"sources.reviews.duplicates": "product"}, repeated), tmp_path / "product")
    assert len(found(product)["reviews"]) == 3
    capped = run(shop({"duplicates.max_cluster": 2, "evaluation.held_out": 0}, repeated), tmp_path / "capped")
    assert json.loads((capped / "duplicates/measures.json").read_text())["capped"] > 0


def test_a_test_that_training_nearly_has_is_none(shop: Shop, shop_rows: Rows, tmp_path: Path) -> None:
    """Some of two dozen reviews of as many products are held out; each is the one before with a word more."""
    words = MORE.split()
    grown = [" ".join([LONG, *words[:count]]) for count in range(len(words))]
    reviews = [*shop_rows["reviews"], *(review(f"X{number}", text) for number, text in enumerate(grown))]
    for near in ("verified", "off"):
        folder = run(shop({"evaluation.held_out": 0.3, "duplicates.near": near}, {"reviews": reviews}), tmp_path / near)
        rows = [
            (link["fate"], row["text"])
            for name in sorted(path.name for path in (folder / "links/shards").iterdir())
            for link, row in zip(
                pq.read_table(folder / "links/shards" / name).to_pylist(),
                pq.read_table(folder / "documents/shards" / name).to_pylist(),
                strict=True,
            )
        ]
        tests = [text for fate, text in rows if fate == "held_out" and LONG in text]
        assert bool(tests) == (near == "off")


def test_bytes_do_not_depend_on_workers_or_the_way_there(
    shop: Shop, repeated: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomct.duplicates.find._SLICE", 3)
    monkeypatch.setattr("ecomct.duplicates.find._TEXT", 400)
    monkeypatch.setattr("ecomct.duplicates.find._WORTH_WORKERS", 1)
    recipe = shop({}, repeated)
    folder = run(recipe, tmp_path / "one")
    assert digests(folder) == digests(run(recipe, tmp_path / "two", workers=2))
    monkeypatch.undo()
    assert digests(folder) == digests(run(recipe, tmp_path / "whole"))
    run(recipe, tmp_path / "one", "pack")
    # What repeated a row of the forgotten product repeats it no more.
    forget(recipe, ["P001"], tmp_path / "one", 1)
    assert digests(folder) == digests(run(recipe, tmp_path / "scratch"))

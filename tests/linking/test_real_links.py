"""Homes and groups on real tables: dialogues of several places, and gift cards with nothing but titles and reviews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe


def linked(folder: Path, sources: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Measures and links of all rows after `link`."""
    recipe = {
        "name": "real",
        "sources": sources,
        "tokenizer": {"train_vocab": 400},
        "model": {"config": {"model_type": "bloom"}},
        "training": {"arms": ["domain-separate"]},
    }
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    run = run_recipe(load_recipe(folder / "recipe.yaml"), folder / "runs", "link", workers=1).folder
    shards = sorted((run / "links/shards").glob("*.parquet"))
    return json.loads((run / "links/measures.json").read_text()), [row for s in shards for row in pq.read_table(s).to_pylist()]


def test_dialogues_and_articles_find_the_best_homes(shared: Path, tmp_path: Path) -> None:
    travel, pqa = shared / "data/catalogue/zh_travel", shared / "data/catalogue/en_amazon_pqa"

    def belongs(path: str, kind: str, field: str, to: str) -> dict[str, Any]:
        return {"path": path, "kind": kind, "fields": {"text": "text"}, "references": [{"field": field, "to": to}]}

    measures, links = linked(
        tmp_path,
        {
            "places": {"path": f"{travel}/entities.jsonl", "kind": "title", "primary_key": "name", "fields": {"title": "name"}},
            "dialogues": belongs(f"{travel}/dialogues_*.jsonl", "dialogue", "entities", "places"),
            "titles": {"path": f"{pqa}/products.jsonl", "kind": "title", "primary_key": "asin", "fields": {"title": "title"}},
            "articles": belongs(f"{pqa}/articles.jsonl", "article", "asins", "titles"),
        },
    )
    dialogues, articles = measures["homes"]["dialogues"], measures["homes"]["articles"]
    assert (dialogues["method"], dialogues["ratio"], articles["ratio"]) == ("exact", 1.0, 1.0)
    assert dialogues["first_named"] < 0.6 * dialogues["covered"]
    assert 0.95 * dialogues["covered"] < dialogues["streaming"] <= dialogues["covered"]
    homes = [row["home"] for row in links if row["row"] >> 52 == 1 and row["fate"] == "train"]
    assert len(set(homes)) >= dialogues["covered"]


def test_cards_bought_together_are_read_together(shared: Path, tmp_path: Path) -> None:
    cards = shared / "data/catalogue/en_giftcards"
    also = [{"field": field, "to": "titles"} for field in ("also_buy", "also_view")]
    found = {}
    for name, related in (("alone", []), ("joined", also)):
        titles = {"path": f"{cards}/products.jsonl", "adapter": "amazon-2018", "kind": "title", "related": related}
        reviews = {"path": f"{cards}/reviews.jsonl", "adapter": "amazon-2018", "kind": "review", "references": [{"to": "titles"}]}
        found[name] = linked(tmp_path / name, {"titles": titles, "reviews": reviews})
    assert found["alone"][0]["joined_products"]["rows"] == 0
    measures, links = found["joined"]
    mixed = {name: _rows_with_another_source(rows) for name, (_, rows) in found.items()}
    assert mixed["joined"] - mixed["alone"] == measures["joined_products"]["rows"] + sum(measures["groups"]["rows"].values())
    assert mixed["joined"] - mixed["alone"] > 300
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in links:
        if row["fate"] == "train" and row["home"] != row["product"]:
            groups.setdefault(row["home"], []).append(row)
    assert groups
    assert max(len(rows) for rows in groups.values()) <= 16
    assert min(len({row["row"] >> 52 for row in rows}) for rows in groups.values()) == 2


def _rows_with_another_source(links: list[dict[str, Any]]) -> int:
    """Training rows whose home has rows of two sources."""
    rows = [(row["home"], row["row"] >> 52) for row in links if row["fate"] == "train" and row["keyed"]]
    home, source = np.array([home for home, _ in rows], dtype=np.uint64), np.array([source for _, source in rows])
    mixed = np.intersect1d(home[source == 0], home[source == 1])
    return int(np.isin(home, mixed).sum())

"""A shop with leaks of two benchmarks in its tables, one of each form that a leak comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe

LONG = (
    "The mill at the lower lock was rebuilt after the flood of 1842, and for forty years it ground the corn of seven parishes. "
    "When the canal closed, the last miller planted apple trees along the empty towpath, and sold cider to the walkers."
)
STORY = (
    "云溪镇位于两条河的交汇处,自古以来就是盐商往来的码头。镇上有三座石桥,其中最老的一座建于明代中叶。"
    "每年秋天,附近的村民会把晒好的柿饼和茶叶运到这里,再换回布匹与铁器。铁路通车以后,码头渐渐冷清。"
)
SHORT = "这款水壶的壶嘴设计得太短了"
ITEMS: list[dict[str, Any]] = [
    {"sentence": LONG, "id": "P003"},  # the number of a record, though it looks like a product's key
    {"sentence": STORY},
    {"sentence": SHORT, "label": "bad"},
    {"product_title": "红色 茶壶 1"},  # P001
    {"product": "P004", "question": "Which one?"},
    {"sentence": "Nothing in the shop is like this sentence about comets."},
    {"sentence": "good quality"},
]
# By product: the title of P001, the key of P004.
LEAKING_PRODUCTS = {"products/P001", "products/P004"}


@pytest.fixture(scope="session")
def leaky(shop_at: Callable[..., Path], shop_rows: dict[str, list[dict[str, Any]]]) -> Callable[..., Path]:
    """`leaky(folder, settings)`: write the shop with its leaks; the recipe. Planted rows have texts with a mark in `LEAKS`."""

    def write(home: Path, settings: dict[str, Any] | None = None, **tables: Any) -> Path:
        home.mkdir(parents=True, exist_ok=True)
        (home / "bench.jsonl").write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in ITEMS), encoding="utf-8")
        reviews = [
            *shop_rows["reviews"],
            {"product": "P005", "text": SHORT, "stars": 4.0},  # verbatim
            {"product": "P007", "text": f"发货很快。{SHORT[:6]}、{SHORT[6:]}!", "stars": 4.0},  # a sentence of it
            {"product": "P009", "text": "good quality", "stars": 5.0},  # no leak
            {"product": "P011", "text": SHORT.replace("短", "长"), "stars": 5.0},  # no leak: a character differs
        ]
        articles = [
            *shop_rows["articles"],
            {
                "products": ["P006"],
                "title": "Along the canal",
                "text": "".join(f"Kettle {n} boils in {n + 3} minutes. " for n in range(60)) + LONG.upper() + " So it was.",
            },
            {"products": ["P008"], "title": "Half", "text": f"Heard: {LONG[:120]} They never said more."},
        ]
        general = [*shop_rows["general_zh"], {"text": "\n".join(reversed(STORY.split("。")))}]
        planted = {"reviews": reviews, "articles": articles, "general_zh": general} | tables
        key = {"sources.products.primary_key": "id", "decontamination.benchmarks.planted": {"path": "bench.jsonl"}}
        return shop_at(home, key | {"buckets": 5} | (settings or {}), planted)

    return write


# Places of the planted rows that hold an item by their text.
LEAKS = {
    ("reviews.jsonl", 91): "planted bench.jsonl:3",
    ("reviews.jsonl", 92): "planted bench.jsonl:3",
    ("articles.jsonl", 11): "planted bench.jsonl:1",
    ("articles.jsonl", 12): "planted bench.jsonl:1",
    ("general_zh.jsonl", 26): "planted bench.jsonl:2",
}


@pytest.fixture(scope="session")
def planted() -> dict[tuple[str, int], str]:
    """Place of each planted row -> the item that it holds."""
    return LEAKS


@pytest.fixture(scope="session")
def screened(leaky: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the leaky shop, packed; its recipe is `shop/recipe.yaml` two folders up."""
    home = tmp_path_factory.mktemp("screened")
    return run_recipe(load_recipe(leaky(home / "shop")), home / "runs", "pack").folder


@pytest.fixture(scope="session")
def leaking_products() -> set[str]:
    """Products that an item names."""
    return LEAKING_PRODUCTS

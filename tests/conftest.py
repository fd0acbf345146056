"""Fixtures of the whole suite: where real data is, and a tiny linked shop that runs in seconds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

Rows = list[dict[str, Any]]

_PRODUCTS = 30
_THINGS = [
    ("teapot", "茶壶"),
    ("lamp", "台灯"),
    ("backpack", "背包"),
    ("kettle", "水壶"),
    ("blanket", "毛毯"),
    ("notebook", "笔记本"),
]
_COLORS = [("red", "红色"), ("green", "绿色"), ("blue", "蓝色"), ("grey", "灰色"), ("white", "白色")]
_PRAISE = [
    ("The {color} {thing} arrived early and feels solid.", "{color}的{thing}到得很快,做工扎实。"),
    (
        "I use this {thing} every morning; the {color} looks better than in the picture.",
        "每天早上都用这款{thing},{color}比图片好看。",
    ),
    ("A bit small, but a {color} {thing} at this price is fair.", "稍微有点小,不过这个价格的{color}{thing}很划算。"),
]
_ASKED = [
    ("Is the {thing} really {color}?", "Yes, it is {color} all over.", "这款{thing}真的是{color}吗?", "是的,整体都是{color}。"),
    ("How heavy is the {thing}?", "About {weight} grams.", "{thing}有多重?", "大约{weight}克。"),
]
_TOPICS = [
    ("river", "河流"),
    ("railway", "铁路"),
    ("harvest", "收成"),
    ("library", "图书馆"),
    ("bridge", "桥梁"),
    ("market", "市场"),
]


def shop_tables() -> dict[str, Rows]:
    """The rows of the tiny shop: 30 products, 240 rows in all, no two equal texts, the same on every call.

    Products `P000` ... `P029` are English where the number is even and Chinese where it is odd.
    products(id, title, color, weight); reviews(product, text, stars), 3 a product; qa(product, question,
    answer), 2 a product; articles(products: a list of 2 to 4 ids, title, text); general_en(text), general_zh(text).
    """
    products, reviews, qa, articles = [], [], [], []
    for number in range(_PRODUCTS):
        zh, key = number % 2, f"P{number:03d}"
        thing, color = _THINGS[number // 2 % len(_THINGS)][zh], _COLORS[number // 3 % len(_COLORS)][zh]
        words = {"thing": f"{thing} {number}", "color": color, "weight": 200 + 37 * number}
        products.append({"id": key, "title": f"{color} {words['thing']}", "color": color, "weight": words["weight"]})
        reviews += [
            {"product": key, "text": praise[zh].format(**words), "stars": float(3 + index)}
            for index, praise in enumerate(_PRAISE)
        ]
        for asked in _ASKED:
            question, answer = (text.format(**words) for text in asked[2 * zh : 2 * zh + 2])
            qa.append({"product": key, "question": question, "answer": answer})
    for number in range(10):
        zh, keys = number % 2, [f"P{(3 * number + 2 * step + number % 2) % _PRODUCTS:03d}" for step in range(2 + number % 3)]
        title = (f"Buying guide {number}", f"选购指南{number}")[zh]
        text = ("Compare {0} before you decide: price, colour and weight differ. ", "购买前请比较{0}:价格、颜色和重量都不同。")[
            zh
        ]
        articles.append({"products": keys, "title": title, "text": "".join(text.format(key) for key in keys)})
    general = {}
    for zh, name in enumerate(("general_en", "general_zh")):
        text = (
            "In the year {0} the {1} of the town was rebuilt, {2} people took part. ",
            "{0}年,镇上的{1}得到重建,共有{2}人参加。",
        )[zh]
        general[name] = [
            {"text": "".join(text.format(1900 + n, _TOPICS[(n + step) % 6][zh], 11 * n + step) for step in range(16))}
            for n in range(25)
        ]
    return {"products": products, "reviews": reviews, "qa": qa, "articles": articles, **general}


def shop_recipe() -> dict[str, Any]:
    """The recipe of the tiny shop as the mapping that its YAML file holds."""
    belongs = {"references": [{"field": "product", "to": "products"}]}
    return {
        "name": "shop",
        "sources": {
            "products": {"path": "products.jsonl", "kind": "title", "primary_key": "id", "fields": {"title": "title"}},
            "facts": {
                "path": "products.jsonl",
                "kind": "attributes",
                "fields": {"columns": ["color", "weight"]},
                "references": [{"field": "id", "to": "products"}],
            },
            "reviews": {"path": "reviews.jsonl", "kind": "review", "fields": {"text": "text", "rating": "stars"}, **belongs},
            "qa": {"path": "qa.jsonl", "kind": "qa", "fields": {"question": "question", "answer": "answer"}, **belongs},
            "articles": {
                "path": "articles.jsonl",
                "kind": "article",
                "fields": {"title": "title", "text": "text"},
                "references": [{"field": "products", "to": "products"}],
            },
            "general_en": {
                "path": "general_en.jsonl",
                "kind": "web",
                "role": "general",
                "language": "en",
                "fields": {"text": "text"},
            },
            "general_zh": {
                "path": "general_zh.jsonl",
                "kind": "web",
                "role": "general",
                "language": "zh",
                "fields": {"text": "text"},
            },
        },
        "tokenizer": {"train_vocab": 400},
        "sequences": {"length": 128},
        "model": {"config": {"model_type": "bloom", "hidden_size": 32, "n_layer": 1, "n_head": 2}},
        "training": {"max_steps": 3, "batch_size": 4, "learning_rate": 1.0e-3, "threads": 1},
        "evaluation": {"held_out": 0.1, "max_documents": 5},
    }


@pytest.fixture
def shared() -> Path:
    """Folder of the real data (environment variable ECOMCT_SHARED); the test is skipped where it is not set."""
    folder = os.environ.get("ECOMCT_SHARED")
    if not folder:
        pytest.skip("ECOMCT_SHARED is not set: real data is not here")
    return Path(folder)


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes the tiny shop to `tmp_path/shop` and returns the path of its recipe.yaml.

    shop()                                              the shop as it is
    shop({"mixing.max_rows": 4, "sources.qa": None})    settings by dotted path; None removes one
    shop(tables={"reviews": [{...}, ...]})              other rows for a table
    shop(tables={"qa": b'{"torn'})                      a file's bytes as they are
    shop(tables={"qa": None})                           no file
    shop(folder="other")                                a second shop beside the first

    Tables are `shop_tables()`, each written to `<table>.jsonl` beside the recipe (`facts` reads
    products.jsonl too). `ecomct run recipe.yaml --until pack --workers 1` takes under three seconds.
    """

    def write(overrides: dict[str, Any] | None = None, tables: dict[str, Any] | None = None, folder: str = "shop") -> Path:
        return write_shop(tmp_path / folder, overrides, tables)

    return write


@pytest.fixture(scope="session")
def shop_at() -> Callable[..., Path]:
    """`write_shop`, for a shop that several tests share."""
    return write_shop


@pytest.fixture(scope="session")
def shop_rows() -> dict[str, Rows]:
    """The rows of the tiny shop by table."""
    return shop_tables()


def write_shop(home: Path, overrides: dict[str, Any] | None = None, tables: dict[str, Any] | None = None) -> Path:
    """Write the tiny shop to a folder as the fixture `shop` does; return the path of its recipe.yaml."""
    home.mkdir(exist_ok=True)
    recipe = shop_recipe()
    for path, value in (overrides or {}).items():
        _set(recipe, path.split("."), value)
    for name, rows in {**shop_tables(), **(tables or {})}.items():
        if rows is not None:
            data = rows if isinstance(rows, bytes) else "".join(_lines(rows)).encode()
            (home / f"{name}.jsonl").write_bytes(data)
    (home / "recipe.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return home / "recipe.yaml"


def _lines(rows: Rows) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _set(part: dict[str, Any], path: list[str], value: Any) -> None:
    """Set the setting at `path`, making the parts on the way; None removes it."""
    for key in path[:-1]:
        part = part.setdefault(key, {})
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value

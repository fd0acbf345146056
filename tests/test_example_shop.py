"""The data of examples/shop is what its generator writes and what DIRT.json says about it."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecomct.recipe.model import Recipe

SHOP = Path(__file__).parent.parent / "examples" / "shop"
DATA = SHOP / "data"
WRITTEN = ("data", "tasks", "instructions")
DIRT: dict[str, Any] = json.loads((DATA / "DIRT.json").read_text(encoding="utf-8"))
PLACEHOLDERS = {"null", "暂无", "N/A", "见详情", "see description", "none", ""}
DEFAULTS = {
    "此用户没有填写评价。",
    "系统默认好评",
    "此用户未填写评价内容",
    "评价方未及时做出评价,系统默认好评!",
    "The buyer left no comment.",
    "Rated automatically after 30 days.",
}
TEXT = {
    "qinghe/products.jsonl": "name",
    "qinghe/attributes.csv": "value",
    "qinghe/descriptions.jsonl": "body",
    "qinghe/reviews.jsonl.gz": "content",
    "qinghe/qa.jsonl": "answer",
    "qinghe/articles.jsonl": "body",
    "harbor/meta_harbor.jsonl": "title",
    "harbor/reviews_harbor.jsonl": "text",
    "harbor/qa.tsv": "answer",
    "harbor/guides.jsonl": "text",
    "general/general_zh.jsonl.gz": "content",
    "general/general_en.jsonl.gz": "content",
}
CONTACT = re.compile(r"138-?0000-?\d{4}|202-555-01\d\d|@example\.com|订单号\d{8}|order number is \d")
TEXT_FAULTS: dict[str, Callable[[str], bool]] = {
    "placeholders": lambda text: text in PLACEHOLDERS,
    "default_reviews": lambda text: text in DEFAULTS,
    "emoji": lambda text: re.search(r"[\U0001f300-\U0001faff]", text) is not None,
    "urls": lambda text: "https://" in text,
    "personal_data": lambda text: CONTACT.search(text) is not None,
    "whitespace_runs": lambda text: re.search(r"\s{8,}", text) is not None,
    "full_width": lambda text: re.search(r"[Ａ-Ｚａ-ｚ０-９]", text) is not None,
    "html_entities": lambda text: "&nbsp;" in text,
}


@cache
def lines(name: str) -> list[bytes]:
    """Return the lines of a file, without the header of a table."""
    data = (DATA / name).read_bytes()
    found = (gzip.decompress(data) if name.endswith(".gz") else data).removesuffix(b"\n").split(b"\n")
    return found[1:] if name.endswith((".csv", ".tsv")) else found


def decoded(line: bytes) -> str | None:
    """Decode as the recipe says: UTF-8, else GB18030."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


@cache
def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows that can be read."""
    texts = [text for line in lines(name) if (text := decoded(line)) is not None]
    if name.endswith((".csv", ".tsv")):
        delimiter = "," if name.endswith(".csv") else "\t"
        columns = (DATA / name).read_text(encoding="utf-8").split("\n", 1)[0].split(delimiter)
        records = csv.reader(texts, delimiter=delimiter)
        return [dict(zip(columns, record, strict=True)) for record in records if len(record) == len(columns)]
    found = []
    for text in texts:
        try:
            found.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return found


def key(name: str, row: dict[str, Any]) -> str:
    return str(row["item_id"] if name.startswith("qinghe") else row["parent_asin"])


def named_by(row: dict[str, Any]) -> list[str]:
    """Return the products that an article, or any other row, refers to."""
    if "item_ids" in row or "asins" in row:
        return [str(item) for item in row.get("item_ids") or row["asins"]]
    return [str(row["item_id"] if "item_id" in row else row["parent_asin"])]


def catalogue(name: str) -> set[str]:
    titles = "qinghe/products.jsonl" if name.startswith("qinghe") else "harbor/meta_harbor.jsonl"
    return {key(titles, row) for row in rows(titles)}


def faults(name: str) -> dict[str, int]:
    """Count every kind of fault in a file anew."""
    found: Counter[str] = Counter(lines=len(lines(name)) + name.endswith((".csv", ".tsv")))
    texts = [row[TEXT[name]] for row in rows(name)]
    for kind, test in TEXT_FAULTS.items():
        found[kind] = sum(map(test, texts))
    found["undecodable_lines"] = sum(decoded(line) is None for line in lines(name))
    found["gb18030_lines"] = sum(not _utf8(line) and decoded(line) is not None for line in lines(name))
    unread = len(lines(name)) - len(rows(name)) - found["undecodable_lines"]
    found["wrong_field_count" if name.endswith((".csv", ".tsv")) else "malformed_lines"] = unread
    repeated = sum(amount - 1 for line, amount in Counter(lines(name)).items())
    stock = {
        answer
        for answer, amount in Counter(texts).items()
        if re.search(r"亲|祝|店铺首页，以结算|Harbor & Pine!|care team", answer)
    }
    if "/qa" in name:
        found["boilerplate_answers"] = sum(text in stock for text in texts)
        repeated -= sum(
            amount - 1 for line, amount in Counter(lines(name)).items() if any(s in (decoded(line) or "") for s in stock)
        )
    found["exact_repeats"] = repeated
    if name == "harbor/meta_harbor.jsonl":
        found["html"] = sum(any("<" in part for part in row["description"]) for row in rows(name))
        found["placeholder_descriptions"] = sum(
            row["description"][:1] != [] and row["description"][0] in PLACEHOLDERS for row in rows(name)
        )
        found["placeholder_details"] = sum(any(value in PLACEHOLDERS for value in row["details"].values()) for row in rows(name))
    elif name in ("qinghe/descriptions.jsonl", "harbor/reviews_harbor.jsonl"):
        found["html"] = sum("<p>" in text or "<br />" in text for text in texts)
    if name.startswith("general") or name in ("qinghe/products.jsonl", "harbor/meta_harbor.jsonl"):
        return {kind: amount for kind, amount in found.items() if amount}
    known = catalogue(name)
    if name.endswith(("articles.jsonl", "guides.jsonl")):
        listed = [set(named_by(row)) for row in rows(name)]
        found["unknown_ids"] = sum(bool(items - known) for items in listed)
    else:
        found["dangling"] = sum(key(name, row) not in known for row in rows(name))
    if "reviews" in name:
        found["crowded_products"] = sum(amount > 60 for amount in Counter(key(name, row) for row in rows(name)).values())
    return {kind: amount for kind, amount in found.items() if amount}


def _utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_generator_writes_the_committed_files(tmp_path: Path) -> None:
    command = [sys.executable, str(SHOP / "generate.py"), "--output", str(tmp_path), "--seed", str(DIRT["seed"])]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "1", "LC_ALL": "C"})
    committed = sorted(path.relative_to(SHOP) for folder in WRITTEN for path in (SHOP / folder).rglob("*.*") if path.is_file())
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*") if path.is_file())
    assert written == committed
    for path in committed:
        expected, got = (SHOP / path).read_bytes(), (tmp_path / path).read_bytes()
        if path.suffix == ".gz":
            # Header without time and name; the compressed bytes depend on the zlib at hand.
            assert got[:10] == expected[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
            expected, got = gzip.decompress(expected), gzip.decompress(got)
        assert got == expected, path


def test_another_seed_gives_other_shops_of_the_same_size(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(SHOP / "generate.py"), "--output", str(tmp_path), "--seed", "18"], check=True)
    name = "data/qinghe/products.jsonl"
    assert (tmp_path / name).read_bytes() != (SHOP / name).read_bytes()
    assert (tmp_path / name).read_bytes().count(b"\n") == (SHOP / name).read_bytes().count(b"\n")


@pytest.mark.parametrize("name", sorted(TEXT))
def test_dirt_is_counted_right(name: str) -> None:
    assert faults(name) == DIRT["files"][name]


def test_every_file_is_accounted_for_and_small() -> None:
    found = {path.relative_to(DATA).as_posix(): path.stat().st_size for path in DATA.rglob("*.*") if path.is_file()}
    assert set(found) == {*TEXT, "DIRT.json"}
    assert max(found.values()) < 900_000
    assert sum(path.stat().st_size for folder in WRITTEN for path in (SHOP / folder).rglob("*.*")) < 4_000_000


def test_sizes_are_those_of_a_shop() -> None:
    products = len(rows("qinghe/products.jsonl")) + len(rows("harbor/meta_harbor.jsonl"))
    assert products >= 360
    amounts = {name: sum(len(str(row[TEXT[name]]).encode()) for row in rows(name)) for name in TEXT}
    assert 500_000 < amounts["general/general_zh.jsonl.gz"] < 700_000
    assert 900_000 < amounts["general/general_en.jsonl.gz"] < 1_200_000
    assert len({row["category"] for row in rows("qinghe/products.jsonl")}) == 10
    assert len({row["categories"][1] for row in rows("harbor/meta_harbor.jsonl")}) == 10


@pytest.mark.parametrize("shop", ["qinghe", "harbor"])
def test_some_products_have_nothing_but_a_title(shop: str) -> None:
    referring = [name for name in TEXT if name.startswith(shop) and "products" not in name and "meta" not in name]
    named: set[str] = set()
    for name in referring:
        for row in rows(name):
            named.update(named_by(row))
    bare = catalogue(shop) - named
    assert len(bare) == DIRT["products_without_rows"]
    for row in rows("harbor/meta_harbor.jsonl"):
        assert (row["parent_asin"] in bare) == (not row["features"]) or shop == "qinghe"


@pytest.mark.parametrize("name", ["qinghe/articles.jsonl", "harbor/guides.jsonl"])
def test_articles_name_two_to_five_products(name: str) -> None:
    known = catalogue(name)
    for row in rows(name):
        listed = named_by(row)
        assert 2 <= len([item for item in listed if item in known]) <= 5
        assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("qinghe/reviews.jsonl.gz", 1800),
        ("harbor/reviews_harbor.jsonl", 2200),
        ("general/general_zh.jsonl.gz", 3500),
        ("general/general_en.jsonl.gz", 5500),
    ],
)
def test_texts_vary(name: str, least: int) -> None:
    texts = [row[TEXT[name]] for row in rows(name)]
    written = [text for text in texts if text not in PLACEHOLDERS and text not in DEFAULTS]
    assert len(written) - len(set(written)) <= DIRT["files"][name]["exact_repeats"]
    assert len(set(written)) / len(written) > 0.9
    sentences = {part.strip() for text in written for part in re.split(r"[。！？\n]|(?<=[.!?])\s", text) if len(part.strip()) > 4}
    assert len(sentences) > least


def test_attributes_agree_with_texts() -> None:
    """Answers about material and origin say what the table says (rows with planted faults aside)."""
    table: dict[str, dict[str, str]] = {}
    for row in rows("qinghe/attributes.csv"):
        table.setdefault(row["item_id"], {})[row["attribute"]] = row["value"]
    checked = 0
    for row in rows("qinghe/qa.jsonl"):
        own = table.get(str(row["item_id"]), {})
        for words, name in (("什么材质", "材质"), ("型号是多少", "型号"), ("产地是哪里", "产地")):
            value = own.get(name, "")
            if words in row["question"] and value not in PLACEHOLDERS and not re.search(r"[Ａ-Ｚａ-ｚ０-９]", value):
                assert value in row["answer"], row
                checked += 1
    assert checked > 60


def task_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "test.json").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("folder", sorted((SHOP / "tasks").iterdir()), ids=lambda folder: folder.name)
def test_tasks_have_the_form_of_ecominstruct(folder: Path) -> None:
    meta = json.loads((folder / "meta-info.json").read_text(encoding="utf-8"))
    assert meta["task"] == folder.name
    assert "{sentences}" in meta["test_prompt"]["instruction"]
    assert meta["label_key"] in meta["label_set"]
    found = task_rows(folder)
    assert len(found) == 120
    assert len({row["sentences"] for row in found}) == 120
    for row in found:
        for span in row.get("spans", []):
            text = row["sentences"] if row["label_set"] != [""] else span["term"]
            assert text[span["start"] : span["end"]] == span["term"]
            assert "type" not in span or span["type"] in row["label_set"]
        if "labels" in row:
            assert row["labels"]["en"][0] in meta["label_set"]["en"]
            at = meta["label_set"]["en"].index(row["labels"]["en"][0])
            assert row["labels"]["zh"] == [meta["label_set"]["zh"][at]]


def test_matching_task_is_balanced_and_solvable() -> None:
    found = task_rows(SHOP / "tasks" / "ZH-Shop-CLS-title_attribute_matching")
    assert Counter(row["labels"]["en"][0] for row in found) == {"match": 66, "not match": 54}
    for row in found:
        title, pairs = row["sentences"].removeprefix("Title: ").split(", Attribute: ")
        values = [pair.split("#:#")[1] for pair in pairs.split("#;#")]
        if row["labels"]["en"] == ["match"]:
            assert sum(value in title for value in values) >= 3


def test_tasks_do_not_leak_into_the_catalogue() -> None:
    shown = "\n".join(json.dumps(row, ensure_ascii=False) for name in TEXT if name.startswith("qinghe") for row in rows(name))
    for folder in sorted((SHOP / "tasks").iterdir()):
        for row in task_rows(folder):
            terms = [span["term"] for span in row.get("spans", []) if "type" not in span]
            if "labels" in row:
                terms.append(row["sentences"].removeprefix("Title: ").split(", Attribute: ")[0])
            assert all(term not in shown for term in terms)
            brands = [span["term"] for span in row.get("spans", []) if span.get("type") == "品牌"]
            assert all(brand not in shown for brand in brands)


def test_recipe_is_valid_and_finds_its_files() -> None:
    recipe = Recipe.model_validate(yaml.safe_load((SHOP / "recipe.yaml").read_text(encoding="utf-8")))
    used = {
        path for source in recipe.sources.values() for path in ([source.path] if isinstance(source.path, str) else source.path)
    }
    assert used == {f"data/{name}" for name in TEXT}
    for source in recipe.sources.values():
        assert all(reference.to in recipe.sources for reference in source.references)
    for task in recipe.evaluation.tasks.values():
        assert (SHOP / task.path / "test.json").is_file()

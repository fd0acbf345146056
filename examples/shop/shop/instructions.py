"""Instruction sets for tuning, about products that neither the catalogue nor the benchmark tasks have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import counts, tasks
from .draw import Draw
from .files import json_line, write_document, write_lines
from .products import Product, build, read_once

TITLES = "EN-Shop-Generate-title_writing"


def write(folder: Path, seed: int) -> None:
    """Write a task folder to learn from, JSON lines of prompts and of conversations, and a held-out task folder."""
    chinese = _products("zh", "TX", seed)
    english = _products("en", "TY", seed)
    half = counts.INSTRUCTIONS
    _write_task(
        folder / tasks.EXTRACT,
        tasks.extract_meta(),
        "train.json",
        tasks.extract(chinese[:half], Draw(seed, "instructions/extract")),
    )
    write_lines(folder / "departments_en.jsonl", map(json_line, map(_department, english[:half])))
    write_lines(folder / "conversations.jsonl", map(json_line, _conversations(chinese[half:], english[half : half + half // 2])))
    rows = [_title(product) for product in english[half + half // 2 :]]
    _write_task(folder / TITLES, _title_meta(), "test.json", rows)


def _products(language: str, prefix: str, seed: int) -> list[Product]:
    brands = [value[0] for value in read_once(f"{language}/brands.txt")[-1].facts[0].values]
    keys = [str(number) for number in range(2 * counts.INSTRUCTIONS)]
    return Draw(seed, f"instructions/order {language}").shuffled(
        build(language, brands, keys, prefix, Draw(seed, f"instructions/products {language}"))
    )


def _write_task(folder: Path, meta: dict[str, Any], name: str, rows: Sequence[dict[str, Any]]) -> None:
    write_document(folder / "meta-info.json", meta)
    write_lines(folder / name, map(json_line, rows))


def _department(product: Product) -> dict[str, str]:
    """Which department a product belongs to."""
    prompt = f"Title: {product.title}\nWhich department of the shop sells this?\n### Response:"
    return {"prompt": prompt, "completion": product.category}


def _conversations(chinese: Sequence[Product], english: Sequence[Product]) -> list[dict[str, Any]]:
    """A shop's assistant answers two questions about one product, from its attributes."""
    found = []
    for product in (*chinese, *english):
        names = [name for name in product.attributes if name not in ("型号", "Model")][:2]
        if product.language == "zh":
            system, ask, say = f"商品：{product.title}", "这款的{}是什么？", "{}是{}。"
        else:
            system, ask, say = f"Product: {product.title}", "What is the {} of this one?", "The {} is {}."
        messages = [{"role": "system", "content": system}]
        for name in names:
            shown = name.lower() if product.language == "en" else name
            messages.append({"role": "user", "content": ask.format(shown)})
            messages.append({"role": "assistant", "content": say.format(shown, product.attributes[name])})
        found.append({"messages": messages})
    return found


def _title_meta() -> dict[str, Any]:
    wording = "### Instruction:\n{sentences}\nWrite a shop title for the product with these attributes.\n### Response:"
    return tasks.meta(TITLES, "product title writing", {"en": []}, wording)


def _title(product: Product) -> dict[str, Any]:
    attributes = {name: value for name, value in product.attributes.items() if name != "Model"}
    attributes["Goods"] = product.kind
    span = {"term": product.title, "start": 0, "end": len(product.title)}
    return {"sentences": tasks.pairs(attributes), "label_set": [""], "spans": [span]}

"""Benchmark tasks in EcomInstruct form, about products that the catalogue does not have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import counts
from .draw import Draw
from .files import json_line, write_document, write_lines
from .grammar import expand
from .notation import facts_of
from .products import Product, build, read_once

LABELS = ["品牌", "材质", "容量", "颜色", "尺寸", "功率", "产地", "重量"]
EXTRACT = "ZH-Shop-NER-attribute_value_extraction"
MATCH = "ZH-Shop-CLS-title_attribute_matching"
TITLE = "ZH-Shop-Generate-title_generate"
MISMATCHED = 54  # of the rows of MATCH; the rest match


def write(folder: Path, seed: int) -> None:
    """Write the three task folders."""
    brands = [value[0] for value in read_once("zh/brands.txt")[1].facts[0].values]
    keys = [str(number) for number in range(3 * counts.TASK_ROWS)]
    products = Draw(seed, "tasks/order").shuffled(build("zh", brands, keys, "BX", Draw(seed, "tasks/products")))
    thirds = [products[at::3] for at in range(3)]
    _write(folder / EXTRACT, extract_meta(), extract(thirds[0], Draw(seed, "tasks/extract")))
    _write(folder / MATCH, _match_meta(), _match(thirds[1], Draw(seed, "tasks/match")))
    _write(folder / TITLE, _title_meta(), [_title(product) for product in thirds[2]])


def _write(folder: Path, meta: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    write_document(folder / "meta-info.json", meta)
    write_lines(folder / "test.json", map(json_line, rows))


def meta(task: str, defi: str, labels: dict[str, list[str]], instruction: str) -> dict[str, Any]:
    """Return what meta-info.json says of a task."""
    return {
        "task": task,
        "defi": defi,
        "version": "1",
        "label_set": labels,
        "label_key": next(iter(labels)),
        "label_sep": ", ",
        "test_prompt": {"instruction": instruction},
    }


def extract_meta() -> dict[str, Any]:
    """Return meta-info.json of the extraction task."""
    wording = (
        "### Instruction:\n{sentences}\nList every attribute value in the text above together with its attribute name, "
        "taking the names from: {label_set}.\n### Response:"
    )
    return meta(EXTRACT, "attribute value extraction", {"cn": LABELS}, wording)


def _match_meta() -> dict[str, Any]:
    wording = (
        "### Instruction:\n{sentences}\nDo the attributes belong to the product with this title? "
        "Answer with one of: {label_set}.\n### Response:"
    )
    return meta(MATCH, "title attribute matching", {"en": ["not match", "match"], "zh": ["不匹配", "匹配"]}, wording)


def _title_meta() -> dict[str, Any]:
    wording = "### Instruction:\n{sentences}\nWrite a shop title for the product with these attributes.\n### Response:"
    return meta(TITLE, "product title generation", {"cn": []}, wording)


def extract(products: Sequence[Product], draw: Draw) -> list[dict[str, Any]]:
    """Take titles and description sentences; the spans are the slots that wrote them, so they are exact."""
    rows = []
    for product in products:
        text = ""
        spans: list[dict[str, Any]] = []
        while not spans or "  " in text:
            tag = draw.choice(["T", "T", "T", "D0", "D"])
            pattern, _ = draw.choice(product.lines(tag))
            text, slots = expand(pattern, product.slots, draw)
            text = text.rstrip()
            spans = [
                {"start": start, "end": end, "type": slot, "term": text[start:end]}
                for slot, start, end in slots
                if slot in LABELS
            ]
        rows.append({"sentences": text, "label_set": LABELS, "spans": spans})
    return rows


def pairs(attributes: dict[str, str]) -> str:
    """Return attributes in the notation of EcomInstruct."""
    return "#;#".join(f"{name}#:#{value}" for name, value in attributes.items())


def _match(products: Sequence[Product], draw: Draw) -> list[dict[str, Any]]:
    """Pair titles with their attributes; where they do not match, values that the title shows are exchanged."""
    wrong = {product.key for product in draw.sample(products, MISMATCHED)}
    rows = []
    for product in products:
        attributes = {name: value for name, value in product.attributes.items() if name != "型号"}
        if product.key in wrong:
            attributes |= _other(product, attributes, draw)
        verdict = (["not match"], ["不匹配"]) if product.key in wrong else (["match"], ["匹配"])
        text = f"Title: {product.title}, Attribute: {pairs(attributes)}"
        rows.append({"sentences": text, "labels": {"en": verdict[0], "zh": verdict[1]}})
    return rows


def _other(product: Product, attributes: dict[str, str], draw: Draw) -> dict[str, str]:
    """Return one to three shown attributes with values that the title contradicts."""
    kind, shared, _ = product.sections
    options = {
        key: [value[at] for value in fact.values if value[at] not in product.title]
        for fact in facts_of([shared, kind])
        for at, key in enumerate(fact.keys)
    }
    shown = [name for name, value in attributes.items() if value in product.title and options.get(name)]
    return {name: draw.choice(options[name]) for name in draw.sample(shown, draw.between(1, 3))}


def _title(product: Product) -> dict[str, Any]:
    attributes = {name: value for name, value in product.attributes.items() if name != "型号"}
    attributes["商品名"] = product.kind
    span = {"term": product.title, "start": 0, "end": len(product.title)}
    return {"sentences": pairs(attributes), "label_set": [""], "spans": [span]}

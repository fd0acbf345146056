"""Tables of the English shop in the form of the Amazon Reviews 2023 files, keyed by parent_asin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import articles, counts, pages, people, reviews
from .dirt import PLACEHOLDERS, Row, Soil, broken, scatter
from .draw import Draw
from .files import json_line, table_line, write_lines
from .grammar import english, expand
from .products import Product, build, read_once, shop_lists

SHOP = "Harbor & Pine"
DEFAULTS = ["The buyer left no comment.", "Rated automatically after 30 days."]
Report = dict[str, dict[str, int]]


def catalogue(seed: int) -> list[Product]:
    """Build the products."""
    brands = [value[0] for value in read_once("en/brands.txt")[0].facts[0].values]
    keys = [people.asin(number) for number in range(1, counts.PRODUCTS + 1)]
    return build("en", brands, keys, "HP", Draw(seed, "harbor/products"))


def write(folder: Path, products: Sequence[Product], seed: int) -> Report:
    """Write the tables; return the faults planted in each."""
    shown = list(products[: -counts.WITHOUT_ROWS])
    return {
        "meta_harbor.jsonl": _meta(folder, products, Draw(seed, "harbor/meta")),
        "reviews_harbor.jsonl": _reviews(folder, shown, Draw(seed, "harbor/reviews")),
        "qa.tsv": _questions(folder, shown, Draw(seed, "harbor/qa")),
        "guides.jsonl": _guides(folder, shown, Draw(seed, "harbor/guides")),
    }


def _meta(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    full = len(products) - counts.WITHOUT_ROWS
    for place, product in enumerate(products):
        bare = place >= full
        details = {name: value[:1].upper() + value[1:] for name, value in product.attributes.items()}
        rows.append(
            {
                "parent_asin": product.key,
                "title": product.title,
                "features": [] if bare else pages.features(product, draw),
                "description": [] if bare else pages.paragraphs(product, draw),
                "details": {} if bare else details,
                "price": float(product.slots["price"].lstrip("$")),
                "store": SHOP,
                "categories": ["Home & Living", product.category, product.kind],
            }
        )
    soil = Soil(rows[:full], "title", "en", draw)
    soil.common(entities=5, space=3)
    for row in soil.take(24):
        first, *rest = row["description"]
        row["description"] = [f"<b>{first}</b><br /><br />", *(f"<p>{text}</p>" for text in rest)]
    soil.counts["html"] = 24
    for number, row in enumerate(soil.take(6)):
        row["description"] = [PLACEHOLDERS["en"][number % 5]]
    soil.counts["placeholder_descriptions"] = 6
    for number, row in enumerate(soil.take(10)):
        name = draw.choice([name for name in row["details"] if name not in ("Brand", "Model")])
        row["details"][name] = PLACEHOLDERS["en"][number % 5]
    soil.counts["placeholder_details"] = 10
    write_lines(folder / "meta_harbor.jsonl", map(json_line, rows))
    return dict(soil.counts)


def _reviews(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    crowded = {product.key for product in draw.sample(products, counts.CROWDED)}
    rows: list[Row] = []
    seen: set[str] = set()
    for product in products:
        for _ in range(draw.between(*(counts.CROWD if product.key in crowded else counts.REVIEWS))):
            stars = reviews.rating(draw)
            text = reviews.write(product, stars, draw)
            while text in seen:
                text = reviews.write(product, stars, draw)
            seen.add(text)
            rows.append(_review(product.key, stars, reviews.headline(product, stars, draw), text, draw))
    rows = draw.shuffled(rows)
    soil = Soil(rows, "text", "en", draw)
    soil.fill("default_reviews", 40, DEFAULTS)
    soil.fill("placeholders", 8, PLACEHOLDERS["en"])
    soil.change("html", 30, lambda text, _: text.replace(". ", ".<br /><br />"), lambda text: ". " in text)
    soil.common(emoji=24, urls=5, personal=10, space=6, entities=6)
    soil.repeat(20)
    for number in range(10):
        product = draw.choice(products)
        row = _review(people.asin(number, "HPX"), 5, "Nice", reviews.write(product, 5, draw), draw)
        rows.insert(draw.below(len(rows) + 1), row)
    soil.counts["dangling"] = 10
    soil.counts["crowded_products"] = counts.CROWDED
    lines = [json_line(row) for row in rows]
    soil.counts["malformed_lines"] = 2
    write_lines(folder / "reviews_harbor.jsonl", scatter(lines, broken(lines, 2, draw), draw))
    return dict(soil.counts)


def _review(key: str, stars: int, title: str, text: str, draw: Draw) -> dict[str, Any]:
    return {
        "rating": float(stars),
        "title": title,
        "text": text,
        "parent_asin": key,
        "user_id": people.account(draw),
        "timestamp": int(people.moment(draw).timestamp()) * 1000,
    }


def _questions(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    for product in products:
        for question, answer in pages.questions(product, draw.between(*counts.QUESTIONS), draw):
            rows.append({"parent_asin": product.key, "question": question, "answer": answer})
    soil = Soil(rows, "answer", "en", draw)
    soil.common(urls=3, personal=4, entities=4)
    soil.repeat(5)
    stock = next(section for section in read_once("en/common.txt") if section.name == "boilerplate")
    for _ in range(32):
        product = draw.choice(products)
        asked = english(expand(draw.choice(stock.of("V")), product.slots | shop_lists("en", draw), draw)[0])
        row = {"parent_asin": product.key, "question": asked, "answer": draw.choice(stock.of("A"))}
        rows.insert(draw.below(len(rows) + 1), row)
    soil.counts["boilerplate_answers"] = 32
    rows += [{"parent_asin": people.asin(n, "HPX"), "question": "Is this coming back?", "answer": "No, sorry."} for n in range(3)]
    soil.counts["dangling"] = 3
    lines = [table_line([row["parent_asin"], row["question"], row["answer"]], "\t") for row in rows]
    wrong = [f"{products[40].key}\tIs it sturdy?".encode()]
    soil.counts["wrong_field_count"] = len(wrong)
    write_lines(folder / "qa.tsv", [b"parent_asin\tquestion\tanswer", *scatter(lines, wrong, draw)])
    return dict(soil.counts)


def _guides(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    for number in range(counts.ARTICLES):
        title, text, keys = articles.write(products, draw)
        rows.append({"id": f"G{501 + number}", "title": title, "text": text, "asins": keys})
    soil = Soil(rows, "text", "en", draw)
    soil.common(entities=4, urls=3)
    for row in soil.take(2):
        row["asins"].append(people.asin(1, "HPX"))
    soil.counts["unknown_ids"] = 2
    soil.repeat(1)
    write_lines(folder / "guides.jsonl", map(json_line, rows))
    return dict(soil.counts)

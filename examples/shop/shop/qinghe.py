"""Tables of the Chinese shop, one file a table, keyed by item_id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from . import articles, counts, pages, people, reviews
from .dirt import PLACEHOLDERS, Row, Soil, broken, phone, scatter
from .draw import Draw
from .files import json_line, table_line, write_lines
from .grammar import expand
from .products import Product, build, read_once, shop_lists

SHOP = "青禾生活旗舰店"
DEFAULTS = ["此用户没有填写评价。", "系统默认好评", "此用户未填写评价内容", "评价方未及时做出评价,系统默认好评!"]
Report = dict[str, dict[str, int]]


def catalogue(seed: int) -> list[Product]:
    """Build the products."""
    brands = [value[0] for value in read_once("zh/brands.txt")[0].facts[0].values]
    keys = [str(610000 + 13 * number) for number in range(1, counts.PRODUCTS + 1)]
    return build("zh", brands, keys, "QH", Draw(seed, "qinghe/products"))


def write(folder: Path, products: Sequence[Product], seed: int) -> Report:
    """Write the tables; return the faults planted in each."""
    shown = list(products[: -counts.WITHOUT_ROWS])
    return {
        "products.jsonl": _products(folder, products, Draw(seed, "qinghe/titles")),
        "attributes.csv": _attributes(folder, shown, Draw(seed, "qinghe/attributes")),
        "descriptions.jsonl": _descriptions(folder, shown, Draw(seed, "qinghe/descriptions")),
        "reviews.jsonl.gz": _reviews(folder, shown, Draw(seed, "qinghe/reviews")),
        "qa.jsonl": _questions(folder, shown, Draw(seed, "qinghe/qa")),
        "articles.jsonl": _articles(folder, shown, Draw(seed, "qinghe/articles")),
    }


def _products(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = [
        {"item_id": int(p.key), "name": p.title, "category": p.category, "price": p.slots["价"], "shop": SHOP} for p in products
    ]
    soil = Soil(rows, "name", "zh", draw)
    soil.common(wide=8, entities=4, space=3)
    write_lines(folder / "products.jsonl", map(json_line, rows))
    return dict(soil.counts)


def _attributes(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = [
        {"item_id": p.key, "attribute": name, "value": value} for p in products for name, value in p.attributes.items()
    ]
    soil = Soil(rows, "value", "zh", draw)
    soil.fill("placeholders", 30, PLACEHOLDERS["zh"])
    soil.common(wide=12)
    rows += [{"item_id": str(990001 + n), "attribute": "材质", "value": draw.choice(["PP", "纯棉", "不锈钢"])} for n in range(5)]
    soil.counts["dangling"] = 5
    lines = [table_line([row["item_id"], row["attribute"], row["value"]]) for row in rows]
    wrong = [f"{products[at].key},颜色,白色,灰色".encode() for at in (11, 57)]
    soil.counts["wrong_field_count"] = len(wrong)
    write_lines(folder / "attributes.csv", [b"item_id,attribute,value", *scatter(lines, wrong, draw)])
    return dict(soil.counts)


def _descriptions(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    for product in products:
        body = "".join(f"<p>{text}</p>" for text in pages.paragraphs(product, draw))
        if draw.chance(0.4):
            names = draw.sample([name for name in product.attributes if name != "型号"], 4)
            body += "<ul>" + "".join(f"<li>{name}：{product.attributes[name]}</li>" for name in names) + "</ul>"
        rows.append({"item_id": int(product.key), "body": f'<div class="detail">{body}</div>'})
    soil = Soil(rows, "body", "zh", draw)
    soil.fill("placeholders", 5, PLACEHOLDERS["zh"])
    soil.common(entities=12, space=5, urls=4)
    rows.append({"item_id": 990001, "body": "<p>本品已下架，感谢关注。</p>"})
    soil.counts["dangling"] = 1
    soil.counts["html"] = sum("<p>" in row["body"] for row in rows)
    write_lines(folder / "descriptions.jsonl", map(json_line, rows))
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
            rows.append(_review(int(product.key), stars, text, draw))
    rows = draw.shuffled(rows)
    soil = Soil(rows, "content", "zh", draw)
    soil.fill("default_reviews", 60, DEFAULTS)
    soil.fill("placeholders", 10, PLACEHOLDERS["zh"])
    soil.common(emoji=40, urls=6, personal=12, space=8, wide=8, entities=6)
    soil.repeat(25)
    for number in range(12):
        product = draw.choice(products)
        row = _review(990001 + number, 5, reviews.write(product, 5, draw), draw)
        rows.insert(draw.below(len(rows) + 1), row)
    soil.counts["dangling"] = 12
    soil.counts["crowded_products"] = counts.CROWDED
    lines = [json_line(row) for row in rows]
    soil.counts["malformed_lines"] = 3
    write_lines(folder / "reviews.jsonl.gz", scatter(lines, broken(lines, 3, draw), draw))
    return dict(soil.counts)


def _review(item: int, stars: int, text: str, draw: Draw) -> Row:
    time = people.moment(draw).strftime("%Y-%m-%d %H:%M:%S")
    user = {"nickname": people.nickname(draw), "phone": phone(draw)}
    return {"item_id": item, "rating": stars, "content": text, "user": user, "time": time}


def _questions(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    for product in products:
        for question, answer in pages.questions(product, draw.between(*counts.QUESTIONS), draw):
            rows.append({"item_id": int(product.key), "question": question, "answer": answer})
    soil = Soil(rows, "answer", "zh", draw)
    soil.common(urls=4, personal=6, entities=4)
    soil.repeat(6)
    legacy = soil.take(14, lambda text: not text.isascii())
    stock = next(section for section in read_once("zh/common.txt") if section.name == "套话")
    for _ in range(48):
        product = draw.choice(products)
        asked = expand(draw.choice(stock.of("V")), product.slots | shop_lists("zh", draw), draw)[0]
        answer = draw.weighted(list(zip(stock.of("A"), (30, 12, 6), strict=True)))
        row = {"item_id": int(product.key), "question": asked, "answer": answer}
        rows.insert(draw.below(len(rows) + 1), row)
    soil.counts["boilerplate_answers"] = 48
    rows.append({"item_id": 990007, "question": "还会上架吗？", "answer": "这款不做了，抱歉。"})
    soil.counts["dangling"] = 1
    old = {id(row) for row in legacy}
    lines = [json.dumps(row, ensure_ascii=False).encode("gb18030" if id(row) in old else "utf-8") for row in rows]
    soil.counts["gb18030_lines"] = len(legacy)
    # 0xFF starts a character in neither UTF-8 nor GB18030.
    damaged = [line[:-3] + b"\xff\xfe" + line[-3:] for line in draw.sample([line for line in lines if _utf8(line)], 2)]
    soil.counts["undecodable_lines"] = len(damaged)
    write_lines(folder / "qa.jsonl", scatter(lines, damaged, draw))
    return dict(soil.counts)


def _utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _articles(folder: Path, products: Sequence[Product], draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    for number in range(counts.ARTICLES):
        title, text, keys = articles.write(products, draw)
        items = [int(key) for key in keys]
        rows.append({"article_id": f"A{1001 + number}", "title": title, "body": text, "item_ids": items})
    soil = Soil(rows, "body", "zh", draw)
    soil.common(entities=5, urls=3)
    for row in soil.take(2):
        row["item_ids"].append(990001)
    soil.counts["unknown_ids"] = 2
    soil.repeat(1)
    write_lines(folder / "articles.jsonl", map(json_line, rows))
    return dict(soil.counts)
